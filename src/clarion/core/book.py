"""The ledger at work: marks taken on the hot path, and read lists for people who ask.

``move`` costs a few dictionary look-ups. What moved is written with the next
batch of the store: one line per thread, reader and act, however many marks
came in between. A move that is stored twice, or behind an earlier one, does
no harm, because an item's entry is the *first* move that reached it; so
nothing is read from the store before a mark is taken.
"""

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from clarion.core.archive import Archive, Item, ThreadId, pair_thread, room_thread
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import MarkMoved
from clarion.core.ledger import STATE_OF, Act, Door, Entry, LedgerStore, Move, State
from clarion.core.room_book import RoomBook
from clarion.lib.clock import Alarm, Clock
from clarion.lib.errors import UnavailableError, UsageError
from clarion.lib.ids import FIRST, ItemId
from clarion.lib.log import get_logger

THREADS_CACHED: Final = 20_000
"""LIMIT: threads whose heights are in memory; the longest quiet go first, at the
price of one needless line each."""
SHOW_LIMIT: Final = 1000
"""LIMIT: items of a thread shown at once."""
ENTRIES_LIMIT: Final = 100_000
"""LIMIT: entries shown at once, some 20 MiB; a room has many readers for each item."""
RETRY_AFTER: Final = 1.0
"""Seconds until moves that the store refused are written again."""

_FALLING: Final = tuple(reversed(State))
_AT_LEAST: Final = {state: tuple(State)[place:] for place, state in enumerate(State)}

log = get_logger("ledger")


