"""The archive's port: every item once, and who may see it.

An item is one message of any kind with one id for its whole life. It is kept
once; each owner (a person who sent or received it, or a room) sees it through a line of
their own, so that one owner can forget it and the other not.
"""

import hashlib
from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NewType, Protocol

from clarion.core.model import PersonNumber
from clarion.lib.ids import ItemId

ThreadId = NewType("ThreadId", bytes)
"""What a mark moves through: 16 bytes that follow from who talks with whom."""

THREADS_CACHED: Final = 16_384
"""LIMIT: pairs, and rooms, whose thread is remembered, some 4 MiB when all are used."""


@lru_cache(maxsize=THREADS_CACHED)
def pair_thread(one: str, other: str) -> ThreadId:
    """Return the thread of two bare addresses, whichever is named first."""
    low, high = sorted((one, other))
    return ThreadId(hashlib.blake2b(f"pair\0{low}\0{high}".encode(), digest_size=16).digest())


@lru_cache(maxsize=THREADS_CACHED)
def room_thread(address: str) -> ThreadId:
    """Return the thread of the room with this bare address."""
    return ThreadId(hashlib.blake2b(f"room\0{address}".encode(), digest_size=16).digest())


@dataclass(slots=True, unsafe_hash=True)  # never changed; frozen takes 6 times as long to make
class Item:
    """One message in the archive.

    Attributes:
        id: Minted when the server accepted it; holds the time.
        thread: Where marks of this item move.
        sender: Full or bare JID it came from.
        recipient: JID it was sent to, as addressed.
        message_id: The sender's own ``id`` attribute, or ``""``; receipts and
            markers of 1:1 chats name it (XEP-0184, XEP-0333).
        origin_id: XEP-0359 origin-id, or ``""``; tells a message sent again.
        stanza: The stanza's bytes with ``from`` and ``to``, self-contained
            but for ``xmlns='jabber:client'`` and its stanza-id.
        countable: Whether people read it: it has a body or other content, and
            is no receipt or marker. Only countable items are in the ledger.
        passing: Whether it only waits for its owner: no archive of theirs has
            it. Told by ``incoming_after`` alone.
        whole: Whether the stanza is what was sent; else something stands in
            its place, since it was retracted or is forgotten.

    """

    id: ItemId
    thread: ThreadId
    sender: str
    recipient: str
    message_id: str
    origin_id: str
    stanza: bytes
    countable: bool
    passing: bool = False
    whole: bool = True


class Keeping(Enum):
    """Whether an owner's archive shows an item.

    Attributes:
        ARCHIVED: It does.
        PASSING: It does not. What came to this owner waits until it is
            received and then is gone; what the owner sent leaves no line.
        CONTACTS: Like ``ARCHIVED`` when the other side is in the owner's
            roster at the commit, else like ``PASSING``.

    """

    ARCHIVED = "archived"
    PASSING = "passing"
    CONTACTS = "contacts"


@dataclass(slots=True, unsafe_hash=True)  # see ``Item``
class Owner:
    """Who gets a line for an item.

    Attributes:
        person: The owner's number: a person's, or the negative one of a room
            (``core/rooms.py``), to which everything is incoming.
        incoming: Whether the item came to this owner (else this owner sent
            it). A message to oneself is one line, incoming.
        keeping: Whether this owner's archive shows it.

    """

    person: PersonNumber
    incoming: bool
    keeping: Keeping = Keeping.ARCHIVED


@dataclass(frozen=True, slots=True)
class Retraction:
    """Takes back an earlier item of the same thread and the same bare sender (XEP-0424).

    Attributes:
        message_id: The retracted message's own ``id``.
        tombstone: The ``<message/>`` that takes the stanza's place, without
            ``from``, ``to`` and ``id``: those stay as they were. One that begins
            with ``<message from=`` is complete.
        item: The item itself, where it is known: then ``message_id`` and the
            sender do not matter, the caller has looked (XEP-0425).

    """

    message_id: str
    tombstone: bytes
    item: ItemId | None = None


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which items of one owner are asked for (XEP-0313 section 4.1, XEP-0059).

    All bounds narrow each other.

    Attributes:
        thread: Only this thread.
        party: Only items whose sender or recipient is exactly this full JID.
        after: Only items with a greater id.
        before: Only items with a smaller id.
        limit: At most this many.
        newest: Take the newest within the bounds rather than the oldest.
        ids: Only these; ``None``: any.

    """

    thread: ThreadId | None
    party: str | None
    after: ItemId
    before: ItemId
    limit: int
    newest: bool = False
    ids: tuple[ItemId, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an owner's archive.

    Attributes:
        items: In the order of their ids, whichever end was asked for.
        complete: Whether nothing more lies in the direction of paging.

    """

    items: Sequence[Item]
    complete: bool


