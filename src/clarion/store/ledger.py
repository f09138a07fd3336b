"""The ledger's log of moves on a database.

``move`` is append-only. ``height`` holds the furthest move of each reader and
state, kept in the same transaction, so that nobody has to walk the log to
know where a reader stands.
"""

from asyncio import Future
from collections.abc import Sequence
from typing import Any, Final

from clarion.core.archive import ThreadId
from clarion.core.ledger import STATE_OF, Act, Door, Move, State
from clarion.core.ports import Database, EntityId, Row, Shape, Value, WriteOp, person_entity
from clarion.lib.ids import ItemId

_MOVE: Final = "INSERT INTO move (thread, reader, up_to, at, door, act) VALUES (?, ?, ?, ?, ?, ?)"
_HEIGHT: Final = (
    "INSERT INTO height (thread, reader, state, up_to) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (thread, reader, state) DO UPDATE SET up_to = excluded.up_to"
    " WHERE excluded.up_to > height.up_to"
)
_ONE: Final = Shape((_MOVE, _HEIGHT), mergeable=True)

_HEIGHTS: Final = "SELECT reader, state, up_to FROM height WHERE thread = ?"
_REACHING: Final = (
    "SELECT thread, reader, up_to, at, door, act FROM move"
    " WHERE thread = ? AND up_to >= ? ORDER BY at, number"
)
_FIRST: Final = (
    "SELECT thread, reader, up_to, at, door, act FROM (SELECT thread, reader, up_to, at, door, act,"
    " number, row_number() OVER (PARTITION BY reader, act ORDER BY at, number) AS place"
    " FROM move WHERE thread = ? AND up_to >= ?) AS reaching WHERE place = 1 ORDER BY at, number"
)


class DatabaseLedger:
    """Implements ``core.ledger.LedgerStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, moves: Sequence[Move]) -> Future[Any]:
        """See ``LedgerStore``."""
        parameters = tuple(row for move in moves for row in _rows(move))
        # One shape for the common case, so that such writes can be merged.
        shape = _ONE if len(moves) == 1 else Shape((_MOVE, _HEIGHT) * len(moves))
        owner = person_entity(moves[0].reader) if moves else EntityId("ledger:")
        return self._database.put(owner, WriteOp(shape, parameters))

    async def heights(self, thread: ThreadId) -> dict[tuple[str, State], ItemId]:
        """See ``LedgerStore``.

        Each state stands for the acts that bring it about, and for no other:
        who has read without a receipt has a height for ``READ`` alone.
        """
        heights = {}
        for reader, state, up_to in await self._database.read(_HEIGHTS, (thread,)):
            assert isinstance(up_to, bytes)
            heights[str(reader), State(str(state))] = ItemId(up_to)
        return heights

    async def first_reaching(self, thread: ThreadId, item: ItemId) -> Sequence[Move]:
        """See ``LedgerStore``."""
        return [_move(row) for row in await self._database.read(_FIRST, (thread, item))]

    async def moves_reaching(self, thread: ThreadId, item: ItemId) -> Sequence[Move]:
        """See ``LedgerStore``."""
        return [_move(row) for row in await self._database.read(_REACHING, (thread, item))]


def _rows(move: Move) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    return (
        (move.thread, move.reader, move.up_to, move.at, move.door.value, move.act.value),
        (move.thread, move.reader, STATE_OF[move.act].value, move.up_to),
    )


def _move(row: Row) -> Move:
    thread, reader, up_to, at, door, act = row
    assert isinstance(thread, bytes)
    assert isinstance(up_to, bytes)
    assert isinstance(at, float)
    return Move(ThreadId(thread), str(reader), ItemId(up_to), at, Door(str(door)), Act(str(act)))
