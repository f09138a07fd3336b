"""Says in Clarion's words what SQLite means by its errors."""

import sqlite3
from typing import Final

from clarion.lib.errors import ClarionError, UnavailableError, UsageError


class TakenError(UsageError):
    """A row with this key is there already."""


class UnknownReferenceError(UsageError):
    """The row refers to one that is not there."""


_TEXTS: Final = {
    sqlite3.SQLITE_FULL: "the store is full; nothing was kept",
    sqlite3.SQLITE_BUSY: "the store is locked by another program; try again later",
    sqlite3.SQLITE_LOCKED: "the store is locked by another program; try again later",
    sqlite3.SQLITE_IOERR: "the disk under the store fails; see the server's log",
    sqlite3.SQLITE_READONLY: "the store cannot be written; see its permissions",
    sqlite3.SQLITE_CANTOPEN: "the store cannot be opened; see its permissions",
    sqlite3.SQLITE_CORRUPT: "the store is damaged; restore a backup",
    sqlite3.SQLITE_NOTADB: "the store is no database; restore a backup",
    sqlite3.SQLITE_INTERRUPT: "the store is closing",
    sqlite3.SQLITE_NOMEM: "the store is out of memory",
}
"""By primary result code (https://sqlite.org/rescode.html)."""


def primary_code(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code; ``None`` for an error of the binding."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def refusal(error: sqlite3.Error) -> ClarionError:
    """Return what to raise in the place of ``error``: a new exception at each call.

    A refused row is a ``UsageError``; whatever keeps the store from its work
    is an ``UnavailableError``. A programming error (SQL that does not parse)
    is one too: the caller can do nothing, the log holds the cause.
    """
    if isinstance(error, sqlite3.IntegrityError):
        code = getattr(error, "sqlite_errorcode", None)
        if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
            return TakenError("this is in the store already")
        if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            return UnknownReferenceError("this refers to something that is not in the store")
        return UsageError(f"the store refuses this: {error}")
    code = primary_code(error)
    text = _TEXTS.get(code) if code is not None else None
    return UnavailableError(text or f"the store failed: {error}")