@dataclass(frozen=True, slots=True)
class Received:
    """What has reached a person's clients.

    Attributes:
        up_to: All items up to this one have; ``FIRST``: none has.
        newer: Whether newer ones may wait. Never ``False`` when one does.
        ends: The first and the last item of the person's archive, sent ones
            among them; ``None``: it is empty. What was not committed is not there.

    """

    up_to: ItemId
    newer: bool
    ends: tuple[ItemId, ItemId] | None = None


class Archive(Protocol):
    """Keeps items, and how far each person has received theirs."""

    def append(
        self, item: Item, owners: Sequence[Owner], retraction: Retraction | None = None
    ) -> Future[Any]:
        """Keep ``item`` and a line per owner; the future resolves after the commit.

        With a ``retraction``, the newest whole, countable item that it names
        becomes a tombstone for everybody in the same transaction. One that is
        not there, or was retracted already, changes nothing. Looks back over
        a bounded number of the thread's newest items.

        Raises:
            UnavailableError: From the future; nothing was kept.

        """
        ...

    async def settled(self, owner: PersonNumber | None = None) -> None:
        """Return when every item appended so far is committed or was refused.

        Callbacks of those futures have run by then.

        Who reads what waits for a person, or what a person has, calls it
        first: an item may have been routed, and perhaps be in a client's
        hands, while its commit is under way.

        Args:
            owner: Wait for this owner's items only; ``None``: for all.

        """
        ...

    async def page(
        self, owner: PersonNumber, query: PageQuery, *, asker: PersonNumber | None = None
    ) -> Page:
        """Return one page; at most ``query.limit`` items.

        A search for a full JID looks at a bounded number of items: a page
        that is not complete may be shorter than the limit.

        Args:
            owner: Whose archive.
            query: Which part of it.
            asker: Who waits for the answer, where it is not the owner: of each
                asker one search runs at a time, so members of a room must not
                wait for each other.

        Raises:
            UsageError: None of so many items matches the full JID.
            UnavailableError: The search took too long, or the asker has too
                many under way.

        """
        ...

    async def count(
        self, owner: PersonNumber, query: PageQuery, *, asker: PersonNumber | None = None
    ) -> int:
        """Count what the bounds of ``query`` hold, its limit aside; ``asker`` as in ``page``.

        Raises:
            UnavailableError: As ``page``.

        """
        ...

    async def has(self, owner: PersonNumber, *items: ItemId) -> bool:
        """Whether the archive of ``owner`` shows all of these items."""
        ...

    async def ends(self, owner: PersonNumber) -> tuple[ItemId, ItemId] | None:
        """Return the first and the last item that ``owner`` sees; ``None``: there is none."""
        ...

    def has_passing(self, owner: PersonNumber) -> bool:
        """Whether items may wait for ``owner`` that no page shows.

        Known of those whose ``received_up_to`` was asked for.
        """
        ...

    async def incoming_after(
        self, owner: PersonNumber, after: ItemId, limit: int
    ) -> Sequence[Item]:
        """Return the oldest ``limit`` items that came to ``owner`` and are newer than ``after``.

        Also those that only pass through.
        """
        ...

    async def find(self, thread: ThreadId, sender: str, message_id: str) -> ItemId | None:
        """Find the newest item of ``thread`` that the bare address ``sender`` gave this id.

        Looks back over a bounded number of the thread's newest items.
        """
        ...

    async def get(self, item: ItemId) -> Item | None:
        """Return one item, whoever owns it; for the ledger and administration."""
        ...

    async def thread_page(self, thread: ThreadId, limit: int) -> Sequence[Item]:
        """Return the newest countable items of a thread in order; for the ledger."""
        ...

    async def recent_sent(self, owner: PersonNumber, limit: int) -> Sequence[Item]:
        """Return the newest ``limit`` items that ``owner`` sent, oldest first."""
        ...

    async def received_up_to(self, owner: PersonNumber) -> Received:
        """Return up to where everything has reached one of the owner's clients.

        What is appended while this is read, or is not committed yet, counts as newer.
        """
        ...

    def set_received_up_to(self, owner: PersonNumber, item: ItemId) -> Future[Any]:
        """Move that mark forward; a lower one changes nothing.

        What only passed through, up to there, is gone with the same commit,
        and its text too where nobody else's archive has it.
        """
        ...

    async def newest(self) -> ItemId:
        """Return the newest id kept, ``FIRST`` when there is none."""
        ...
