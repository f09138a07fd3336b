"""What erasure deletes on a database: each step one short transaction."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from clarion.core.erasure import Erasing
from clarion.core.model import PersonNumber
from clarion.core.ports import Database, EntityId, Row, Shape, Value, WriteOp
from clarion.lib.ids import FIRST, ItemId
from clarion.store.people import NAMED, OWNED
from clarion.store.retention import DROP_ITEM, ITEMS, LINES, item_row

_OWNER: Final = EntityId("erasure:")
_BEGIN: Final = Shape(
    (
        (
            "INSERT INTO erasure (person, address, messages, began) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (person) DO NOTHING"
        ),
    )
)
_END: Final = Shape(("UPDATE erasure SET ended = ? WHERE person = ?",))
_UNDER_WAY: Final = "SELECT person, address, messages FROM erasure WHERE ended IS NULL"
_LINES: Final = (
    "SELECT line.id, sender, recipient FROM line LEFT JOIN item ON item.id = line.id"
    " WHERE line.owner = ? AND line.incoming = ? ORDER BY line.id LIMIT ?"
)
_DROP_LINES: Final = "DELETE FROM line WHERE owner = ? AND incoming = ? AND id <= ?"
_PASSING: Final = (
    "SELECT passing.id, sender, recipient FROM passing LEFT JOIN item ON item.id = passing.id"
    " WHERE passing.owner = ? ORDER BY passing.id LIMIT ?"
)
_DROP_PASSING: Final = "DELETE FROM passing WHERE owner = ? AND id <= ?"
_SENT: Final = (
    "SELECT id FROM item WHERE id > ? AND (sender = ? OR substr(sender, 1, ?) = ?)"
    " AND (state <> 2 OR sender <> ?) ORDER BY id LIMIT ?"
)
_FORGET: Final = "UPDATE item SET stanza = ?, state = 2, sender = ? WHERE id = ?"
_EMPTY: Final = b"<message/>"
_MOVES: Final = "SELECT number FROM move WHERE reader = ? LIMIT ?"
_DROP_MOVE: Final = "DELETE FROM move WHERE number = ?"
_HEIGHTS: Final = "SELECT thread, reader, state FROM height WHERE reader = ? LIMIT ?"
_DROP_HEIGHT: Final = "DELETE FROM height WHERE thread = ? AND reader = ? AND state = ?"
_HOLDERS: Final = "SELECT owner FROM roster_item WHERE contact = ?"
_FORGET_CONTACT: Final = Shape(
    (
        "UPDATE roster SET version = version + 1 WHERE owner = ?",
        "DELETE FROM roster_item WHERE owner = ? AND contact = ?",
        (
            "INSERT INTO roster_change (owner, contact, version)"
            " SELECT owner, ?, version FROM roster WHERE owner = ?"
            " ON CONFLICT (owner, contact) DO UPDATE SET version = excluded.version"
        ),
    )
)
_DROP_REST: Final = Shape(
    (
        *NAMED,
        *(
            f"DELETE FROM {table} WHERE {column} = ?"  # noqa: S608  # names of our own
            for table, column in OWNED
            if table != "party"
        ),
    )
)


class DatabaseErasure:
    """Implements ``core.erasure.ErasureStore``.

    Args:
        database: Where everything is kept.
        scrub: Clears the engine's log of what was deleted, see ``ErasureStore.scrub``.

    """

    def __init__(self, database: Database, scrub: Callable[[], Awaitable[bool]]) -> None:
        self._database = database
        self._scrub = scrub
        self._looked: dict[PersonNumber, ItemId] = {}

    async def begin(self, erasing: Erasing, at: float) -> None:
        """See ``ErasureStore``."""
        row = (erasing.person, erasing.address, int(erasing.messages), at)
        await self._database.put(_OWNER, WriteOp(_BEGIN, (row,)))

    async def end(self, erasing: Erasing, at: float) -> None:
        """See ``ErasureStore``."""
        self._looked.pop(erasing.person, None)
        await self._database.put(_OWNER, WriteOp(_END, ((at, erasing.person),)))

    async def under_way(self) -> Sequence[Erasing]:
        """See ``ErasureStore``."""
        return [_erasing(row) for row in await self._database.read(_UNDER_WAY)]

    async def drop_archive(self, erasing: Erasing) -> int:
        """See ``ErasureStore``; at most ``ITEMS``."""
        owner = erasing.person
        for lane in (0, 1):
            rows = await self._database.read(_LINES, (owner, lane, ITEMS))
            if rows:
                await self._drop(_DROP_LINES, (owner, lane, rows[-1][0]), rows)
                return len(rows)
        rows = await self._database.read(_PASSING, (owner, ITEMS))
        if rows:
            await self._drop(_DROP_PASSING, (owner, rows[-1][0]), rows)
        return len(rows)

    async def drop_texts(self, erasing: Erasing) -> int:
        """See ``ErasureStore``; at most ``ITEMS``. Reads all items once, in a reader's thread."""
        address, full = erasing.address, erasing.address + "/"
        after = self._looked.get(erasing.person, FIRST)
        rows = await self._database.read(_SENT, (after, address, len(full), full, address, ITEMS))
        await self._each(_FORGET, [(_EMPTY, address, row[0]) for row in rows])
        if rows:
            last = rows[-1][0]
            assert isinstance(last, bytes)
            self._looked[erasing.person] = ItemId(last)
        return len(rows)

    async def drop_moves(self, erasing: Erasing) -> int:
        """See ``ErasureStore``; at most ``LINES``."""
        rows = await self._database.read(_MOVES, (erasing.address, LINES))
        sql = _DROP_MOVE
        if not rows:
            rows = await self._database.read(_HEIGHTS, (erasing.address, LINES))
            sql = _DROP_HEIGHT
        await self._each(sql, rows)
        return len(rows)

    async def holders(self, erasing: Erasing) -> Sequence[PersonNumber]:
        """See ``ErasureStore``."""
        rows = await self._database.read(_HOLDERS, (erasing.address,))
        return [PersonNumber(owner) for (owner,) in rows if isinstance(owner, int)]

    async def forget_contact(self, owner: PersonNumber, contact: str) -> None:
        """See ``ErasureStore``."""
        rows = ((owner,), (owner, contact), (contact, owner))
        await self._database.put(_OWNER, WriteOp(_FORGET_CONTACT, rows))

    async def drop_rest(self, erasing: Erasing) -> None:
        """See ``ErasureStore``."""
        rows = ((erasing.person,),) * len(_DROP_REST.statements)
        await self._database.put(_OWNER, WriteOp(_DROP_REST, rows))

    async def scrub(self) -> bool:
        """See ``ErasureStore``."""
        return await self._scrub()

    async def _drop(self, sql: str, row: tuple[Value, ...], items: Sequence[Row]) -> None:
        """Drop lines, and then those of their items that nobody has, in one transaction."""
        found = [item_row(*one) for one in items if one[1] is not None]
        shape = Shape((sql, *[DROP_ITEM] * len(found)))
        await self._database.put(_OWNER, WriteOp(shape, (row, *found)))

    async def _each(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        if rows:
            await self._database.put(_OWNER, WriteOp(Shape((sql,) * len(rows)), tuple(rows)))


def _erasing(row: Row) -> Erasing:
    person, address, messages = row
    assert isinstance(person, int)
    return Erasing(PersonNumber(person), str(address), messages == 1)
