"""Copies the database while it is in use: one snapshot, verified, and only then given its name.

A backup is a database file like the one it was taken of, with one more table,
``backup``: the manifest, the configuration and the certificate. So any SQLite
tool can look into it, and one check covers all of it.

The copy is made on a connection and, for ``clarion backup``, in a process of
its own: it reads a snapshot, so the server's writer never waits for it, and it
pauses after each step, so that the disk has time for the server's fsyncs.
"""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.migrations.migrate import schema_of
from clarion.store.opening import connect_reader, look
from clarion.store.refusals import refusal

FORMAT: Final = 1
"""Of the table ``backup``; a higher one is refused."""
STEP_PAGES: Final = 1_024
"""Pages copied between two pauses: 4 MiB, some 5 ms."""
REST: Final = 1.0
"""How long each pause is, in parts of the time that the step before it took."""
SYNC_STEPS: Final = 8
"""Steps between two fsyncs: 32 MiB, so that the server's own fsync never waits for much more."""
MARKER: Final = "last-backup.json"
"""In the data folder: when the last backup was taken, and where it is."""
TABLE: Final = "backup"

_MANIFEST: Final = "manifest.json"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of.

    Attributes:
        format: ``FORMAT`` of whoever wrote it.
        at: UNIX seconds, UTC, of the snapshot.
        version: Of Clarion.
        domain: The organisation's.
        schema: Number of the last migration.

    """

    format: int
    at: float
    version: str
    domain: str
    schema: int


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is done and good.

    Attributes:
        file: Where it is.
        size_bytes: How large it is.
        manifest: What it is of.

    """

    file: Path
    size_bytes: int
    manifest: Manifest


def back_up(
    database: Path,
    target: Path,
    *,
    domain: str,
    version: str,
    files: Mapping[str, bytes],
    now: float,
    overwrite: bool,
    progress: Progress,
) -> Backup:
    """Copy the database to ``target``, which exists only once the copy is whole and verified.

    Args:
        database: In use or not.
        target: Made with mode 0600.
        domain: The organisation's.
        version: Of Clarion.
        files: What else belongs to it, by name.
        now: UNIX seconds, UTC.
        overwrite: Whether ``target`` may be replaced.
        progress: Told how many pages are done, and of how many.

    Raises:
        UsageError: There is no database, it is no Clarion's, or ``target``
            exists already or cannot be made.
        UnavailableError: The copy failed or is not good; ``target`` is as it was.

    """
    look(database)
    if not database.exists():
        raise UsageError(f"{database} does not exist: there is nothing to back up yet")
    _check_target(database, target, overwrite=overwrite)
    with _partial(target) as partial:
        try:
            schema = _copy(database, partial, progress)
            manifest = Manifest(FORMAT, now, version, domain, schema)
            contents = {_MANIFEST: json.dumps(asdict(manifest)).encode(), **files}
            _add_files(partial, contents)
        except sqlite3.Error as error:
            raise UnavailableError(f"{target}: {_why(error)}; nothing was written") from error
        verify(partial)
        sync(partial)
        _name(partial, target, overwrite=overwrite)
    _mark(database.parent, target, now)
    return Backup(target, target.stat().st_size, manifest)


def read_manifest(file: Path) -> Manifest | None:
    """Return what a backup is of; ``None`` for a database that was copied by other means.

    Raises:
        UsageError: It is no Clarion's database, or a newer Clarion's.

    """
    look(file)
    if not file.is_file() or file.stat().st_size == 0:
        raise UsageError(f"{file} does not exist, or is empty")
    try:
        value = json.loads(read_files(file).get(_MANIFEST, b"null"))
        manifest = None if value is None else Manifest(**value)
    except (ValueError, TypeError):
        raise UsageError(f"{file} was written by a newer Clarion, or is damaged") from None
    if manifest is not None and manifest.format > FORMAT:
        raise UsageError(f"{file} was written by a newer Clarion; install that version")
    return manifest


def read_files(file: Path) -> dict[str, bytes]:
    """Return what a backup holds besides the database, by name.

    Raises:
        UsageError: It cannot be read.

    """
    try:
        with closing(immutable(file)) as connection:
            schema_of(connection, str(file))
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (TABLE,)
            ).fetchone():
                return {}
            return dict(connection.execute("SELECT name, content FROM backup ORDER BY name"))
    except sqlite3.Error as error:
        raise UsageError(f"{file} cannot be read: {error}") from error


