"""The archive on a database (docs/decisions/0004-archive-layout.md, 0008-passing-items.md)."""

import asyncio
from asyncio import Future
from collections.abc import Sequence
from itertools import product
from typing import Any, Final

from clarion.core.archive import (
    Item,
    Keeping,
    Owner,
    Page,
    PageQuery,
    Received,
    Retraction,
    ThreadId,
)
from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Row, Shape, Value, WriteOp, person_entity
from clarion.lib.errors import UsageError
from clarion.lib.ids import FIRST, ItemId
from clarion.store import archive_pages as pages
from clarion.wire.xml import escape

LOOK_BACK: Final = 1_000
"""LIMIT: newest items of a thread among which ``find`` and a retraction look for a sender's
own id; without a hit some 4 ms."""

SCAN_LIMIT: Final = 10_000
"""LIMIT: items that one search for a full JID looks at; no index has it, so each costs a row."""

OWNERS_LIMIT: Final = 2
"""LIMIT: owners of one item; what is said in a room has one, the room."""

_WHOLE: Final = 0  # item.state; 1 is retracted, 2 forgotten
_EMPTY: Final = b"<message/>"

_ITEM: Final = (
    "INSERT INTO item"
    " (id, thread, sender, recipient, message_id, origin_id, countable, stanza)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_RETRACT: Final = " ".join(
    (
        "UPDATE item SET stanza = ?, state = 1",
        "WHERE state = 0 AND countable = 1 AND id = (",
        pages.NAMED,
        ")",
    )
)
_RETRACT_ITEM: Final = (
    "UPDATE item SET stanza = ?, state = 1 WHERE state = 0 AND thread = ? AND id = ?"
)
_RETRACTS: Final[dict[bool | None, tuple[str, ...]]] = {
    None: (),
    False: (_RETRACT,),
    True: (_RETRACT_ITEM,),
}
"""Whether the retracted item is known by its own id; ``None``: nothing is retracted."""
_CONTACT: Final = "(SELECT 1 FROM roster_item WHERE owner = ? AND contact = ? AND listed = 1)"
_LINE: Final = "INSERT INTO line (owner, incoming, id) VALUES (?, ?, ?)"
_PASSING: Final = "INSERT INTO passing (owner, id, other) VALUES (?, ?, ?)"
_LINE_IF: Final = f"INSERT INTO line (owner, incoming, id) SELECT ?, ?, ? WHERE EXISTS {_CONTACT}"
_PASSING_IF: Final = (
    f"INSERT INTO passing (owner, id, other) SELECT ?, ?, ? WHERE NOT EXISTS {_CONTACT}"
)

_ARCHIVED: Final = Keeping.ARCHIVED  # looked up once, not per message
_Kind = tuple[Keeping, bool]  # of an owner: what is kept, and whether it is incoming
_SQL: Final[dict[_Kind, tuple[str, ...]]] = {
    (Keeping.ARCHIVED, True): (_LINE,),
    (Keeping.ARCHIVED, False): (_LINE,),
    (Keeping.PASSING, True): (_PASSING,),
    (Keeping.PASSING, False): (),
    (Keeping.CONTACTS, True): (_LINE_IF, _PASSING_IF),
    (Keeping.CONTACTS, False): (_LINE_IF,),
}
_APPEND: Final = tuple(
    Shape((_ITEM, *[_LINE] * owners), mergeable=True) for owners in range(OWNERS_LIMIT + 1)
)
_UNUSUAL: Final = {
    (retracts, kinds): Shape(
        _RETRACTS[retracts] + (_ITEM,) + tuple(sql for kind in kinds for sql in _SQL[kind])
    )
    for retracts in _RETRACTS
    for owners in range(OWNERS_LIMIT + 1)
    for kinds in product(_SQL, repeat=owners)
}
"""Whatever is not plain; never merged, so that a retraction meets what came before it."""

