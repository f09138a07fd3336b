"""One client's session: from binding to its end, over one connection or, resumed, several."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Protocol

from clarion.core.archive import ThreadId
from clarion.core.model import Person
from clarion.core.ports import ItemRef, SessionId
from clarion.lib.ids import ItemId
from clarion.lib.pattern import Pattern
from clarion.wire.xmpp.acks import Inbound, Outbound
from clarion.wire.xmpp.errors import (
    StanzaCondition,
    StanzaError,
    StreamCondition,
    StreamError,
)
from clarion.wire.xmpp.jid import Jid
from clarion.xmpp.held import Held

REACHED_LIMIT: Final = 1_000  # LIMIT: threads of which a session remembers how far they reached it
UNPROVEN_LIMIT: Final = 10_000  # LIMIT: items sent to a client that answers no ping (no XEP-0198)
BACKLOG_LIMIT: Final = 100  # LIMIT: items that wait in memory behind those from the archive
DIRECTED_LIMIT: Final = 1_000  # LIMIT: addresses a session may send directed presence to


class Line(Protocol):
    """The connection that a session speaks through."""

    @property
    def local(self) -> tuple[str, int] | None:
        """The server's own end, address and port; ``None``: it has none or is gone."""
        ...

    def write(self, data: bytes) -> None:
        """Queue bytes; they leave together at the end of this turn of the loop."""
        ...

    async def drained(self) -> None:
        """Wait until the client has read most of what was written."""
        ...

    def hold_reading(self, *, hold: bool) -> None:
        """Stop or go on reading what the client sends."""
        ...

    def prove_soon(self) -> None:
        """Ask the client before long what it has received (no XEP-0198)."""
        ...

    def ask_about_the_rest(self) -> None:
        """Ask, now or before long, about what no ``<r/>`` has followed yet (XEP-0198)."""
        ...

    def end(self, error: StreamError | None) -> None:
        """Close the stream, with an error or in an orderly way."""
        ...


@dataclass(slots=True)
class HeldTicket:
    """Goes with the error for a stanza that was lost: acknowledged, the stanza counts.

    Never changed; not frozen only because one is made per counted stanza.

    Attributes:
        ticket: The stanza's.
        inbound: Who counts it; once the session was resumed another one does.

    """

    ticket: int
    inbound: Inbound


@dataclass(slots=True)
class Backlog:
    """Items that come while older ones are read from the archive, and go out behind them.

    Attributes:
        stanzas: By item, in the order in which they came.
        missed: Whether more came than fit in: the archive must be read once more.

    """

    stanzas: dict[ItemId, tuple[bytes, ItemRef]] = field(default_factory=dict)
    missed: bool = False

    @property
    def full(self) -> bool:
        """Whether no more may be put in."""
        return len(self.stanzas) >= BACKLOG_LIMIT


Token = ItemRef | HeldTicket
"""What comes back when the client acknowledges a stanza."""