def verify(file: Path) -> None:
    """Read the whole file and check that it hangs together.

    Raises:
        UnavailableError: It does not.

    """
    try:
        with closing(immutable(file)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise UnavailableError(f"{file} is damaged: {found}")


def immutable(file: Path) -> sqlite3.Connection:
    """Open a file that nobody writes; nothing is made beside it.

    Raises:
        sqlite3.Error: It cannot be opened.

    """
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None
    )


def last_backup(folder: Path) -> float | None:
    """Return when the last backup of this data folder was taken, UNIX seconds; ``None``: never."""
    try:
        value = json.loads((folder / MARKER).read_bytes())["at"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, int | float) else None


def sync(path: Path) -> None:
    """Wait until a file, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_target(database: Path, target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name a file in it")
    if os.path.lexists(target):
        if database.samefile(target):
            raise UsageError(f"{target} is the database itself; name another file")
        if not overwrite:
            raise UsageError(f"{target} exists already; name another file, or use --force")
    needed = sum(
        file.stat().st_size
        for file in (database, database.with_name(f"{database.name}-wal"))
        if file.exists()
    )
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise UsageError(f"{target} cannot be made: {error.strerror}") from error
    if free < needed:
        raise UsageError(
            f"{target} needs up to {needed >> 20} MiB; {target.parent} has {free >> 20} MiB free"
        )


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """Make an empty file beside the target; what is left of it in the end is removed."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise UsageError(f"{target} cannot be made: {error.strerror}") from error
    try:
        yield partial
    except OSError as error:
        raise UnavailableError(f"{target}: {error.strerror}; nothing was written") from error
    finally:
        for name in (partial.name, f"{partial.name}-journal"):
            with suppress(OSError):
                partial.with_name(name).unlink()


def _copy(database: Path, partial: Path, progress: Progress) -> int:
    """Copy one snapshot; returns its schema."""
    with closing(connect_reader(database)) as source, closing(sqlite3.connect(partial)) as copy:
        # The snapshot is held until the end: else each commit would begin the copy anew.
        source.execute("BEGIN")
        schema = schema_of(source, str(database))
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        copy.execute("PRAGMA cache_size = -4096")
        pace = _Pace(partial, progress)
        source.backup(copy, pages=STEP_PAGES, progress=pace)
        source.execute("ROLLBACK")
    return schema


class _Pace:
    """Called after each step of a copy: fsyncs now and then, and rests."""

    def __init__(self, file: Path, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._steps = 0
        self._began = time.monotonic()

    def __call__(self, status: int, remaining: int, total: int) -> None:
        self._progress(total - remaining, total)
        self._steps += 1
        if self._steps % SYNC_STEPS == 0:
            sync(self._file)
        took = time.monotonic() - self._began
        if remaining:
            time.sleep(took * REST)
        self._began = time.monotonic()


def _add_files(partial: Path, contents: Mapping[str, bytes]) -> None:
    with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, that needs none beside it
        copy.execute("BEGIN IMMEDIATE")
        copy.execute("CREATE TABLE backup (name TEXT PRIMARY KEY, content BLOB NOT NULL)")
        copy.executemany("INSERT INTO backup VALUES (?, ?)", list(contents.items()))
        copy.execute("COMMIT")


def _name(partial: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        partial.replace(target)
    else:
        try:
            target.hardlink_to(partial)  # unlike a rename, it replaces nothing
        except FileExistsError:
            raise UsageError(f"{target} exists already; name another file") from None
        except OSError:  # a file system without hard links
            partial.rename(target)
    sync(target.parent)


def _mark(folder: Path, target: Path, now: float) -> None:
    """Leave word of the backup for metrics and doctor; it is good without."""
    value: dict[str, Any] = {"at": now, "file": str(target.absolute())}
    fresh = folder / f".{MARKER}"
    with suppress(OSError):
        fresh.write_text(json.dumps(value) + "\n", encoding="utf-8")
        fresh.replace(folder / MARKER)


def _why(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return "the disk is full"
    return str(refusal(error))
