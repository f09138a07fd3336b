"""The archive on a database (docs/decisions/0004-archive-layout.md)."""

import asyncio
from asyncio import Future
from collections.abc import Sequence
from typing import Any, Final

from clarion.core.archive import Item, Owner, Page, PageQuery, ThreadId
from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Row, Shape, Value, WriteOp, person_entity
from clarion.lib.errors import UsageError
from clarion.lib.ids import FIRST, ItemId

LOOK_BACK: Final = 1_000
"""LIMIT: newest items of a thread among which ``find`` looks for a sender's own id."""

OWNERS_LIMIT: Final = 2
"""LIMIT: owners of one item; a room's archive will have one, the room."""

_ITEM: Final = (
    "INSERT INTO item"
    " (id, thread, sender, recipient, message_id, origin_id, countable, stanza)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_LINE: Final = "INSERT INTO line (owner, incoming, id) VALUES (?, ?, ?)"

_APPEND: Final = tuple(
    Shape((_ITEM, *[_LINE] * owners), mergeable=True) for owners in range(OWNERS_LIMIT + 1)
)
_RECEIVED: Final = Shape(
    (
        (
            "INSERT INTO received (owner, up_to) VALUES (?, ?)"
            " ON CONFLICT (owner) DO UPDATE SET up_to = excluded.up_to"
            " WHERE excluded.up_to > received.up_to"
        ),
    ),
    mergeable=True,
)

_ITEMS: Final = (
    "SELECT item.id, item.thread, item.sender, item.recipient, item.message_id, item.origin_id,"
    " item.stanza, item.countable FROM item"
)
_LINES: Final = (
    "SELECT item.id, item.thread, item.sender, item.recipient, item.message_id, item.origin_id,"
    " item.stanza, item.countable FROM line JOIN item ON item.id = line.id"
)
_COUNT_LINES: Final = "SELECT count(*) FROM line"
_COUNT_ITEMS: Final = "SELECT count(*) FROM line JOIN item ON item.id = line.id"
_BOUNDS: Final = " WHERE line.owner = ? AND line.incoming IN (0, 1) AND line.id > ? AND line.id < ?"
_PARTY: Final = " AND (item.sender = ? OR item.recipient = ?)"
_THREAD: Final = (
    " WHERE item.thread = ? AND item.id > ? AND item.id < ?"
    " AND EXISTS (SELECT 1 FROM line"
    " WHERE line.owner = ? AND line.incoming IN (0, 1) AND line.id = item.id)"
)
_LANE: Final = " WHERE line.owner = ? AND line.incoming = {lane} AND line.id > ? AND line.id < ?"

_HAS: Final = "SELECT 1 FROM line WHERE owner = ? AND incoming IN (0, 1) AND id = ?"
_INCOMING_AFTER: Final = (
    _LINES + " WHERE line.owner = ? AND line.incoming = 1 AND line.id > ? ORDER BY line.id LIMIT ?"
)
_RECENT_SENT: Final = (
    _LINES + " WHERE line.owner = ? AND line.incoming = 0 ORDER BY line.id DESC LIMIT ?"
)
_FIND: Final = (
    "SELECT id FROM item WHERE thread = ? AND id >= coalesce("
    "(SELECT id FROM item WHERE thread = ? ORDER BY id DESC LIMIT 1 OFFSET ?), ?)"
    " AND message_id = ? AND (sender = ? OR substr(sender, 1, ?) = ?)"
    " ORDER BY id DESC LIMIT 1"
)
_GET: Final = _ITEMS + " WHERE id = ?"
_THREAD_PAGE: Final = _ITEMS + " WHERE thread = ? AND countable = 1 ORDER BY id DESC LIMIT ?"


class DatabaseArchive:
    """Implements ``core.archive.Archive``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: Future[Any] | None = None  # commits are in order, so it speaks for all

    async def settled(self) -> None:
        """See ``Archive``."""
        newest = self._newest
        if newest is not None and not newest.done():
            await asyncio.wait((newest,))
        else:
            await asyncio.sleep(0)  # those who wait for a commit of this very turn hear of it first

    def append(self, item: Item, owners: Sequence[Owner]) -> Future[Any]:
        """See ``Archive``.

        Raises:
            UsageError: There are more than ``OWNERS_LIMIT`` owners; from the
                future: an item with this id is kept already.

        """
        if len(owners) > OWNERS_LIMIT:
            raise UsageError(f"an item has at most {OWNERS_LIMIT} owners, not {len(owners)}")
        key = item.id
        row: tuple[Value, ...] = (
            key,
            item.thread,
            item.sender,
            item.recipient,
            item.message_id,
            item.origin_id,
            1 if item.countable else 0,
            item.stanza,
        )
        lines = [(owner.person, 1 if owner.incoming else 0, key) for owner in owners]
        # The entity that accepted it: the sender if they are ours, else the recipient.
        ours = item.recipient
        for owner in owners:
            if not owner.incoming:
                ours = item.sender
        entity = person_entity(ours.partition("/")[0])
        op = WriteOp(_APPEND[len(owners)], (row, *lines))
        future = self._database.put(entity, op)
        if not future.done():  # what was refused at once overtakes those that wait
            self._newest = future
        return future

    async def page(self, owner: PersonNumber, query: PageQuery) -> Page:
        """See ``Archive``."""
        if query.limit <= 0:
            return Page((), complete=False)
        sql, parameters = _page(owner, query)
        # One more than asked tells whether more lies there.
        rows = await self._database.read(sql, parameters)
        items = [_item(row) for row in rows[: query.limit]]
        if query.newest:
            items.reverse()
        return Page(items, complete=len(rows) <= query.limit)

    async def count(self, owner: PersonNumber, query: PageQuery) -> int:
        """See ``Archive``. Walks what the bounds hold: some 100 ms for a million items."""
        sql, parameters = _bounds(owner, query)
        (row,) = await self._database.read(sql, parameters)
        return _integer(row[0])

    async def has(self, owner: PersonNumber, item: ItemId) -> bool:
        """See ``Archive``."""
        return bool(await self._database.read(_HAS, (owner, item)))

    async def incoming_after(
        self, owner: PersonNumber, after: ItemId, limit: int
    ) -> Sequence[Item]:
        """See ``Archive``."""
        return _items(await self._database.read(_INCOMING_AFTER, (owner, after, limit)))

    async def find(self, thread: ThreadId, sender: str, message_id: str) -> ItemId | None:
        """See ``Archive``; looks back over ``LOOK_BACK`` items."""
        full = sender + "/"
        rows = await self._database.read(
            _FIND, (thread, thread, LOOK_BACK - 1, FIRST, message_id, sender, len(full), full)
        )
        return _id(rows[0][0]) if rows else None

    async def get(self, item: ItemId) -> Item | None:
        """See ``Archive``."""
        rows = await self._database.read(_GET, (item,))
        return _item(rows[0]) if rows else None

    async def thread_page(self, thread: ThreadId, limit: int) -> Sequence[Item]:
        """See ``Archive``."""
        return _items(await self._database.read(_THREAD_PAGE, (thread, limit)))[::-1]

    async def recent_sent(self, owner: PersonNumber, limit: int) -> Sequence[Item]:
        """See ``Archive``."""
        return _items(await self._database.read(_RECENT_SENT, (owner, limit)))[::-1]

    async def received_up_to(self, owner: PersonNumber) -> ItemId:
        """See ``Archive``; ``FIRST`` when nothing was received."""
        rows = await self._database.read("SELECT up_to FROM received WHERE owner = ?", (owner,))
        return _id(rows[0][0]) if rows else FIRST

    def set_received_up_to(self, owner: PersonNumber, item: ItemId) -> Future[Any]:
        """See ``Archive``."""
        return self._database.put(person_entity(f"#{owner}"), WriteOp(_RECEIVED, ((owner, item),)))

    async def newest(self) -> ItemId:
        """See ``Archive``."""
        rows = await self._database.read("SELECT max(id) FROM item")
        return FIRST if rows[0][0] is None else _id(rows[0][0])


def _page(owner: PersonNumber, query: PageQuery) -> tuple[str, tuple[Value, ...]]:
    order = "DESC" if query.newest else "ASC"
    more = query.limit + 1
    party = () if query.party is None else (query.party, query.party)
    if query.thread is not None:
        bounds = _THREAD + _PARTY if party else _THREAD
        sql = f"{_ITEMS}{bounds} ORDER BY item.id {order} LIMIT ?"
        return sql, (query.thread, query.after, query.before, owner, *party, more)
    # Both lanes are in order, so the page is within the first rows of each.
    lanes = " UNION ALL ".join(_lane(lane, order, with_party=bool(party)) for lane in (0, 1))
    sql = f"{_ITEMS} JOIN ({lanes}) AS seen ON item.id = seen.id ORDER BY seen.id {order} LIMIT ?"
    parameters = (owner, query.after, query.before, *party, more)
    return sql, (*parameters, *parameters, more)


def _lane(lane: int, order: str, *, with_party: bool) -> str:
    source = "line JOIN item ON item.id = line.id" if with_party else "line"
    bounds = _LANE.format(lane=lane) + (_PARTY if with_party else "")
    inner = ("SELECT line.id AS id FROM", source + bounds, "ORDER BY line.id", order, "LIMIT ?")
    return " ".join(("SELECT id FROM (", *inner, ") AS lane"))


def _bounds(owner: PersonNumber, query: PageQuery) -> tuple[str, tuple[Value, ...]]:
    bounds: tuple[Value, ...] = (owner, query.after, query.before)
    if query.thread is None and query.party is None:
        return _COUNT_LINES + _BOUNDS, bounds
    sql = _COUNT_ITEMS + _BOUNDS
    if query.thread is not None:
        sql += " AND item.thread = ?"
        bounds += (query.thread,)
    if query.party is not None:
        sql += _PARTY
        bounds += (query.party, query.party)
    return sql, bounds


def _items(rows: Sequence[Row]) -> list[Item]:
    return [_item(row) for row in rows]


def _item(row: Row) -> Item:
    key, thread, sender, recipient, message_id, origin_id, stanza, countable = row
    assert isinstance(thread, bytes)
    assert isinstance(stanza, bytes)
    return Item(
        id=_id(key),
        thread=ThreadId(thread),
        sender=str(sender),
        recipient=str(recipient),
        message_id=str(message_id),
        origin_id=str(origin_id),
        stanza=stanza,
        countable=countable == 1,
    )


def _id(value: Value) -> ItemId:
    assert isinstance(value, bytes)
    return ItemId(value)


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value
