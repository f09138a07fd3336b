"""Rosters on a database (RFC 6121 section 2).

Beside the items stands, per contact, the version of its last change, also of
contacts that were removed; that is the log for roster versioning.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Row, Shape, Value, WriteOp, person_entity
from clarion.lib.errors import UsageError
from clarion.store.refusals import UnknownReferenceError
from clarion.xmpp.roster import Roster, RosterItem

CHANGES_KEPT: Final = 1_000
"""LIMIT: versions that the log goes back; a client older than that gets the whole roster."""
SLICE: Final = 250
"""Rows that become items before others get their turn on the loop: about 1 ms."""
ITEMS_SHARED: Final = 65_536
"""LIMIT: items that rosters share in memory, some 25 MiB when all are used and all differ."""

_VERSION: Final = (
    "INSERT INTO roster (owner, version) VALUES (?, ?)"
    " ON CONFLICT (owner) DO UPDATE SET version = excluded.version"
)
_CHANGE: Final = (
    "INSERT INTO roster_change (owner, contact, version) VALUES (?, ?, ?)"
    " ON CONFLICT (owner, contact) DO UPDATE SET version = excluded.version"
)
_FORGET: Final = "DELETE FROM roster_change WHERE owner = ? AND version <= ?"

_PUT: Final = Shape(
    (
        _VERSION,
        (
            "INSERT INTO roster_item (owner, contact, name, subscription, ask, approved,"
            " pending_in, listed, group_names) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (owner, contact) DO UPDATE SET name = excluded.name,"
            " subscription = excluded.subscription, ask = excluded.ask,"
            " approved = excluded.approved, pending_in = excluded.pending_in,"
            " listed = excluded.listed, group_names = excluded.group_names"
        ),
        _CHANGE,
        _FORGET,
    )
)
_REMOVE: Final = Shape(
    (
        _VERSION,
        "DELETE FROM roster_item WHERE owner = ? AND contact = ?",
        _CHANGE,
        _FORGET,
    )
)

_CURRENT: Final = "SELECT version FROM roster WHERE owner = ?"
# Version and items in one query: between two, a change could come in.
_LOAD: Final = (
    "SELECT version, contact, name, subscription, ask, approved, pending_in, listed, group_names"
    " FROM roster LEFT JOIN roster_item ON roster_item.owner = roster.owner"
    " WHERE roster.owner = ?"
)
_CHANGED: Final = (
    "SELECT contact FROM roster_change WHERE owner = ? AND version > ? ORDER BY version"
)


class DatabaseRosters:
    """Implements ``xmpp.roster.RosterStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, owner: PersonNumber) -> Roster:
        """See ``RosterStore``; version 0 and no items when nothing was ever put."""
        rows = await self._database.read(_LOAD, (owner,))
        version = _integer(rows[0][0]) if rows else 0
        items = []
        for place, row in enumerate(rows, start=1):
            if row[1] is not None:
                items.append(_item(row))
            if place % SLICE == 0:
                await asyncio.sleep(0)
        return Roster(version, items)

    async def put(self, owner: PersonNumber, item: RosterItem, version: int) -> None:
        """See ``RosterStore``."""
        row = (
            owner,
            item.contact,
            item.name,
            item.subscription,
            int(item.ask),
            int(item.approved),
            item.pending_in,
            int(item.listed),
            json.dumps(item.groups, ensure_ascii=False),
        )
        await self._change(_PUT, owner, item.contact, version, row)

    async def remove(self, owner: PersonNumber, contact: str, version: int) -> None:
        """See ``RosterStore``."""
        await self._change(_REMOVE, owner, contact, version, (owner, contact))

    async def changed_since(self, owner: PersonNumber, version: int) -> Sequence[str] | None:
        """See ``RosterStore``; goes back ``CHANGES_KEPT`` versions.

        A contact that changed more than once stands at its last change only.
        """
        rows = await self._database.read(_CURRENT, (owner,))
        current = _integer(rows[0][0]) if rows else 0
        if version > current or version < current - CHANGES_KEPT:
            return None
        rows = await self._database.read(_CHANGED, (owner, version))
        return [str(row[0]) for row in rows]

    async def _change(
        self,
        shape: Shape,
        owner: PersonNumber,
        contact: str,
        version: int,
        row: tuple[Value, ...],
    ) -> None:
        log = ((owner, contact, version), (owner, version - CHANGES_KEPT))
        try:
            await self._database.put(
                person_entity(f"#{owner}"), WriteOp(shape, ((owner, version), row, *log))
            )
        except UnknownReferenceError as error:
            raise UsageError("there is no such person") from error


def _item(row: Row) -> RosterItem:
    if row[6] is None:
        return _shared(*row[1:])
    return _made(*row[1:])


def _made(
    contact: Value,
    name: Value,
    subscription: Value,
    ask: Value,
    approved: Value,
    pending_in: Value,
    listed: Value,
    groups: Value,
) -> RosterItem:
    assert pending_in is None or isinstance(pending_in, bytes)
    return RosterItem(
        contact=sys.intern(str(contact)),
        name=str(name),
        subscription=sys.intern(str(subscription)),
        ask=ask == 1,
        approved=approved == 1,
        pending_in=pending_in,
        listed=listed == 1,
        groups=() if groups == "[]" else tuple(json.loads(str(groups))),
    )


# What many people say alike of one contact is one value in memory.
_shared = lru_cache(ITEMS_SHARED)(_made)


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value
