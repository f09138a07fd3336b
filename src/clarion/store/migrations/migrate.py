"""Runs the numbered migrations, each in a transaction of its own.

The number of the last one run is kept in ``PRAGMA user_version``, and
``PRAGMA application_id`` tells Clarion's databases from those of others.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final

from clarion.lib.errors import UsageError

APPLICATION_ID: Final = 0x436C6172
"""``Clar`` in ASCII."""


@cache
def migrations() -> tuple[str, ...]:
    """Return the SQL of every migration, the first one first.

    Raises:
        AssertionError: The files are not numbered 0001, 0002 and so on.

    """
    folder = resources.files("clarion.store.migrations") / "sqlite"
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    numbers = [int(entry.name[:4]) for entry in files]
    assert numbers == list(range(1, len(files) + 1)), f"migrations are misnumbered: {numbers}"
    return tuple(entry.read_text("utf-8") for entry in files)


def schema_of(connection: sqlite3.Connection, name: str) -> int:
    """Return the number of the last migration that ran on this database; 0 for none.

    Args:
        connection: To the database; only read from.
        name: What to call the database in a refusal.

    Raises:
        UsageError: The database is another program's, or a newer Clarion's.
        sqlite3.Error: It cannot be read.

    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise UsageError(f"{name} is a database of another program; nothing was changed")
    if version > len(migrations()):
        raise newer(name, version)
    return int(version)


def newer(name: str, version: int) -> UsageError:
    """Return the refusal of a database whose schema is newer than this program."""
    return UsageError(
        f"{name} was written by a newer Clarion (schema {version}; this one knows "
        f"{len(migrations())}); nothing was changed; install that version or restore a backup"
    )


def migrate(connection: sqlite3.Connection, name: str) -> int:
    """Run the migrations that have not run yet.

    Args:
        connection: In autocommit mode (``isolation_level=None``).
        name: What to call the database in a refusal.

    Returns:
        How many ran.

    Raises:
        UsageError: See ``schema_of``.
        sqlite3.Error: One failed; it left nothing behind, earlier ones did.

    """
    done = schema_of(connection, name)
    for number, script in enumerate(migrations()[done:], done + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return len(migrations()) - done


def _statements(script: str) -> Iterator[str]:
    # Not executescript(): it commits before it begins.
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    assert not pending.strip(), "the last statement of a migration lacks its semicolon"