class Session:
    """A bound resource of a person.

    Attributes:
        id: Unguessable; also the resumption id of XEP-0198.
        person: Whose session it is, as the directory has it now.
        jid: The full JID.
        label: Which password it logged in with: ``""`` is the main one
            (``core/identity.py``).
        client: The id of the client's installation (XEP-0388), or ``""``.
        fetched_to: Up to this item the client reads the archive by itself
            (XEP-0386); ``None``: it is sent what waits.
        lang: The stream's ``xml:lang``, or ``""``.
        line: The connection, or ``None`` while it waits to be resumed.
        presence: The last available presence as broadcast, or ``None``
            while unavailable.
        shown: The same, cut for those who are sent it; ``notices.py`` makes it.
        priority: Its priority, -128 to 127; ``None`` while unavailable.
        interested: Asked for the roster, and so gets roster pushes (RFC 6121 section 2.2).
        interested_in_blocks: Asked for the block list, and so gets its pushes (XEP-0191).
        carbons: Wants copies of what goes to and comes from other sessions (XEP-0280).
        held: What waits while nobody looks at the client (XEP-0352); ``None`` while it is active.
        inactive: The client says that nobody looks at it (XEP-0352).
        catching_up: Items wait here while older ones are read from the
            archive; ``None`` when the session gets items at once.
        directed: Bare and full JIDs that got directed presence (RFC 6121 section 4.6).
        inbound: Counts what the client sent, once XEP-0198 is on.
        outbound: Keeps what the client has not acknowledged, once XEP-0198 is on.
        resumable: Whether the client asked to be able to resume.
        overflowed: Its queue ran full; it may not be resumed.
        ended: It is over for good.
        reached: Thread to the newest item that this session acknowledged.
        sent: Stanzas that ``send`` took, for metrics.
        delivered: Those among them that come back when they are acknowledged.

    """

    __slots__ = (
        "_moved",
        "carbons",
        "catching_up",
        "client",
        "delivered",
        "directed",
        "ended",
        "fetched_to",
        "full",
        "held",
        "id",
        "inactive",
        "inbound",
        "interested",
        "interested_in_blocks",
        "jid",
        "label",
        "lang",
        "line",
        "outbound",
        "overflowed",
        "person",
        "presence",
        "priority",
        "proof_count",
        "proof_id",
        "reached",
        "resumable",
        "sent",
        "shown",
        "unproven",
    )

    def __init__(self, session: SessionId, person: Person, jid: Jid, lang: str) -> None:
        self.id = session
        self.person = person
        self.jid = jid
        self.full = jid.full
        self.label = ""
        self.client = ""
        self.fetched_to: ItemId | None = None
        self.lang = lang
        self.line: Line | None = None
        self.presence: bytes | None = None
        self.shown: Pattern | None = None
        self.priority: int | None = None
        self.interested = False
        self.interested_in_blocks = False
        self.carbons = False
        self.held: Held | None = None
        self.inactive = False
        self.catching_up: Backlog | None = None
        self.directed: set[str] = set()
        self.inbound: Inbound | None = None
        self.outbound: Outbound[Token] | None = None
        self.resumable = False
        self.overflowed = False
        self.ended = False
        self._moved: asyncio.Future[None] | None = None
        self.reached: dict[ThreadId, ItemId] = {}
        # Without XEP-0198: items written to the line that no ping has proved to have arrived.
        self.unproven: list[ItemRef] = []
        self.proof_id = ""  # of the ping that proves the first proof_count of them
        self.proof_count = 0
        self.sent = 0
        self.delivered = 0

    @property
    def takes_messages(self) -> bool:
        """Whether messages to the bare JID come here (RFC 6121 section 8.5.2.1)."""
        return self.priority is not None and self.priority >= 0

    def send(
        self, stanza: bytes, token: Token | None = None, pattern: Pattern | None = None
    ) -> None:
        """Send a stanza; with XEP-0198 it is kept until the client acknowledges it.

        A client that acknowledges nothing until the queue is full, or without
        XEP-0198 answers no ping until ``UNPROVEN_LIMIT`` items are out, loses its
        stream; what it has not received waits in the archive.

        To a client that is not looked at presence goes later; anything else
        takes along what was held, so that nothing overtakes anything.

        Args:
            stanza: With ``from`` and ``to``.
            token: Comes back when the client has it.
            pattern: Of what many are sent: it is kept instead of the stanza, which
                after a resumption is sent again to the bare JID.

        """
        if self.held is not None:
            if token is None and self.held.takes_presence(stanza):
                return
            self._let_go(self.held)
        self.sent += 1
        if token is not None:
            self.delivered += 1
        if self.outbound is not None:
            if self.outbound.full:
                self.overflow()
                return
            self.outbound.push(stanza if pattern is None else pattern, token)
        elif isinstance(token, ItemRef):
            if len(self.unproven) >= UNPROVEN_LIMIT:
                self.overflow()
                return
            self.unproven.append(token)
        if self.line is not None:
            self.line.write(stanza)

    def send_fleeting(self, stanza: bytes, about: str) -> None:
        """Send what tells only of this moment, or hold it until something worth a look comes.

        Args:
            stanza: It is not archived.
            about: Whom and what it tells of: of several held the last one is sent.

        """
        if self.held is None or not self.held.put(about, stanza):
            self.send(stanza)

    def activate(self) -> None:
        """Send what was held; from now on nothing is."""
        held, self.held = self.held, None
        if held is not None:
            for stanza in held.clear():
                self.send(stanza)

    def _let_go(self, held: Held) -> None:
        self.activate()
        self.held = held

    def direct(self, address: str) -> None:
        """Remember that presence was sent to ``address``, who must hear of its end.

        Raises:
            StanzaError: It was sent to too many.

        """
        if len(self.directed) >= DIRECTED_LIMIT and address not in self.directed:
            raise StanzaError(
                StanzaCondition.POLICY_VIOLATION,
                f"presence was sent to {DIRECTED_LIMIT} addresses; take it back somewhere first",
            )
        self.directed.add(address)

    def overflow(self) -> None:
        """Give the client up: it does not take what it is sent."""
        self.overflowed = True
        if self.line is not None:
            self.line.end(
                StreamError(StreamCondition.RESOURCE_CONSTRAINT, "too much is unacknowledged")
            )

    @property
    def crowded(self) -> bool:
        """Whether so much is unacknowledged that what can wait should."""
        return self.outbound is not None and self.outbound.crowded

    async def room(self, most: int, most_bytes: int) -> None:
        """Wait until no more than that is unacknowledged, or the session has ended."""
        while (
            self.outbound is not None
            and (
                len(self.outbound) > most
                or self.outbound.size_bytes > most_bytes
                or self.outbound.crowded
            )
            and not self.ended
        ):
            if self._moved is None:
                self._moved = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._moved)

    def moved(self) -> None:
        """Wake those who wait in ``room``: the client acknowledged, or the session ended."""
        if self._moved is not None:
            self._moved.set_result(None)
            self._moved = None

    def proved(self) -> list[ItemRef]:
        """Take the items that the answered ping proves to have arrived."""
        proved, self.unproven = (
            self.unproven[: self.proof_count],
            self.unproven[self.proof_count :],
        )
        self.proof_id, self.proof_count = "", 0
        return proved

    def send_nonza(self, data: bytes) -> None:
        """Send what is no stanza and is not counted (XEP-0198 section 4)."""
        if self.line is not None:
            self.line.write(data)

    def note_reached(self, thread: ThreadId, item: ItemId) -> None:
        """Remember that everything in ``thread`` up to ``item`` has reached this session."""
        known = self.reached.get(thread)
        if known is None or item > known:
            self.reached.pop(thread, None)
            self.reached[thread] = item
            if len(self.reached) > REACHED_LIMIT:
                del self.reached[next(iter(self.reached))]
