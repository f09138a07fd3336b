"""Reads the audit log straight from a database file: asked of the file, not of a server.

So it can be judged beside a running server, without one, and in a backup.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.migrations.migrate import schema_of
from clarion.store.opening import connect_reader, look
from clarion.store.refusals import refusal

AuditRow = tuple[object, ...]
"""Number, time, actor, verb, target, details and hash, as they are in the file."""

_ROWS: Final = "SELECT number, at, actor, verb, target, details, hash FROM audit"


@contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database file to read its audit log.

    Raises:
        UsageError: There is no database, or it has no audit log.
        UnavailableError: It cannot be read.

    """
    look(database)
    if not database.is_file() or database.stat().st_size == 0:
        raise UsageError(f"{database} does not exist: there is no audit log yet")
    try:
        with closing(connect_reader(database)) as connection:
            schema_of(connection, str(database))
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'audit'"
            ).fetchone():
                raise UsageError(f"{database} is of a Clarion without audit log; start the server")
            yield connection
    except sqlite3.Error as error:
        raise UnavailableError(f"{database}: {refusal(error)}") from error


def every_row(connection: sqlite3.Connection) -> Iterator[AuditRow]:
    """Return all rows by number."""
    yield from connection.execute(f"{_ROWS} ORDER BY number")


def chosen_rows(
    connection: sqlite3.Connection,
    *,
    since: float | None = None,
    actor: str | None = None,
    verb: str | None = None,
    target: str | None = None,
    limit: int | None = None,
) -> Sequence[AuditRow]:
    """Return the newest rows that fit, oldest first.

    Args:
        connection: From ``opened``.
        since: UNIX seconds, UTC; not older than that.
        actor: Exactly this actor.
        verb: This verb, or those that begin with it and a dot.
        target: Exactly this target.
        limit: At most so many; ``None``: all.

    """
    wheres: list[str] = []
    values: list[str | float | int] = []
    for column, value in (("at >= ?", since), ("actor = ?", actor), ("target = ?", target)):
        if value is not None:
            wheres.append(column)
            values.append(value)
    if verb is not None:
        wheres.append("(verb = ? OR substr(verb, 1, ?) = ?)")
        values += [verb, len(verb) + 1, f"{verb}."]
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    sql = f"{_ROWS}{where} ORDER BY number DESC"
    if limit is not None:
        sql += " LIMIT ?"
        values.append(limit)
    return connection.execute(sql, values).fetchall()[::-1]
