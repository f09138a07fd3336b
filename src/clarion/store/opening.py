"""Opens the database's file, or says in one line why it cannot be."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from clarion.lib.errors import UsageError
from clarion.store.audit import teach
from clarion.store.migrations.migrate import (
    APPLICATION_ID,
    migrate,
    migrations,
    newer,
    schema_of,
)
from clarion.store.refusals import refusal

BUSY_TIMEOUT: Final = 1.0
"""Seconds to wait for another program's lock (a backup) before a write or read is refused."""

CACHE_KIB: Final = 64 * 1024
"""The writer's page cache: the pages at the end of every owner's and thread's rows."""

CHECKPOINT_PAGES: Final = 4_000
"""Pages in the log before they are copied to the file: 16 MiB.

Not tuned: 1,000, 4,000 and 16,000 could not be told apart.
"""

STATEMENTS_CACHED: Final = 256
"""Prepared statements kept per connection; all that the store has."""

CLEAR_WAIT_MS: Final = 200
"""Milliseconds that ``clear_log`` waits for readers, and a writer for it."""

LOCK_NAME: Final = "clarion.lock"

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100  # https://sqlite.org/fileformat2.html section 1.3


def look(path: Path) -> None:
    """Refuse a file that is not for this Clarion, from its header alone.

    Nothing is written, not even SQLite's files beside it. A file that does
    not exist or is empty is fine.

    Raises:
        UsageError: It is no database, another program's, or a newer Clarion's,
            or cannot be read.

    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if not header:
        return
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise UsageError(f"{path} is not a database; nothing was changed")
    version = int.from_bytes(header[60:64], "big")
    application = int.from_bytes(header[68:72], "big")
    if application not in (0, APPLICATION_ID) or (application == 0 and version != 0):
        raise UsageError(f"{path} is a database of another program; nothing was changed")
    if version > len(migrations()):
        raise newer(str(path), version)


def make_room(path: Path) -> None:
    """Make the file and its directories, for this user alone, where they are not there.

    Raises:
        UsageError: They cannot be made, or what is there cannot be written.

    """
    try:
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir(mode=0o700)
        # SQLite gives its files beside it the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{path.parent} cannot be written: {os.strerror(errno.EACCES)}")


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold this data directory against every other Clarion.

    The lock ends with the process, however that ends; the file stays.

    Raises:
        UsageError: Another Clarion holds it.

    """
    path = folder / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            who = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            process = f" (process {who})" if who else ""
            raise UsageError(f"another Clarion is running on {folder}{process}") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def connect_writer(path: Path, max_pages: int | None = None) -> sqlite3.Connection:
    """Open the connection that writes, and run the migrations.

    Args:
        path: Of a file that ``look`` found fine.
        max_pages: The file may not grow beyond this many pages of 4 KiB;
            ``None`` for no bound but the disk.

    Raises:
        UsageError: It cannot be opened or written, or is not for this Clarion.

    """
    connection = _connect(path)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten: who was erased is in no corner of the file.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        teach(connection)
        schema_of(connection, str(path))  # before anything is written
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, str(path))
        if max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(max_pages)}")
    except sqlite3.Error as error:
        connection.close()
        raise UsageError(f"{path}: {refusal(error)}") from error
    except UsageError:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can only read.

    Raises:
        sqlite3.Error: It cannot be opened.

    """
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def clear_log(path: Path) -> bool:
    """Bring the log beside a database into the file and empty it, beside whoever writes.

    Returns:
        Whether it is empty; ``False`` while somebody reads what is in it.

    Raises:
        UnavailableError: It cannot be written.

    """
    try:
        with closing(_connect(path)) as connection:
            # Most of it in the first step, which holds nobody up; then the rest and the cut.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            connection.execute(f"PRAGMA busy_timeout = {CLEAR_WAIT_MS}")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise refusal(error) from error
    return not busy


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,  # opened in one thread, used in one other, closed in a third
        cached_statements=STATEMENTS_CACHED,
    )
