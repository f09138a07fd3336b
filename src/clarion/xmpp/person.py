"""The person entity: a person's sessions, and which of them gets what (RFC 6121 section 8.5).

Everybody else reaches it through the router with a ``Parcel``.
"""

import asyncio
from asyncio import Future
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from clarion.core.archive import Archive, Item, Received, ThreadId
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.ledger import Act, Door
from clarion.core.model import Person
from clarion.core.ports import ItemRef, Parcel, SessionId
from clarion.core.seal import Seal
from clarion.lib.clock import Clock
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import ItemId, seconds
from clarion.lib.log import get_logger
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.splice import append_child
from clarion.wire.xmpp.stamps import delay, stanza_id
from clarion.xmpp.copiers import Copiers
from clarion.xmpp.reach import Reach
from clarion.xmpp.sent import SENT_LIMIT, SentMemory
from clarion.xmpp.session import Backlog, Session

CATCH_UP_PAGE: Final = 100  # items read from the archive at a time
CATCH_UP_BYTES: Final = 65_536  # sent before the client must have taken most of it
CATCH_UP_RETRY: Final = 5.0  # seconds until a store that could not answer is asked again

log = get_logger("xmpp")


class PersonEntity:
    """One person who has sessions here.

    Args:
        person: As of now; replaced when the directory changes.
        domain: The organisation's, which stamps delayed stanzas.
        archive: Holds what waits.
        ledger: Told what was delivered.
        seal: Turns item ids into stanza-ids.
        clock: Wall time for the ledger.
        reach: What has reached this person's clients.
        blocking: Whose messages no longer come, even those that wait.

    Attributes:
        sessions: Replaced, never changed, when a session begins or ends: that
            may happen while somebody sends to all of them.
        copiers: Those that want copies (XEP-0280); ``None``: nobody does.
        found: What the store said when this was made, until a session has begun.
        farewell: The status of the last unavailable presence since the last
            available one (XEP-0012).

    """

    def __init__(
        self,
        person: Person,
        domain: str,
        archive: Archive,
        ledger: Ledger,
        seal: Seal,
        clock: Clock,
        reach: Reach,
        blocking: Blocking,
    ) -> None:
        self.person = person
        self.sessions: dict[SessionId, Session] = {}
        self.reach = reach
        self.copiers: Copiers | None = None
        self.sent = SentMemory()
        self.knows_sent = False
        self.farewell = ""
        self.found: Received | None = None
        self._uncommitted: dict[ItemId, Future[Any]] = {}
        self._domain = domain
        self._archive = archive
        self._ledger = ledger
        self._seal = seal
        self._clock = clock
        self._blocking = blocking

    @property
    def address(self) -> str:
        """The bare JID."""
        return self.person.address

    def with_resource(self, resource: str) -> Session | None:
        """Return the session bound to ``resource``."""
        for session in self.sessions.values():
            if session.jid.resource == resource:
                return session
        return None

    def available(self) -> list[Session]:
        """Return the sessions that sent initial presence."""
        return [s for s in self.sessions.values() if s.presence is not None]

    # -- messages ----------------------------------------------------------------

    def take_message(self, parcel: Parcel) -> None:
        """Deliver a message that is known to be deliverable (``routing.py`` has refused the rest).

        To a full JID: to that session, whatever its priority; a chat message
        whose session is gone goes to the bare JID (section 8.5.3.2.1). To the
        bare JID: to every session of non-negative priority (8.5.2.1.1 (b)).
        Other sessions may get copies (XEP-0280).
        """
        item = parcel.item
        if parcel.resource:
            session = self.with_resource(parcel.resource)
            if session is not None:
                self._hand(session, parcel)
                if self.copiers is not None and parcel.copy is not None:
                    self.copiers.received(parcel, session, taken=True)
                return
            if parcel.kind != "chat":
                return
        elif parcel.kind == "error":
            return
        taken = False
        for session in self.sessions.values():
            # Sending to one may have ended another.
            if session.takes_messages and not session.ended:
                self._hand(session, parcel)
                taken = True
        if not taken and item is not None:
            self.reach.stored(item.item)
        if self.copiers is not None and parcel.copy is not None:
            self.copiers.received(parcel, None, taken=taken)

    def refresh_copiers(self) -> None:
        """Take note that a session wants copies now, or no longer (XEP-0280)."""
        wanting = [session for session in self.sessions.values() if session.carbons]
        if not wanting:
            self.copiers = None
        elif self.copiers is None:
            self.copiers = Copiers(self.address, self.reach, wanting)
        else:
            self.copiers.change(wanting)

    def _hand(self, session: Session, parcel: Parcel) -> None:
        stanza, item = parcel.stanza, parcel.item
        if item is None:
            if parcel.fleeting:
                session.send_fleeting(stanza, f"state {parcel.sender}")
            else:
                session.send(stanza)
        elif item.room:
            session.send(stanza, item)
        elif session.catching_up is None:
            self.reach.handed(item.item, session.id)
            session.send(stanza, item)
        elif not session.catching_up.full:
            self.reach.handed(item.item, session.id)
            session.catching_up.stanzas[item.item] = (stanza, item)
        else:
            self.reach.stored(item.item)
            for other in self.sessions.values():
                if other.catching_up is not None:
                    other.catching_up.missed = True

    # -- what the person sent ------------------------------------------------------------

    async def load_sent(self) -> None:
        """Learn from the archive what was sent before this entity was in memory.

        Raises:
            UnavailableError: The store cannot say.

        """
        if not self.knows_sent:
            items = await self._archive.recent_sent(self.person.number, SENT_LIMIT)
            self.sent.fill(items)
            self.knows_sent = True

    def note_sent(self, peer: str, item: Item, kept: Future[Any]) -> None:
        """Remember an item on its way to the bare JID ``peer``; ``kept`` is its commit."""
        self.sent.add(peer, item)
        self._uncommitted[item.id] = kept
        kept.add_done_callback(lambda done: self._sent_done(peer, item, done))

    def commit_of(self, item: ItemId) -> Future[Any] | None:
        """Return the commit of an item that is under way; ``None``: it is committed."""
        return self._uncommitted.get(item)

    def _sent_done(self, peer: str, item: Item, done: Future[Any]) -> None:
        self._uncommitted.pop(item.id, None)
        if done.cancelled() or done.exception() is not None:
            self.sent.forget(peer, item)

    # -- presence ----------------------------------------------------------------

    def take_presence(self, parcel: Parcel) -> None:
        """Deliver presence that is available, unavailable or an error.

        To a full JID: to that session, if it is there (section 8.5.3). To the
        bare JID: to every available session (8.5.2.1.2), but an error to nobody.
        """
        if parcel.resource:
            session = self.with_resource(parcel.resource)
            if session is not None:
                session.send(parcel.stanza, None, parcel.pattern)
        elif parcel.kind != "error":
            for session in self.sessions.values():
                if session.presence is not None:
                    session.send(parcel.stanza, None, parcel.pattern)

    # -- what has reached the person ------------------------------------------------

    def received(self, session: Session, refs: Sequence[ItemRef]) -> None:
        """Note what a session has acknowledged: the level moves, the sender sees "delivered".

        In rooms it is only known for the session: a line in the ledger for each of hundreds of
        members would cost far more than the message.
        """
        now = self._clock.wall()
        newest: dict[ThreadId, ItemId] = {}
        for ref in refs:
            if ref.room:
                if ref.thread is not None:
                    session.note_reached(ThreadId(ref.thread), ref.item)
                continue
            self.reach.received(ref.item)
            if ref.thread is not None:
                thread = ThreadId(ref.thread)
                # Pages of the archive may be fetched newest first.
                newest[thread] = max(ref.item, newest.get(thread, ref.item))
        for thread, item in newest.items():
            session.note_reached(thread, item)
            self._ledger.move(thread, self.address, item, now, Door.CHAT, Act.DELIVERED)

    def deliver_waiting(self, session: Session) -> Coroutine[Any, Any, None]:
        """Catch up, and try again later while the store cannot say what waits.

        Like ``catch_up``, to be called in the turn in which the session
        begins to take messages.
        """
        return self._patiently(session, self.catch_up(session))

    async def _patiently(self, session: Session, attempt: Coroutine[Any, Any, None]) -> None:
        while True:
            try:
                await attempt
            except UnavailableError as error:
                log.warning("what waits is delivered later", jid=session.full, why=str(error))
            else:
                return
            over = asyncio.Event()
            self._clock.call_later(CATCH_UP_RETRY, over.set)
            await over.wait()
            if not self._takes(session):
                return
            attempt = self.catch_up(session)

    def catch_up(self, session: Session) -> Coroutine[Any, Any, None]:
        """Send ``session`` what waits, oldest first, before anything newer (XEP-0160).

        What comes from this call on is queued behind, so make it in the turn
        of the loop in which the session begins to take messages. What only
        sessions without a connection hold is sent too: they may never resume.

        Raises:
            UnavailableError: The store cannot say what waits. What came
                meanwhile is delivered; the rest still waits.

        """
        others = self.sessions.values()
        lost = frozenset(s.id for s in others if s.line is None and s is not session)
        stranded = self.reach.oldest_with(lost) if lost else None
        if stranded is not None:
            self.reach.stored(stranded)
        if self.reach.waiting_above is None or session.catching_up is not None:
            return _nothing()
        session.catching_up = Backlog()
        return self._catch_up(session, session.catching_up)

    async def _catch_up(self, session: Session, backlog: Backlog) -> None:
        try:
            await self._send_waiting(session, backlog)
        finally:
            session.catching_up = None
            for stanza, ref in backlog.stanzas.values():
                if self._takes(session):
                    session.send(stanza, ref)
                else:
                    self.reach.released(ref.item, session.id)

    async def _send_waiting(self, session: Session, backlog: Backlog) -> None:
        """Send page after page, until nothing waits or the session takes no more."""
        burst_bytes = 0
        while self._takes(session):
            backlog.missed = False
            # What was routed a moment ago may not be committed, and so not be readable, yet.
            await self._archive.settled()
            after = self.reach.waiting_above
            if after is None:
                return  # another session has it
            page = await self._archive.incoming_after(self.person.number, after, CATCH_UP_PAGE)
            for item in page:
                if not self._takes(session):
                    return
                if self.reach.fell_below(after):
                    break
                burst_bytes += self._send_late(session, backlog, item)
                after = item.id
                self.reach.scanned(after)
                if burst_bytes >= CATCH_UP_BYTES or session.crowded:
                    burst_bytes = 0
                    await self._let_take(session)
            if not self._takes(session):
                return
            if self.reach.fell_below(after):
                continue  # what a session held when it ended waits again, and comes first
            if len(page) < CATCH_UP_PAGE and not backlog.missed:
                self.reach.caught_up(after)
                return
            await self._let_take(session)

    def _takes(self, session: Session) -> bool:
        return session.id in self.sessions and session.takes_messages

    async def _let_take(self, session: Session) -> None:
        """Wait until the client has read, and with XEP-0198 acknowledged, most of what it got."""
        if session.line is not None:
            await session.line.drained()
        await session.room(CATCH_UP_PAGE, CATCH_UP_BYTES)

    def _send_late(self, session: Session, backlog: Backlog, item: Item) -> int:
        """Send an item that waited, unless it reaches the person anyway; returns its bytes."""
        # What came for this session just now goes to it, whoever else has it.
        live = backlog.stanzas.pop(item.id, None)
        if live is None and (
            self.reach.has_received(item.id)
            or self._on_the_way(session, item.id)
            or self._blocked(item)
            or _fetched(session, item)
        ):
            return 0
        stamps = delay(self._domain, seconds(item.id))
        if not item.passing:
            stamps += stanza_id(self.address, self._seal.seal(item.id))
        ref = ItemRef(item.id, item.thread if item.countable else None)
        self.reach.handed(item.id, session.id)
        session.send(append_child(item.stanza, stamps) if live is None else live[0], ref)
        return len(item.stanza)

    def _blocked(self, item: Item) -> bool:
        """Whether its sender was blocked after it was sent (XEP-0191 section 3.3)."""
        blocked = self._blocking.of(self.address)
        return blocked is not None and blocked.blocks(parse_jid(item.sender))

    def _on_the_way(self, session: Session, item: ItemId) -> bool:
        """Whether ``session`` has the item, or another one that is connected."""
        for holder in self.reach.holders(item):
            other = self.sessions.get(holder)
            if other is session or (other is not None and other.line is not None):
                return True
        return False


def _fetched(session: Session, item: Item) -> bool:
    """Whether the client reads it in the archive, as it was told while it bound (XEP-0386)."""
    up_to = session.fetched_to
    return up_to is not None and item.id <= up_to and not item.passing


async def _nothing() -> None:
    """Do nothing: what waited is on its way."""
