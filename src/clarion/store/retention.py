"""What retention deletes on a database: each step one short transaction."""

from collections.abc import Sequence
from typing import Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, EntityId, Shape, Value, WriteOp
from clarion.lib.ids import FIRST, ItemId, seconds

LINES: Final = 250
"""LIMIT: archive lines, moves or heights of one step: some 2 ms of the writer's time."""
ITEMS: Final = 100
"""LIMIT: items of one step; each may have a page of its own."""

_OWNER: Final = EntityId("retention:")
_FIRST_OWNER: Final = "SELECT min(owner) FROM line"
_NEXT_OWNER: Final = "SELECT min(owner) FROM line WHERE owner > ?"
_RECEIVED: Final = (
    "SELECT person.number, received.up_to FROM person"
    " LEFT JOIN received ON received.owner = person.number WHERE person.number = ?"
)
_WAITING: Final = "SELECT count(*) FROM line WHERE owner = ? AND incoming = 1 AND id > ? AND id < ?"
_LINES: Final = (
    "SELECT id FROM line WHERE owner = ? AND incoming = ? AND id < ? ORDER BY id LIMIT ?"
)
_DROP_LINES: Final = Shape(("DELETE FROM line WHERE owner = ? AND incoming = ? AND id <= ?",))
_PASSING: Final = "SELECT owner, id FROM passing WHERE id < ? LIMIT ?"
_DROP_PASSING: Final = "DELETE FROM passing WHERE owner = ? AND id = ?"
_ITEMS: Final = "SELECT id, sender, recipient FROM item WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
_LEFT: Final = "SELECT count(*) FROM item WHERE id > ? AND id <= ?"
_PERSONS: Final = "SELECT number FROM party WHERE address IN (?, ?)"
_ROOMS: Final = "SELECT -number FROM room WHERE address IN (?, ?)"
DROP_ITEM: Final = (
    "DELETE FROM item WHERE id = ?"  # noqa: S608  # a query of our own
    f" AND NOT EXISTS (SELECT 1 FROM line WHERE owner IN ({_PERSONS} UNION ALL {_ROOMS})"
    " AND incoming IN (0, 1) AND line.id = item.id)"
    f" AND NOT EXISTS (SELECT 1 FROM passing WHERE owner IN ({_PERSONS}) AND passing.id = item.id)"
)
"""Delete an item that nobody has any more; see ``item_row``."""
_MOVES: Final = "SELECT number, up_to, at FROM move WHERE number > ? ORDER BY number LIMIT ?"
_DROP_MOVE: Final = "DELETE FROM move WHERE number = ?"
_HEIGHTS: Final = "SELECT thread, reader, state FROM height WHERE up_to < ? LIMIT ?"
_DROP_HEIGHT: Final = (
    "DELETE FROM height WHERE thread = ? AND reader = ? AND state = ? AND up_to < ?"
)


class DatabaseRetention:
    """Implements ``core.retention.RetentionStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_items(self, before: ItemId) -> int:
        """See ``RetentionStore``."""
        return await self._count("SELECT count(*) FROM item WHERE id < ?", (before,))

    async def owners(self) -> Sequence[PersonNumber]:
        """See ``RetentionStore``."""
        found: list[PersonNumber] = []
        ((owner,),) = await self._database.read(_FIRST_OWNER)
        while owner is not None:
            assert isinstance(owner, int)
            found.append(PersonNumber(owner))
            ((owner,),) = await self._database.read(_NEXT_OWNER, (owner,))
        return found

    async def received_up_to(self, owner: PersonNumber) -> ItemId | None:
        """See ``RetentionStore``; ``FIRST`` when nothing was received."""
        rows = await self._database.read(_RECEIVED, (owner,))
        if not rows:
            return None
        up_to = rows[0][1]
        return ItemId(up_to) if isinstance(up_to, bytes) else FIRST

    async def count_waiting(self, owner: PersonNumber, before: ItemId) -> int:
        """See ``RetentionStore``."""
        up_to = await self.received_up_to(owner) or FIRST
        return await self._count(_WAITING, (owner, up_to, before))

    async def drop_lines(self, owner: PersonNumber, before: ItemId, *, incoming: bool) -> int:
        """See ``RetentionStore``; at most ``LINES``."""
        lane = int(incoming)
        rows = await self._database.read(_LINES, (owner, lane, before, LINES))
        if rows:
            await self._database.put(_OWNER, WriteOp(_DROP_LINES, ((owner, lane, rows[-1][0]),)))
        return len(rows)

    async def drop_passing(self, before: ItemId) -> int:
        """See ``RetentionStore``; at most ``LINES``."""
        if before == FIRST:
            return 0
        rows = await self._database.read(_PASSING, (before, LINES))
        await self._each(_DROP_PASSING, rows)
        return len(rows)

    async def drop_items(self, after: ItemId, before: ItemId) -> tuple[ItemId, int] | None:
        """See ``RetentionStore``; looks at ``ITEMS``."""
        rows = await self._database.read(_ITEMS, (after, before, ITEMS))
        if not rows:
            return None
        await self._each(DROP_ITEM, [item_row(*row) for row in rows])
        last = rows[-1][0]
        assert isinstance(last, bytes)
        return ItemId(last), len(rows) - await self._count(_LEFT, (after, last))

    async def drop_moves(self, before: ItemId) -> int:
        """See ``RetentionStore``; the log is in the order of time, so it stops where that is new.

        A move that reaches only items that are gone says nothing any more.
        """
        rows = await self._database.read(_HEIGHTS, (before, LINES))
        if rows:
            await self._each(_DROP_HEIGHT, [(*row, before) for row in rows])
            return len(rows)
        at, newest = 0, seconds(before)
        while True:
            rows = await self._database.read(_MOVES, (at, LINES))
            old = [row for row in rows if isinstance(row[2], float) and row[2] < newest]
            gone = [row[:1] for row in old if isinstance(row[1], bytes) and row[1] < before]
            if gone:
                await self._each(_DROP_MOVE, gone)
                return len(gone)
            if not old or len(old) < len(rows):
                return 0
            last = rows[-1][0]
            assert isinstance(last, int)
            at = last

    async def _each(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Run one statement with each row, all in one transaction."""
        if rows:
            await self._database.put(_OWNER, WriteOp(Shape((sql,) * len(rows)), tuple(rows)))

    async def _count(self, sql: str, parameters: tuple[Value, ...]) -> int:
        ((count,),) = await self._database.read(sql, parameters)
        assert isinstance(count, int)
        return count


def item_row(item: Value, sender: Value, recipient: Value) -> tuple[Value, ...]:
    """Return the parameters of ``DROP_ITEM``: the item and, three times, who may own it."""
    parties = (bare(str(sender)), bare(str(recipient)))
    return (item, *parties * 3)


def bare(jid: str) -> str:
    """Return a JID without its resource."""
    return jid.partition("/")[0]
