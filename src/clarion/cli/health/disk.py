"""The disk and the database on it."""

import os
import shutil
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Final

from clarion.cli.health.finding import Finding, bad, doubtful, good
from clarion.lib.errors import UsageError
from clarion.store.backup import last_backup
from clarion.store.migrations.migrate import migrations, schema_of
from clarion.store.opening import connect_reader
from clarion.store.opening import look as look_at_header
from clarion.store.restoring import staged

PART: Final = "disk"
DATABASE: Final = "database"
BACKUP: Final = "backup"
FREE_LEAST: Final = 256 * 1024 * 1024
"""Bytes below which the server is about to refuse messages."""
FREE_ENOUGH: Final = 2 * 1024 * 1024 * 1024
FSYNCS: Final = 9
"""Tries; the median counts."""
FSYNC_SLOW: Final = 0.05
"""Seconds: above, acknowledgements of messages come noticeably late."""
BACKUP_DAYS: Final = 7
_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs"})
_FLEETING: Final = frozenset({"tmpfs", "ramfs"})


def look_at_disk(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> Iterator[Finding]:
    """Look at the disk of the data folder.

    Args:
        folder: The data folder; what exists of its path counts.
        mounts: Where Linux lists file systems.

    """
    standing = folder
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    usage = shutil.disk_usage(standing)
    text = f"{_size(usage.free)} of {_size(usage.total)} free for {folder}"
    if usage.free < FREE_LEAST:
        yield bad(PART, text, "make room: when it is full, no message is accepted")
    elif usage.free < FREE_ENOUGH:
        yield doubtful(PART, text, "make room in time")
    else:
        yield good(PART, text)
    kind = _file_system(standing, mounts)
    if kind in _REMOTE:
        yield bad(
            PART,
            f"{folder} is on {kind}, over a network",
            "use a disk of this machine: SQLite's log needs its memory and its locks",
        )
    elif kind in _FLEETING:
        yield doubtful(PART, f"{folder} is on {kind}, in memory", "fit for tests only")
    yield _fsync(standing)


def _fsync(folder: Path) -> Finding:
    took: list[float] = []
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for _ in range(FSYNCS):
                file.write(bytes(4096))
                file.flush()
                began = perf_counter()
                os.fsync(file.fileno())
                took.append(perf_counter() - began)
    except OSError as error:
        return bad(
            PART,
            f"{folder} cannot be written: {error.strerror}",
            "run this as the server's user, and look at the folder's permissions",
        )
    middle = statistics.median(took)
    text = f"fsync takes {middle * 1000:.1f} ms"
    if middle > FSYNC_SLOW:
        return doubtful(PART, text, "use a faster disk: each acknowledgement waits for one")
    return good(PART, text)


def look_at_database(path: Path, now: float) -> Iterator[Finding]:
    """Check the database, which may be in use, and when it was last backed up.

    Args:
        path: Its file.
        now: UNIX seconds, UTC.

    """
    try:
        look_at_header(path)
    except UsageError as error:
        yield bad(DATABASE, str(error), "restore a backup, or install the version that wrote it")
        return
    if not path.exists() or not path.stat().st_size:
        yield good(DATABASE, f"{path} is not there yet; the server makes it at its first start")
        return
    yield from _integrity(path)
    waiting = staged(path)
    if waiting.exists():
        yield doubtful(
            DATABASE,
            "a backup waits to be restored at the next start",
            "restart the server, or `clarion restore --cancel`",
        )
    at = last_backup(path.parent)
    if at is None:
        yield doubtful(
            BACKUP, "there has been none", "`clarion backup FILE`, and every night again"
        )
        return
    days = int((now - at) // 86_400)
    text = f"the last one is from {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    if days > BACKUP_DAYS:
        yield doubtful(BACKUP, f"{text}, {days} days ago", "`clarion backup FILE`, every night")
    else:
        yield good(BACKUP, text)


def _integrity(path: Path) -> Iterator[Finding]:
    try:
        with closing(connect_reader(path)) as connection:
            schema = schema_of(connection, str(path))
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.Error, UsageError) as error:
        yield bad(DATABASE, f"{path}: {error}", "restore a backup: `clarion restore FILE`")
        return
    size = _size(path.stat().st_size)
    if found != "ok":
        text = f"{path} is damaged: {found}"
        yield bad(DATABASE, text, "stop the server; restore a backup: `clarion restore FILE`")
    else:
        yield good(DATABASE, f"{size}, and it hangs together")
    if schema < len(migrations()):
        yield good(DATABASE, f"schema {schema}; the next start brings it to {len(migrations())}")
    else:
        yield good(DATABASE, f"schema {schema}, of this version")


def _file_system(folder: Path, mounts: Path) -> str:
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for words in (line.split() for line in lines):
        if (
            len(words) > 2
            and folder.resolve().is_relative_to(words[1])
            and len(words[1]) >= len(best)
        ):
            best, kind = words[1], words[2]
    return kind


def _size(size_bytes: int) -> str:
    gib = size_bytes / (1 << 30)
    return f"{gib:.1f} GiB" if gib >= 1 else f"{size_bytes / (1 << 20):.1f} MiB"
