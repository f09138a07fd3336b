"""A restore puts one whole database in the place of another, and keeps that."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clarion.core.model import PersonNumber
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store import restoring
from clarion.store.backup import back_up
from clarion.store.opening import connect_writer
from clarion.store.restoring import prepare, stage, staged, swap
from clarion.store.roster import DatabaseRosters
from clarion.store.sqlite import open_database
from fakes.clock import START_WALL, FakeClock

ADD = "INSERT INTO secret (name, value) VALUES (?, x'')"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "clarion.db"
    path.parent.mkdir()
    with closing(connect_writer(path)) as connection:
        connection.execute(ADD, ("one",))
    return path


@pytest.fixture
def backup(database: Path, tmp_path: Path) -> Path:
    """A backup, after which the database went on."""
    target = make_backup(database, tmp_path / "b.db")
    with closing(connect_writer(database)) as connection:
        connection.execute(ADD, ("two",))
    return target


def make_backup(database: Path, target: Path) -> Path:
    back_up(
        database,
        target,
        domain="corp.example",
        version="1",
        files={},
        now=START_WALL,
        overwrite=False,
        progress=lambda *_: None,
    )
    return target


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM secret ORDER BY name")]


def quiet(done: int, total: int) -> None:
    assert done <= total


def test_the_previous_database_is_kept(database: Path, backup: Path):
    before = swap(prepare(backup, database, quiet), database, START_WALL)
    assert names(database) == ["one"]
    assert before == database.with_name("clarion.db.before-20250615T150640Z")
    assert names(before) == ["one", "two"]
    assert database.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "backup" not in tables
    again = swap(prepare(backup, database, quiet), database, START_WALL)
    assert again is not None
    assert again.name.endswith("Z-2")


async def test_a_version_of_a_roster_never_comes_again(database: Path, tmp_path: Path):
    """A client that knows what was lost must not be told that nothing has changed."""
    with closing(connect_writer(database)) as one:
        for number, name in ((1, "ann"), (2, "bob")):
            one.execute("INSERT INTO party VALUES (?, ?)", (number, f"{name}@corp.example"))
            one.execute("INSERT INTO person VALUES (?, ?, NULL, 'en', 'UTC', 0, 0)", (number, name))
        one.execute("INSERT INTO roster VALUES (1, 10)")
    copy = make_backup(database, tmp_path / "c.db")
    swap(prepare(copy, database, quiet), database, START_WALL)
    async with open_database(database, clock=FakeClock(), crash_points=CrashPoints()) as opened:
        rosters = DatabaseRosters(opened)
        for person, lost in ((PersonNumber(1), 12), (PersonNumber(2), 2)):
            assert (await rosters.load(person)).version > lost
            assert await rosters.changed_since(person, lost) is None


def test_a_log_that_was_left_is_never_applied_to_the_new_one(database: Path, backup: Path):
    # As a crash leaves it: the last commits are in the log, and nobody has the database open.
    with closing(sqlite3.connect(database, isolation_level=None)) as one:
        one.execute("PRAGMA wal_autocheckpoint = 0")
        one.execute(ADD, ("three",))
        picture = {name.name: name.read_bytes() for name in database.parent.iterdir()}
    for name, data in picture.items():
        (database.parent / name).write_bytes(data)
    before = swap(prepare(backup, database, quiet), database, START_WALL)
    assert before is not None
    assert names(database) == ["one"]
    assert names(before) == ["one", "three", "two"]


def test_a_damaged_database_is_kept_with_its_log(database: Path, backup: Path):
    database.write_bytes(b"rubbish" * 100)
    wal = database.with_name("clarion.db-wal")
    wal.write_bytes(b"more")
    before = swap(prepare(backup, database, quiet), database, START_WALL)
    assert before is not None
    assert before.read_bytes() == b"rubbish" * 100
    assert before.with_name(before.name + "-wal").read_bytes() == b"more"
    assert not wal.exists()
    assert names(database) == ["one"]


def test_without_hard_links_it_is_copied(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    before = swap(prepare(backup, database, quiet), database, START_WALL)
    assert before is not None
    assert names(before) == ["one", "two"]
    assert before.stat().st_mode & 0o777 == 0o600


def test_where_nothing_was_nothing_is_kept(backup: Path, tmp_path: Path):
    database = tmp_path / "new" / "clarion.db"
    assert swap(prepare(backup, database, quiet), database, START_WALL) is None
    assert names(database) == ["one"]
    assert database.parent.stat().st_mode & 0o777 == 0o700


def test_a_damaged_backup_changes_nothing(database: Path, backup: Path):
    data = bytearray(backup.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    backup.write_bytes(data)
    with pytest.raises(UnavailableError, match="damaged"):
        prepare(backup, database, quiet)
    assert names(database) == ["one", "two"]
    assert {file.name for file in database.parent.iterdir()} <= {
        "clarion.db",
        "last-backup.json",
    }


def test_without_room_nothing_is_begun(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
):
    class Usage:
        free = 1

    monkeypatch.setattr(restoring.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(UsageError, match="MiB free"):
        prepare(backup, database, quiet)


async def test_what_waits_is_swapped_in_by_the_next_to_open(database: Path, backup: Path):
    stage(prepare(backup, database, quiet), database)
    async with open_database(database, clock=FakeClock(), crash_points=CrashPoints()) as store:
        assert await store.read("SELECT name FROM secret") == [("one",)]
    assert not staged(database).exists()
    (before,) = database.parent.glob("*.before-*")
    assert names(before) == ["one", "two"]


async def test_what_waits_and_is_no_database_stops_the_start(database: Path):
    staged(database).write_text("rubbish" * 100)
    with pytest.raises(UsageError, match="is not a database"):
        async with open_database(database, clock=FakeClock(), crash_points=CrashPoints()):
            raise AssertionError("it opened")
    assert names(database) == ["one"]
