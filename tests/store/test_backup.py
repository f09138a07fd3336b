"""A backup is whole, verified and named last; whatever fails leaves nothing behind."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store import backup
from clarion.store.backup import (
    FORMAT,
    STEP_PAGES,
    Manifest,
    back_up,
    last_backup,
    read_files,
    read_manifest,
    verify,
)
from clarion.store.migrations.migrate import migrations
from clarion.store.opening import connect_writer
from clarion.store.sqlite import open_database
from fakes.clock import START_WALL, FakeClock

ADD = "INSERT INTO secret (name, value) VALUES (?, ?)"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with one row, which nobody has open."""
    path = tmp_path / "data" / "clarion.db"
    path.parent.mkdir()
    with closing(connect_writer(path)) as connection:
        connection.execute(ADD, ("one", b"1"))
    return path


def done(database: Path, target: Path, **options: Any) -> backup.Backup:
    given: dict[str, Any] = {
        "domain": "corp.example",
        "version": "1.2.3",
        "files": {"clarion.toml": b"x = 1"},
        "now": START_WALL,
        "overwrite": False,
        "progress": lambda *_: None,
    } | options
    return back_up(database, target, **given)


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM secret ORDER BY name")]


def test_it_holds_the_database_the_files_and_what_it_is_of(database: Path, tmp_path: Path):
    target = tmp_path / "b.db"
    old = os.umask(0)
    try:
        made = done(database, target)
    finally:
        os.umask(old)
    assert made.file == target
    assert made.size_bytes == target.stat().st_size
    assert made.manifest == Manifest(FORMAT, START_WALL, "1.2.3", "corp.example", len(migrations()))
    assert read_manifest(target) == made.manifest
    assert read_files(target)["clarion.toml"] == b"x = 1"
    assert names(target) == ["one"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {"b.db", "data"}
    assert last_backup(database.parent) == START_WALL


async def test_it_is_one_snapshot_of_a_database_in_use(tmp_path: Path):
    path = tmp_path / "data" / "clarion.db"
    async with open_database(path, clock=FakeClock(), crash_points=CrashPoints()):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.executemany(ADD, [(f"{n:05}", bytes(4000)) for n in range(2 * STEP_PAGES)])
            steps: list[int] = []

            def write_meanwhile(pages: int, total: int) -> None:
                steps.append(pages)
                other.execute(ADD, (f"meanwhile {len(steps)}", b""))

            done(path, tmp_path / "b.db", progress=write_meanwhile)
            assert len(steps) > 2
            assert steps == sorted(steps)  # it never began anew
            found = names(tmp_path / "b.db")
    assert len(found) == 2 * STEP_PAGES
    assert not [name for name in found if "meanwhile" in name]


def test_a_file_that_exists_is_replaced_only_on_demand(database: Path, tmp_path: Path):
    target = tmp_path / "b.db"
    target.write_text("precious")
    with pytest.raises(UsageError, match="exists already; name another file, or use --force"):
        done(database, target)
    assert target.read_text() == "precious"
    done(database, target, overwrite=True)
    assert names(target) == ["one"]


def test_a_file_that_comes_meanwhile_is_not_replaced(database: Path, tmp_path: Path):
    target = tmp_path / "b.db"
    with pytest.raises(UsageError, match="exists already"):
        done(database, target, progress=lambda *_: target.write_text("precious"))
    assert target.read_text() == "precious"


@pytest.mark.parametrize("overwrite", [True, False])
def test_the_database_itself_is_never_the_target(database: Path, overwrite: bool):
    with pytest.raises(UsageError, match="is the database itself"):
        done(database, database, overwrite=overwrite)
    assert names(database) == ["one"]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda database, target: database.unlink(), "there is nothing to back up yet"),
        (lambda database, target: database.write_text("x" * 200), "is not a database"),
        (lambda database, target: target.mkdir(), "is a folder"),
        (lambda database, target: target.parent.rmdir(), "No such file"),
    ],
)
def test_what_cannot_be_is_refused(
    database: Path, tmp_path: Path, spoil: Callable[[Path, Path], object], text: str
):
    target = tmp_path / "there" / "b.db"
    target.parent.mkdir()
    spoil(database, target)
    with pytest.raises(UsageError, match=text):
        done(database, target)


def test_without_room_nothing_is_begun(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Usage:
        free = 1

    monkeypatch.setattr(backup.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(UsageError, match=r"needs up to 0 MiB; .* has 0 MiB free"):
        done(database, tmp_path / "b.db")
    assert {file.name for file in tmp_path.iterdir()} == {"data"}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_what_fails_midway_leaves_nothing(database: Path, tmp_path: Path, error: BaseException):
    def fail(pages: int, total: int) -> None:
        raise error

    with pytest.raises((UnavailableError, KeyboardInterrupt)):
        done(database, tmp_path / "b.db", progress=fail)
    assert {file.name for file in tmp_path.iterdir()} == {"data"}
    assert last_backup(database.parent) is None


def test_a_copy_that_is_not_good_gets_no_name(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def find_fault(file: Path) -> None:
        raise UnavailableError("damaged")

    monkeypatch.setattr(backup, "verify", find_fault)
    with pytest.raises(UnavailableError, match="damaged"):
        done(database, tmp_path / "b.db")
    assert {file.name for file in tmp_path.iterdir()} == {"data"}


def test_damage_is_found(database: Path, tmp_path: Path):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(ADD, [(f"{n:05}", bytes(400)) for n in range(1000)])
    target = tmp_path / "b.db"
    done(database, target)
    verify(target)
    data = bytearray(target.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 4096):
        data[at] ^= 0x5A
    target.write_bytes(data)
    with pytest.raises(UnavailableError, match="is damaged"):
        verify(target)


def test_a_plain_copy_of_the_database_has_no_manifest(database: Path):
    assert read_manifest(database) is None
    assert read_files(database) == {}


@pytest.mark.parametrize("content", [b"not json", b'{"at": 1}', b'{"format": 99}'])
def test_another_manifest_is_refused(database: Path, tmp_path: Path, content: bytes):
    target = tmp_path / "b.db"
    done(database, target)
    with closing(sqlite3.connect(target)) as connection, connection:
        connection.execute("UPDATE backup SET content = ? WHERE name LIKE 'mani%'", (content,))
    with pytest.raises(UsageError, match="newer Clarion, or is damaged"):
        read_manifest(target)


def test_a_newer_format_is_refused(database: Path, tmp_path: Path, monkeypatch):
    target = tmp_path / "b.db"
    monkeypatch.setattr(backup, "FORMAT", FORMAT + 1)
    done(database, target)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="newer Clarion; install that version"):
        read_manifest(target)


def test_what_is_missing_or_empty_is_no_backup(tmp_path: Path):
    with pytest.raises(UsageError, match="does not exist, or is empty"):
        read_manifest(tmp_path / "b.db")


@pytest.mark.parametrize("text", ["", "{}", '{"at": "x"}', "[]"])
def test_a_marker_that_says_nothing_is_no_backup(tmp_path: Path, text: str):
    (tmp_path / backup.MARKER).write_text(text)
    assert last_backup(tmp_path) is None
