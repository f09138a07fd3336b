"""The ledger: what was sent to whom, and who has received and read it.

A mark says "everything in this thread up to here". Marks only move forward
and are kept as a log of moves, so that *when* somebody read an older item is
known too: it is the time of the first move that reached the item. What the
sender sees never goes back to unread.
"""

from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from clarion.core.archive import ThreadId
from clarion.lib.ids import ItemId


class Door(StrEnum):
    """Where a mark came from."""

    CHAT = "chat"
    IMAP = "imap"
    WEB = "web"
    MAIL = "mail"
    SMS = "sms"
    PHONE = "phone"
    SIP = "sip"


class Act(StrEnum):
    """What the reader did."""

    DELIVERED = "delivered"
    OPENED = "opened"
    MARKED = "marked"
    REPLIED = "replied"
    CONFIRMED = "confirmed"
    RULE = "rule"


class State(StrEnum):
    """What the sender sees of an item and a reader, from least to most."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    CONFIRMED = "confirmed"


STATE_OF: dict[Act, State] = {
    Act.DELIVERED: State.DELIVERED,
    Act.OPENED: State.READ,
    Act.MARKED: State.READ,
    Act.REPLIED: State.READ,
    Act.RULE: State.READ,
    Act.CONFIRMED: State.CONFIRMED,
}
"""Which state an act brings about."""


@dataclass(slots=True, unsafe_hash=True)  # never changed; frozen takes 6 times as long to make
class Move:
    """One line of the log.

    Attributes:
        thread: Where.
        reader: The reader's bare address.
        up_to: Everything in the thread up to this item.
        at: UNIX seconds, UTC.
        door: Where it came from.
        act: What the reader did.

    """

    thread: ThreadId
    reader: str
    up_to: ItemId
    at: float
    door: Door
    act: Act


@dataclass(frozen=True, slots=True)
class Entry:
    """One item and one reader, as ``clarion ledger show`` prints it.

    Attributes:
        item: The item's id.
        reader: The reader's bare address.
        state: The furthest state reached.
        at: When that state was first reached, UNIX seconds; ``None`` for ``SENT``.
        door: Where from; ``None`` for ``SENT``.
        act: By which act; ``None`` for ``SENT``.

    """

    item: ItemId
    reader: str
    state: State
    at: float | None = None
    door: Door | None = None
    act: Act | None = None


class LedgerStore(Protocol):
    """What the ledger asks of a store."""

    def append(self, moves: Sequence[Move]) -> Future[Any]:
        """Keep these moves; the future resolves after the commit.

        Raises:
            UnavailableError: From the future; none was kept.

        """
        ...

    async def heights(self, thread: ThreadId) -> dict[tuple[str, State], ItemId]:
        """Return how far each reader of ``thread`` has come, by state."""
        ...

    async def first_reaching(self, thread: ThreadId, item: ItemId) -> Sequence[Move]:
        """Return of each reader and act the first move at or above ``item``, oldest first.

        However many moves came after them.
        """
        ...

    async def moves_reaching(self, thread: ThreadId, item: ItemId) -> Sequence[Move]:
        """Return the moves of ``thread`` at or above ``item``, oldest first."""
        ...