class Ledger:
    """Knows how far every reader has come.

    Args:
        store: Keeps the moves.
        archive: Knows the items.
        directory: Knows who reads what is for one person.
        rooms: Knows who reads what was said in a room; ``None``: there are none.
        bus: Hears ``MarkMoved``.
        clock: Rings when moves are to be written.
        request_batch: Asks for a batch that calls ``write``; ``None``: moves
            are written at the next turn of the loop.

    """

    def __init__(
        self,
        store: LedgerStore,
        archive: Archive,
        directory: Directory,
        bus: Bus,
        clock: Clock,
        *,
        rooms: RoomBook | None = None,
        request_batch: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._archive = archive
        self._directory = directory
        self._rooms = rooms
        self._bus = bus
        self._clock = clock
        self._request_batch = request_batch
        self._heights: OrderedDict[ThreadId, dict[tuple[str, State], ItemId]] = OrderedDict()
        self._waiting: dict[tuple[ThreadId, str, Act], Move] = {}
        self._under_way: dict[asyncio.Future[Any], list[Move]] = {}
        self._alarm: Alarm | None = None

    # The hot path.

    def move(  # the fields of a Move, in its order
        self, thread: ThreadId, reader: str, up_to: ItemId, at: float, door: Door, act: Act
    ) -> bool:
        """Take a mark; it goes into the store's next batch, see ``written``.

        Args:
            thread: Where.
            reader: The reader's bare address.
            up_to: Everything in the thread up to this item.
            at: UNIX seconds, UTC.
            door: Where it came from.
            act: What the reader did.

        Returns:
            Whether the reader came further; ``False`` when as much was known.

        """
        heights = self._heights.get(thread)
        if heights is None:
            heights = self._heights[thread] = {}
            if len(self._heights) > THREADS_CACHED:
                self._heights.popitem(last=False)
        else:
            self._heights.move_to_end(thread)
        state = STATE_OF[act]
        for above in _AT_LEAST[state]:
            height = heights.get((reader, above))
            if height is not None and up_to <= height:
                return False
        waiting = self._waiting.get((thread, reader, act))
        if waiting is not None and up_to <= waiting.up_to:
            heights[reader, state] = waiting.up_to  # the thread's heights had been forgotten
            return False
        heights[reader, state] = up_to
        move = Move(thread, reader, up_to, at, door, act)
        if not self._waiting:
            self._ask_for_a_batch()
        self._waiting[thread, reader, act] = move
        self._bus.publish(MarkMoved(move))
        return True

    def has_come(self, thread: ThreadId, reader: str, state: State, item: ItemId) -> bool:
        """Whether it is known, without asking the store, that a reader has come so far.

        Args:
            thread: Where.
            reader: The reader's bare address.
            state: At least this.
            item: At least up to here.

        """
        heights = self._heights.get(thread)
        if heights is None:
            return False
        return any(item <= heights.get((reader, above), FIRST) for above in _AT_LEAST[state])

    def flush(self) -> list[Move]:
        """Hand out, once, the moves that wait to be written."""
        moves = list(self._waiting.values())
        self._waiting.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        return moves

    def write(self) -> None:
        """Put what waits into the store's queue; the hook before each batch."""
        moves = self.flush()
        if moves:
            future = self._store.append(moves)
            self._under_way[future] = moves
            future.add_done_callback(self._wrote)

    async def written(self) -> None:
        """Wait until every move taken so far is safe.

        Raises:
            UnavailableError: The store refused some; they are tried again.

        """
        self.write()
        # Shielded: whoever stops waiting must not stop the writing.
        waiting = [asyncio.shield(future) for future in self._under_way]
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    # Read lists.

    async def show_item(self, item_id: ItemId) -> Sequence[Entry]:
        """Return an entry per reader of an item; none for what nobody reads.

        Raises:
            UsageError: There is no such item.
            UnavailableError: The store cannot answer.

        """
        item = await self._archive.get(item_id)
        if item is None:
            raise UsageError("there is no such item")
        (readers,) = await self._readers([item])
        if not readers:
            return []
        kept = await self._store.first_reaching(item.thread, item.id)
        stairs = _Stairs([*kept, *self._pending(item.thread)])
        return [stairs.entry(item.id, reader) for reader in readers]

    async def show_thread(self, one: str, other: str, limit: int) -> Sequence[tuple[Item, Entry]]:
        """Return the newest items between two persons, oldest first, each with its reader.

        Args:
            one: A person's address, in whatever spelling.
            other: The other person's.
            limit: At most this many items, and at most ``SHOW_LIMIT``.

        Raises:
            UsageError: One of them does not exist.
            UnavailableError: The store cannot answer.

        """
        pair = [self._directory.require_person(address).address for address in (one, other)]
        return await self._show(pair_thread(*pair), limit)

    async def show_room(self, address: str, limit: int) -> Sequence[tuple[Item, Entry]]:
        """Return the newest items of a room, oldest first, each with all of its readers.

        Args:
            address: The room's bare JID.
            limit: At most this many items, and at most ``SHOW_LIMIT``; fewer where they have more
                than ``ENTRIES_LIMIT`` readers together.

        Raises:
            UsageError: There is no such room.
            UnavailableError: The store cannot answer.

        """
        if self._rooms is None or self._rooms.get(address) is None:
            raise UsageError(f"{address}: there is no such room")
        return await self._show(room_thread(address), limit)

    async def _show(self, thread: ThreadId, limit: int) -> Sequence[tuple[Item, Entry]]:
        items = await self._archive.thread_page(thread, max(0, min(limit, SHOW_LIMIT)))
        readers = await self._readers(items)
        first, entries = len(items), 0
        while first and (not entries or entries + len(readers[first - 1]) <= ENTRIES_LIMIT):
            first -= 1
            entries += len(readers[first])
        if first == len(items):
            return []
        kept = await self._store.moves_reaching(thread, items[first].id)
        stairs = _Stairs([*kept, *self._pending(thread)])
        return [
            (item, stairs.entry(item.id, reader))
            for item, those in zip(items[first:], readers[first:], strict=True)
            for reader in those
        ]

    async def _readers(self, items: Sequence[Item]) -> list[Sequence[str]]:
        """Return who reads each of these items, which are of one thread and in order.

        In a room those who were its members when it was said, the sender left out.
        """
        if not items:
            return []
        recipient = _bare(items[0].recipient)
        room = None if self._rooms is None else self._rooms.get(recipient)
        if self._rooms is None or room is None or items[0].thread != room_thread(recipient):
            return [self._reader(item) for item in items]
        stays = await self._rooms.stays(room, items[0].id, items[-1].id)
        return [
            sorted({one.jid for one in stays if one.covers(item.id)} - {_bare(item.sender)})
            if item.countable
            else ()
            for item in items
        ]

    def _reader(self, item: Item) -> Sequence[str]:
        sender, recipient = _bare(item.sender), _bare(item.recipient)
        if not item.countable or sender == recipient or self._directory.person(recipient) is None:
            return ()
        return (recipient,)

    def _pending(self, thread: ThreadId) -> list[Move]:
        """Return the moves that may not be readable yet; ask after the store was read."""
        pending = [*self._under_way.values(), list(self._waiting.values())]
        return [move for moves in pending for move in moves if move.thread == thread]

    def _ask_for_a_batch(self) -> None:
        if self._request_batch is not None:
            self._request_batch()
        elif self._alarm is None:
            self._alarm = self._clock.call_later(0.0, self.write)

    def _wrote(self, future: asyncio.Future[Any]) -> None:
        moves = self._under_way.pop(future)
        outcome = None if future.cancelled() else future.exception()
        if isinstance(outcome, UnavailableError):
            for move in moves:  # of two marks of one kind the further one says more
                key = move.thread, move.reader, move.act
                waiting = self._waiting.get(key)
                if waiting is None or waiting.up_to < move.up_to:
                    self._waiting[key] = move
            if self._alarm is None:
                self._alarm = self._clock.call_later(RETRY_AFTER, self.write)
        elif outcome is not None:
            log.error("marks were lost", count=len(moves), reason=str(outcome))


class _Stairs:
    """Finds the first move that reached an item, by reader and state.

    Only moves that went beyond all earlier ones of their reader and state
    count; they form a rising stair that can be searched by halves.
    """

    def __init__(self, moves: Iterable[Move]) -> None:
        """Take ``moves``, oldest first."""
        self._heights: dict[tuple[str, State], list[ItemId]] = {}
        self._moves: dict[tuple[str, State], list[Move]] = {}
        for move in moves:
            key = move.reader, STATE_OF[move.act]
            heights = self._heights.setdefault(key, [])
            if not heights or move.up_to > heights[-1]:
                heights.append(move.up_to)
                self._moves.setdefault(key, []).append(move)

    def entry(self, item: ItemId, reader: str) -> Entry:
        """Return the furthest state of one item and reader, and its first move."""
        for state in _FALLING:
            heights = self._heights.get((reader, state), ())
            step = bisect_left(heights, item)
            if step < len(heights):
                move = self._moves[reader, state][step]
                return Entry(item, reader, state, move.at, move.door, move.act)
        return Entry(item, reader, State.SENT)


def _bare(address: str) -> str:
    return address.partition("/")[0]