_RECEIVED_SQL: Final = (
    "INSERT INTO received (owner, up_to) VALUES (?, ?)"
    " ON CONFLICT (owner) DO UPDATE SET up_to = excluded.up_to"
    " WHERE excluded.up_to > received.up_to"
)
_RECEIVED: Final = Shape((_RECEIVED_SQL,), mergeable=True)
_PASSED: Final = Shape(
    (
        _RECEIVED_SQL,
        (
            "UPDATE item SET stanza = ?, state = 2 WHERE state = 0"
            " AND id IN (SELECT passing.id FROM passing"
            " WHERE passing.owner = ? AND passing.id <= ? AND NOT EXISTS (SELECT 1 FROM line"
            " WHERE line.owner = passing.other AND line.incoming IN (0, 1)"
            " AND line.id = passing.id))"
        ),
        "DELETE FROM passing WHERE owner = ? AND id <= ?",
    )
)
_GET: Final = pages.ITEMS + " WHERE id = ?"
_THREAD_PAGE: Final = pages.ITEMS + " WHERE thread = ? AND countable = 1 ORDER BY id DESC LIMIT ?"
_UP_TO: Final = (
    "SELECT (SELECT up_to FROM received WHERE owner = ?),"
    " (SELECT max(id) FROM passing WHERE owner = ?),"
    " (SELECT min(id) FROM line WHERE owner = ? AND incoming = 1),"
    " (SELECT max(id) FROM line WHERE owner = ? AND incoming = 1),"
    " (SELECT min(id) FROM line WHERE owner = ? AND incoming = 0),"
    " (SELECT max(id) FROM line WHERE owner = ? AND incoming = 0)"
)


