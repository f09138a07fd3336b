"""Puts a backup in the database's place: prepared beside it, then swapped in at once.

The swap needs the data folder's lock, so no server runs. Under a running one
the prepared file waits as ``clarion.db.restore``, and whoever opens the
database next, as a rule the server at its next start, swaps it in.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from clarion.core.audit import REPLACED, RESTORE, SERVER
from clarion.core.auditor import Auditor
from clarion.lib.errors import ClarionError, UnavailableError, UsageError
from clarion.lib.log import get_logger
from clarion.store.audit_reading import chosen_rows, opened
from clarion.store.backup import TABLE, sync, verify
from clarion.store.opening import look

CHUNK_BYTES: Final = 4 * 1024 * 1024

ROSTER_VERSIONS: Final = 1_000_000_000
"""What a restore adds to each roster's version. Clients know versions that the copy never had; if
the count went over them once more, a client would be told that its roster is current. No roster
changes so often, and a version has 18 digits."""

WORD: Final = "restored.json"
"""In the data folder between a swap and the next opening: what was replaced, for the audit log."""

_BESIDE: Final = ("-wal", "-shm", "-journal")
# What SQLite keeps beside a database; applied to another one, it would destroy that.

log = get_logger("store")


def staged(database: Path) -> Path:
    """Return where a prepared database waits for the next start."""
    return database.with_name(f"{database.name}.restore")


def prepare(file: Path, database: Path, progress: Callable[[int, int], None]) -> Path:
    """Copy a backup beside the database and verify the copy.

    Args:
        file: A backup that ``read_manifest`` accepted.
        database: Whose place it is to take.
        progress: Told how many MiB are done, and of how many.

    Returns:
        The copy; ``swap`` or ``stage`` it, or remove it.

    Raises:
        UsageError: There is no room, or the data folder cannot be written.
        UnavailableError: The copy is damaged, or cannot be made; it was removed.

    """
    copy = database.with_name(f".{database.name}.{os.getpid()}.restoring")
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        size, free = file.stat().st_size, shutil.disk_usage(database.parent).free
        if free < size:
            raise UsageError(
                f"{database.parent} has {free >> 20} MiB free, and {file} has {size >> 20} MiB"
            )
        try:
            _copy(file, copy, size, progress)
            _adapt(copy)
            verify(copy)
            sync(copy)
        except BaseException:
            copy.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UnavailableError(f"{error.filename or copy}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise UnavailableError(f"{file} is damaged: {error}") from error
    return copy


def stage(copy: Path, database: Path) -> Path:
    """Leave a prepared copy for the next start; an earlier one is replaced."""
    waiting = staged(database)
    copy.replace(waiting)
    sync(waiting.parent)
    return waiting


def swap(copy: Path, database: Path, now: float, actor: str = SERVER) -> Path | None:
    """Put a prepared copy in the database's place; the caller holds the data folder's lock.

    At every moment there is a database under its name, the old one or the new
    one, and never the old one's log beside the new one.

    Args:
        copy: From ``prepare``.
        database: What it replaces.
        now: UNIX seconds, UTC; names what is kept.
        actor: Who does it, for the audit log.

    Returns:
        Where the previous database is kept; ``None`` when there was none.

    """
    before: Path | None = None
    if database.exists() and database.stat().st_size:
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        before = _free_name(database.with_name(f"{database.name}.before-{stamp}"))
        _settle(database)
        try:
            before.hardlink_to(database)
        except OSError:  # a file system without hard links
            shutil.copyfile(database, before)
            before.chmod(0o600)
            sync(before)
    for suffix in _BESIDE:
        beside = database.with_name(database.name + suffix)
        if before is not None and beside.exists():
            beside.rename(before.with_name(before.name + suffix))
        else:
            beside.unlink(missing_ok=True)
    _leave_word(database, before, now, actor)
    sync(database.parent)
    copy.replace(database)
    sync(database.parent)
    return before


def swap_staged(database: Path, now: float) -> None:
    """Do what ``stage`` has prepared, if anything; the caller holds the data folder's lock.

    Raises:
        UsageError: What waits there is no database for this Clarion; nothing was changed.

    """
    waiting = staged(database)
    if not waiting.exists():
        return
    look(waiting)
    try:
        before = swap(waiting, database, now)
    except OSError as error:
        raise UsageError(f"{waiting} cannot be put in place: {error.strerror}") from error
    log.warning("backup restored", database=str(database), previous=str(before or "none"))


def _leave_word(database: Path, before: Path | None, now: float, actor: str) -> None:
    """Say what is replaced to whoever opens the database next; see ``note_restored``."""
    replaced = None
    with suppress(ClarionError, sqlite3.Error):
        if before is not None:
            with opened(database) as connection:
                rows = chosen_rows(connection, limit=1)
            replaced = f"{rows[-1][0]}:{rows[-1][6]}" if rows else None
    word = {
        "actor": actor,
        "details": {
            "at": round(now, 3),
            "kept": None if before is None else before.name,
            REPLACED: replaced,
        },
    }
    database.with_name(WORD).write_text(json.dumps(word) + "\n", encoding="utf-8")


async def note_restored(database: Path, auditor: Auditor) -> None:
    """Keep an entry of a restore that took place since the database was last open.

    Raises:
        UnavailableError: The store cannot keep it.

    """
    path = database.with_name(WORD)
    try:
        word = json.loads(path.read_bytes())
        actor, details = str(word["actor"]), dict(word["details"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        actor, details = SERVER, {}
    await auditor.record(actor, RESTORE, database.name, details)
    path.unlink(missing_ok=True)


def _copy(file: Path, copy: Path, size: int, progress: Callable[[int, int], None]) -> None:
    copy.unlink(missing_ok=True)
    with (
        file.open("rb") as source,
        os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target,
    ):
        while chunk := source.read(CHUNK_BYTES):
            target.write(chunk)
            progress(target.tell() >> 20, size >> 20)


def _adapt(copy: Path) -> None:
    """Take the files out of a copy, and let no version of a roster come twice."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        connection.execute(
            "INSERT INTO roster (owner, version) SELECT number, ? FROM person WHERE true"
            " ON CONFLICT (owner) DO UPDATE SET version = version + excluded.version",
            (ROSTER_VERSIONS,),
        )


def _settle(database: Path) -> None:
    """Bring the log into the file where that can be done; a damaged one is kept as it is."""
    try:
        look(database)  # SQLite deletes the log of a file whose header is damaged
    except UsageError:
        return
    with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _free_name(path: Path) -> Path:
    number = 1
    free = path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
