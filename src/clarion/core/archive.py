"""The archive's port: every item once, and who may see it.

An item is one message of any kind with one id for its whole life. It is kept
once; each owner (a person who sent or received it) sees it through a line of
their own, so that one owner can forget it and the other not.
"""

import hashlib
from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NewType, Protocol

from clarion.core.model import PersonNumber
from clarion.lib.ids import ItemId

ThreadId = NewType("ThreadId", bytes)
"""What a mark moves through: 16 bytes that follow from who talks with whom."""


def pair_thread(one: str, other: str) -> ThreadId:
    """Return the thread of two bare addresses, whichever is named first."""
    low, high = sorted((one, other))
    return ThreadId(hashlib.blake2b(f"pair\0{low}\0{high}".encode(), digest_size=16).digest())


@dataclass(frozen=True, slots=True)
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

    """

    id: ItemId
    thread: ThreadId
    sender: str
    recipient: str
    message_id: str
    origin_id: str
    stanza: bytes
    countable: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """Who gets a line for an item.

    Attributes:
        person: The owner's number.
        incoming: Whether the item came to this owner (else this owner sent
            it). A message to oneself is one line, incoming.

    """

    person: PersonNumber
    incoming: bool


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

    """

    thread: ThreadId | None
    party: str | None
    after: ItemId
    before: ItemId
    limit: int
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an owner's archive.

    Attributes:
        items: In the order of their ids, whichever end was asked for.
        complete: Whether nothing more lies in the direction of paging.

    """

    items: Sequence[Item]
    complete: bool


class Archive(Protocol):
    """Keeps items, and how far each person has received theirs."""

    def append(self, item: Item, owners: Sequence[Owner]) -> Future[Any]:
        """Keep ``item`` and a line per owner; the future resolves after the commit.

        Raises:
            UnavailableError: From the future; nothing was kept.

        """
        ...

    async def settled(self) -> None:
        """Return when every item appended so far is committed or was refused.

        Callbacks of those futures have run by then.

        Who reads what waits for a person calls it first: an item may have
        been routed, and found nobody on line, while its commit is under way.
        """
        ...

    async def page(self, owner: PersonNumber, query: PageQuery) -> Page:
        """Return one page; at most ``query.limit`` items."""
        ...

    async def count(self, owner: PersonNumber, query: PageQuery) -> int:
        """Count what the bounds of ``query`` hold, its limit aside."""
        ...

    async def has(self, owner: PersonNumber, item: ItemId) -> bool:
        """Whether ``owner`` sees this item."""
        ...

    async def incoming_after(
        self, owner: PersonNumber, after: ItemId, limit: int
    ) -> Sequence[Item]:
        """Return the oldest ``limit`` items that came to ``owner`` and are newer than ``after``."""
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

    async def received_up_to(self, owner: PersonNumber) -> ItemId:
        """Return up to where everything has reached one of the owner's clients."""
        ...

    def set_received_up_to(self, owner: PersonNumber, item: ItemId) -> Future[Any]:
        """Move that mark forward; a lower one changes nothing."""
        ...

    async def newest(self) -> ItemId:
        """Return the newest id kept, ``FIRST`` when there is none."""
        ...