class DatabaseArchive:
    """Implements ``core.archive.Archive``.

    Args:
        database: Where everything is kept.

    Attributes:
        kept: Items put into the store's queue since the start.

    """

    def __init__(self, database: Database) -> None:
        self.kept = 0
        self._database = database
        self._newest: Future[Any] | None = None  # commits are in order, so it speaks for all
        self._under_way: dict[PersonNumber | None, Future[Any]] = {}  # each owner's newest
        self._passing: dict[PersonNumber, ItemId] = {}  # the newest item that may wait, by owner

    async def settled(self, owner: PersonNumber | None = None) -> None:
        """See ``Archive``."""
        newest = self._newest if owner is None else self._under_way.get(owner)
        if newest is not None and not newest.done():
            await asyncio.wait((newest,))
        else:
            self._under_way.pop(owner, None)
            await asyncio.sleep(0)  # those who wait for a commit of this very turn hear of it first

    def append(
        self, item: Item, owners: Sequence[Owner], retraction: Retraction | None = None
    ) -> Future[Any]:
        """See ``Archive``; looks back over ``LOOK_BACK`` items.

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
        plain = retraction is None
        # The entity that accepted it: the sender if they are ours, else the recipient.
        ours = item.recipient
        for owner in owners:
            if owner.keeping is not _ARCHIVED:
                plain = False
            if not owner.incoming:
                ours = item.sender
        entity = person_entity(_bare(ours))
        if plain:
            lines = [(owner.person, 1 if owner.incoming else 0, key) for owner in owners]
            op = WriteOp(_APPEND[len(owners)], (row, *lines))
        else:
            op = self._unusual(item, row, owners, retraction)
        future = self._database.put(entity, op)
        self.kept += 1
        if not future.done():  # what was refused at once overtakes those that wait
            self._newest = future
            for owner in owners:
                self._under_way[owner.person] = future
        return future

    def _unusual(
        self,
        item: Item,
        row: tuple[Value, ...],
        owners: Sequence[Owner],
        retraction: Retraction | None,
    ) -> WriteOp:
        kinds = tuple((owner.keeping, owner.incoming) for owner in owners)
        parameters: list[tuple[Value, ...]] = []
        known = None if retraction is None else retraction.item is not None
        if retraction is not None:
            named = _named(item.thread, _bare(item.sender), retraction.message_id)
            if retraction.item is not None:
                named = (item.thread, retraction.item)
            parameters.append((retraction.tombstone, *named))
        parameters.append(row)
        for owner in owners:
            parameters += _lines(item, owner, owners)
            if owner.incoming and owner.keeping is not Keeping.ARCHIVED:
                newest = self._passing.get(owner.person, FIRST)
                self._passing[owner.person] = max(newest, item.id)
        return WriteOp(_UNUSUAL[known, kinds], tuple(parameters))

    async def page(
        self, owner: PersonNumber, query: PageQuery, *, asker: PersonNumber | None = None
    ) -> Page:
        """See ``Archive``; a search for a full JID looks at ``SCAN_LIMIT`` items."""
        if query.limit <= 0:
            return Page((), complete=False)
        asker = owner if asker is None else asker
        query, cut = await self._within_reach(owner, query, asker)
        rows = await self._database.read(*pages.page(owner, query), owner=asker)
        items = [_item(row) for row in rows[: query.limit]]
        if cut and not items:
            raise _out_of_reach()
        if query.newest:
            items.reverse()
        return Page(items, complete=len(rows) <= query.limit and not cut)

    async def count(
        self, owner: PersonNumber, query: PageQuery, *, asker: PersonNumber | None = None
    ) -> int:
        """See ``Archive``. Walks what the bounds hold: some 100 ms for a million items.

        Raises:
            UsageError: There are more than ``SCAN_LIMIT`` items to look at for a full JID.

        """
        asker = owner if asker is None else asker
        _, cut = await self._within_reach(owner, query, asker)
        if cut:
            raise _out_of_reach()
        (row,) = await self._database.read(*pages.count(owner, query), owner=asker)
        return _integer(row[0])

    async def _within_reach(
        self, owner: PersonNumber, query: PageQuery, asker: PersonNumber
    ) -> tuple[PageQuery, bool]:
        """Return the query narrowed to what a search may look at, and whether it was."""
        if query.party is None or query.ids is not None:
            return query, False
        found = await self._database.read(*pages.edge(owner, query, SCAN_LIMIT), owner=asker)
        if not found:
            return query, False
        edge = _id(found[0][0])
        after, before = (edge, query.before) if query.newest else (query.after, edge)
        reach = PageQuery(query.thread, query.party, after, before, query.limit, query.newest)
        return reach, True

    async def has(self, owner: PersonNumber, *items: ItemId) -> bool:
        """See ``Archive``."""
        wanted = frozenset(items)
        if not wanted:
            return True
        (row,) = await self._database.read(*pages.has(owner, wanted), owner=owner)
        return _integer(row[0]) == len(wanted)

    async def ends(self, owner: PersonNumber) -> tuple[ItemId, ItemId] | None:
        """See ``Archive``."""
        ((first, last),) = await self._database.read(pages.ENDS, (owner,) * 4)
        return None if first is None else (_id(first), _id(last))

    def has_passing(self, owner: PersonNumber) -> bool:
        """See ``Archive``."""
        return owner in self._passing

    async def incoming_after(
        self, owner: PersonNumber, after: ItemId, limit: int
    ) -> Sequence[Item]:
        """See ``Archive``."""
        one = (owner, after, limit)
        rows = await self._database.read(pages.INCOMING_AFTER, (*one, *one, limit))
        return [_item(row[:-1], passing=row[-1] == 1) for row in rows]

    async def find(self, thread: ThreadId, sender: str, message_id: str) -> ItemId | None:
        """See ``Archive``; looks back over ``LOOK_BACK`` items."""
        rows = await self._database.read(pages.NAMED, _named(thread, sender, message_id))
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
        return _items(await self._database.read(pages.RECENT_SENT, (owner, limit)))[::-1]

    async def received_up_to(self, owner: PersonNumber) -> Received:
        """See ``Archive``."""
        under_way = self._under_way.get(owner)
        settled = under_way is None or under_way.done()
        ((mark, late, *lines),) = await self._database.read(_UP_TO, (owner,) * 6)
        passing, line = (FIRST if newest is None else _id(newest) for newest in (late, lines[1]))
        found = [_id(item) for item in lines if item is not None]
        if passing != FIRST:
            self._passing[owner] = max(passing, self._passing.get(owner, FIRST))
        up_to = FIRST if mark is None else _id(mark)
        more = not settled or self._under_way.get(owner) is not under_way
        ends = (min(found), max(found)) if found else None
        return Received(up_to, newer=more or max(passing, line) > up_to, ends=ends)

    def set_received_up_to(self, owner: PersonNumber, item: ItemId) -> Future[Any]:
        """See ``Archive``."""
        entity = person_entity(f"#{owner}")
        newest = self._passing.get(owner)
        if newest is None:
            return self._database.put(entity, WriteOp(_RECEIVED, ((owner, item),)))
        mark = (owner, item)
        kept = self._database.put(entity, WriteOp(_PASSED, (mark, (_EMPTY, *mark), mark)))
        if newest <= item:
            kept.add_done_callback(lambda done: self._passed(owner, item, done))
        return kept

    def _passed(self, owner: PersonNumber, item: ItemId, done: Future[Any]) -> None:
        gone = not done.cancelled() and done.exception() is None
        if gone and self._passing.get(owner, item) <= item:
            self._passing.pop(owner, None)

    async def newest(self) -> ItemId:
        """See ``Archive``."""
        rows = await self._database.read("SELECT max(id) FROM item")
        return FIRST if rows[0][0] is None else _id(rows[0][0])


def _lines(item: Item, owner: Owner, owners: Sequence[Owner]) -> list[tuple[Value, ...]]:
    """Return the parameters of what ``_SQL`` has for this owner."""
    line = (owner.person, 1 if owner.incoming else 0, item.id)
    others = [other.person for other in owners if other is not owner]
    passing = (owner.person, item.id, others[0] if others else None)
    contact = (owner.person, _bare(item.sender if owner.incoming else item.recipient))
    parameters: dict[str, tuple[Value, ...]] = {
        _LINE: line,
        _PASSING: passing,
        _LINE_IF: line + contact,
        _PASSING_IF: passing + contact,
    }
    return [parameters[sql] for sql in _SQL[owner.keeping, owner.incoming]]


def _named(thread: ThreadId, sender: str, message_id: str) -> tuple[Value, ...]:
    full = sender + "/"
    return (thread, thread, LOOK_BACK - 1, FIRST, message_id, sender, len(full), full)


def _out_of_reach() -> UsageError:
    return UsageError(
        f"none of {SCAN_LIMIT} messages is from or to this full JID; ask for its bare JID, "
        "or for a span of time"
    )


def _items(rows: Sequence[Row]) -> list[Item]:
    return [_item(row) for row in rows]


def _item(row: Row, *, passing: bool = False) -> Item:
    key, thread, sender, recipient, message_id, origin_id, stanza, countable, state = row
    assert isinstance(thread, bytes)
    assert isinstance(stanza, bytes)
    if state != _WHOLE:
        stanza = _addressed(stanza, str(sender), str(recipient), str(message_id))
    return Item(
        id=_id(key),
        thread=ThreadId(thread),
        sender=str(sender),
        recipient=str(recipient),
        message_id=str(message_id),
        origin_id=str(origin_id),
        stanza=stanza,
        countable=countable == 1,
        passing=passing,
        whole=state == _WHOLE,
    )


def _addressed(stanza: bytes, sender: str, recipient: str, message_id: str) -> bytes:
    """Return what stands for a stanza that is no more, with the addresses that it had."""
    if stanza.startswith(b"<message from="):
        return stanza
    added = f" from='{escape(sender)}' to='{escape(recipient)}'"
    if message_id:
        added += f" id='{escape(message_id)}'"
    return stanza.replace(b"<message", b"<message" + added.encode(), 1)


def _bare(jid: str) -> str:
    return jid.partition("/")[0]


def _id(value: Value) -> ItemId:
    assert isinstance(value, bytes)
    return ItemId(value)


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value
