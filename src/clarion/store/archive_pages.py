"""The queries behind an owner's archive (docs/decisions/0004-archive-layout.md)."""

from typing import Final

from clarion.core.archive import PageQuery
from clarion.core.model import PersonNumber
from clarion.core.ports import Value
from clarion.lib.ids import ItemId

Query = tuple[str, tuple[Value, ...]]

_SELECT: Final = (
    "SELECT item.id, item.thread, item.sender, item.recipient, item.message_id, item.origin_id,"
    " item.stanza, item.countable, item.state"
)
ITEMS: Final = _SELECT + " FROM item"
_COUNT: Final = "SELECT count(*) FROM item"
_PLACE: Final = "SELECT item.id FROM item"
_COUNT_LINES: Final = "SELECT count(*) FROM line"
_COUNT_ITEMS: Final = "SELECT count(*) FROM line JOIN item ON item.id = line.id"
_BOUNDS: Final = " WHERE line.owner = ? AND line.incoming IN (0, 1) AND line.id > ? AND line.id < ?"
_PARTY: Final = " AND (item.sender = ? OR item.recipient = ?)"
_SEEN: Final = (
    " AND EXISTS (SELECT 1 FROM line"
    " WHERE line.owner = ? AND line.incoming IN (0, 1) AND line.id = item.id)"
)
_THREAD: Final = " WHERE item.thread = ? AND item.id > ? AND item.id < ?"
_IDS: Final = " WHERE item.id IN ({places}) AND item.id > ? AND item.id < ?"
_LANE: Final = " WHERE line.owner = ? AND line.incoming = {lane} AND line.id > ? AND line.id < ?"
_HAS: Final = (
    "SELECT count(*) FROM line WHERE owner = ? AND incoming IN (0, 1) AND id IN ({places})"
)

ENDS: Final = (
    "SELECT min(first), max(last) FROM ("
    "SELECT (SELECT min(id) FROM line WHERE owner = ? AND incoming = 0) AS first,"
    " (SELECT max(id) FROM line WHERE owner = ? AND incoming = 0) AS last"
    " UNION ALL SELECT (SELECT min(id) FROM line WHERE owner = ? AND incoming = 1),"
    " (SELECT max(id) FROM line WHERE owner = ? AND incoming = 1)) AS lane"
)
_WAITING: Final = (
    "SELECT * FROM (SELECT line.id AS id, 0 AS passing FROM line"
    " WHERE line.owner = ? AND line.incoming = 1 AND line.id > ? ORDER BY line.id LIMIT ?) AS kept"
    " UNION ALL SELECT * FROM (SELECT passing.id AS id, 1 AS passing FROM passing"
    " WHERE passing.owner = ? AND passing.id > ? ORDER BY passing.id LIMIT ?) AS gone"
)
INCOMING_AFTER: Final = (
    f"{_SELECT}, waiting.passing FROM item JOIN ({_WAITING}) AS waiting"
    " ON item.id = waiting.id ORDER BY waiting.id LIMIT ?"
)
RECENT_SENT: Final = (
    _SELECT + " FROM line JOIN item ON item.id = line.id"
    " WHERE line.owner = ? AND line.incoming = 0 ORDER BY line.id DESC LIMIT ?"
)
# The newest item of a thread by its sender's own id, among so many of the newest.
NAMED: Final = (
    "SELECT id FROM item WHERE thread = ? AND id >= coalesce("
    "(SELECT id FROM item WHERE thread = ? ORDER BY id DESC LIMIT 1 OFFSET ?), ?)"
    " AND message_id = ? AND (sender = ? OR substr(sender, 1, ?) = ?)"
    " ORDER BY id DESC LIMIT 1"
)


def has(owner: PersonNumber, items: frozenset[ItemId]) -> Query:
    """Count those of ``items`` that the owner sees."""
    places, ids = _places(tuple(sorted(items)))
    return _HAS.format(places=places), (owner, *ids)


def page(owner: PersonNumber, query: PageQuery) -> Query:
    """Return one item more than asked for: it tells whether more lies there."""
    order = "DESC" if query.newest else "ASC"
    more = query.limit + 1
    party = () if query.party is None else (query.party, query.party)
    bounds = (query.after, query.before)
    if query.ids is not None or query.thread is not None:
        where, parameters = _narrow(query)
        sql = f"{ITEMS}{where}{_SEEN}{_PARTY if party else ''} ORDER BY item.id {order} LIMIT ?"
        return sql, (*parameters, owner, *party, more)
    # Both lanes are in order, so the page is within the first rows of each.
    lanes = " UNION ALL ".join(_lane(lane, order, with_party=bool(party)) for lane in (0, 1))
    sql = f"{ITEMS} JOIN ({lanes}) AS seen ON item.id = seen.id ORDER BY seen.id {order} LIMIT ?"
    one = (owner, *bounds, *party, more)
    return sql, (*one, *one, more)


def count(owner: PersonNumber, query: PageQuery) -> Query:
    """Count what the bounds hold."""
    party = () if query.party is None else (query.party, query.party)
    if query.ids is not None:
        where, parameters = _narrow(query)
        sql = _COUNT + where + _SEEN + (_PARTY if party else "")
        return sql, (*parameters, owner, *party)
    bounds: tuple[Value, ...] = (owner, query.after, query.before)
    if query.thread is None and not party:
        return _COUNT_LINES + _BOUNDS, bounds
    sql = _COUNT_ITEMS + _BOUNDS
    if query.thread is not None:
        sql += " AND item.thread = ?"
        bounds += (query.thread,)
    return sql + (_PARTY if party else ""), (*bounds, *party)


def edge(owner: PersonNumber, query: PageQuery, most: int) -> Query:
    """Return the first item that lies beyond the ``most`` that a search looks at."""
    order = "DESC" if query.newest else "ASC"
    if query.thread is not None:
        sql = f"{_PLACE}{_THREAD} ORDER BY item.id {order} LIMIT 1 OFFSET ?"
        return sql, (query.thread, query.after, query.before, most)
    lanes = " UNION ALL ".join(_lane(lane, order, with_party=False) for lane in (0, 1))
    sql = " ".join(("SELECT id FROM (", lanes, ") AS seen ORDER BY id", order, "LIMIT 1 OFFSET ?"))
    one = (owner, query.after, query.before, most + 1)
    return sql, (*one, *one, most)


def _narrow(query: PageQuery) -> Query:
    if query.ids is None:
        return _THREAD, (query.thread, query.after, query.before)
    places, ids = _places(query.ids)
    where = _IDS.format(places=places)
    parameters: tuple[Value, ...] = (*ids, query.after, query.before)
    if query.thread is not None:
        # coalesce() keeps SQLite from walking the whole thread by its index.
        return where + " AND coalesce(item.thread, '') = ?", (*parameters, query.thread)
    return where, parameters


def _places(ids: tuple[ItemId, ...]) -> tuple[str, tuple[ItemId, ...]]:
    """Return places for parameters in a power of two, so that there are few statements."""
    size = 1 << max(0, len(ids) - 1).bit_length()
    filled = ids + (ids[-1:] or (ItemId(b""),)) * (size - len(ids))
    return ", ".join("?" * size), filled


def _lane(lane: int, order: str, *, with_party: bool) -> str:
    source = "line JOIN item ON item.id = line.id" if with_party else "line"
    bounds = _LANE.format(lane=lane) + (_PARTY if with_party else "")
    inner = ("SELECT line.id AS id FROM", source + bounds, "ORDER BY line.id", order, "LIMIT ?")
    return " ".join(("SELECT id FROM (", *inner, ") AS lane"))
