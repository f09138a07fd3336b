"""The audit log on a database: an entry finds its place and its hash in its own transaction.

``chain_hash`` is a function of the engine (``teach`` for SQLite; PostgreSQL
has SHA-256 itself), because only whoever writes knows what stands before.
"""

import sqlite3
from asyncio import Future
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from clarion.core.audit import Entry, Head, chain_hash
from clarion.core.auditor import Auditor
from clarion.core.ports import Database, EntityId, Row, Shape, Value, WriteOp

_OWNER: Final = EntityId("audit:")
_APPEND: Final = (
    "INSERT INTO audit (number, at, actor, verb, target, details, hash)"
    " SELECT newest.number + 1, ?, ?, ?, ?, ?, chain_hash("
    "coalesce((SELECT hash FROM audit WHERE number = newest.number), '')"
    " || ' ' || (newest.number + 1) || ' ' || ?)"
    " FROM (SELECT coalesce(max(number), 0) AS number FROM audit) AS newest"
)
_ALONE: Final = Shape((_APPEND,))
_HEAD: Final = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"


def teach(connection: sqlite3.Connection) -> None:
    """Let a connection that writes know ``chain_hash``."""
    connection.create_function("chain_hash", 1, chain_hash, deterministic=True)


class DatabaseAudit:
    """Implements ``core.audit.AuditStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entry: Entry) -> Future[Any]:
        """See ``AuditStore``."""
        return self._database.put(_OWNER, WriteOp(_ALONE, (_row(entry),)))

    async def head(self) -> Head:
        """See ``AuditStore``."""
        for number, found in await self._database.read(_HEAD):
            assert isinstance(number, int)
            return Head(number, str(found))
        return Head(0, "")


class AuditedDatabase:
    """A database whose writes take the audit entry of the act along that they belong to.

    Args:
        database: Does everything.
        auditor: Knows what is being done.

    """

    def __init__(self, database: Database, auditor: Auditor) -> None:
        self._database = database
        self._auditor = auditor

    def put(self, owner: EntityId, op: WriteOp) -> Future[list[Row]]:
        """See ``Writer``."""
        act = self._auditor.take()
        if act is None:
            return self._database.put(owner, op)
        # In front, so that the rows that come back are those of the write.
        shape = Shape((_APPEND, *op.shape.statements))
        future = self._database.put(owner, WriteOp(shape, (_row(act.entry), *op.parameters)))
        if future.done():  # refused at once
            self._auditor.taken(act, future)
        else:
            future.add_done_callback(partial(self._auditor.taken, act))
        return future

    async def read(
        self, sql: str, parameters: Iterable[Value] = (), *, owner: int | None = None
    ) -> list[Row]:
        """See ``Database``."""
        return await self._database.read(sql, parameters, owner=owner)


def _row(entry: Entry) -> tuple[Value, ...]:
    return (entry.at, entry.actor, entry.verb, entry.target, entry.details, entry.canonical)
