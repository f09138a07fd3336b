import os
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from clarion.cli.health import disk
from clarion.store.backup import MARKER
from fakes.findings import NOW, told

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024  # as shutil has it


@pytest.mark.parametrize(
    ("free", "verdict"),
    [
        (disk.FREE_LEAST - 1, "bad"),
        (disk.FREE_ENOUGH - 1, "doubtful"),
        (disk.FREE_ENOUGH, "good"),
    ],
)
def test_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, free))
    first = told(disk.look_at_disk(tmp_path / "not" / "there", tmp_path / "none"))[0]
    assert first.startswith(f"{verdict}: ")


@pytest.mark.parametrize(
    ("kind", "verdict"), [("nfs4", "bad"), ("tmpfs", "doubtful"), ("ext4", None)]
)
def test_file_systems(tmp_path: Path, kind: str, verdict: str | None):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nhost:/x {tmp_path} {kind} rw 0 0\nodd\n")
    lines = [line for line in told(disk.look_at_disk(tmp_path, mounts)) if f"on {kind}" in line]
    assert [line.partition(":")[0] for line in lines] == ([verdict] if verdict else [])


def test_fsync_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk, "FSYNC_SLOW", 1e9)
    assert told([disk._fsync(tmp_path)])[0].startswith("good: fsync takes ")
    monkeypatch.setattr(disk, "FSYNC_SLOW", 0)
    assert told([disk._fsync(tmp_path)])[0].startswith("doubtful: fsync takes ")
    assert told([disk._fsync(tmp_path / "none")])[0].startswith("bad: ")


def test_a_database_that_is_not_there_yet(tmp_path: Path):
    (line,) = told(disk.look_at_database(tmp_path / "clarion.db", NOW))
    assert "makes it at its first start" in line


def test_a_good_database_without_a_backup(database: Path):
    lines = told(disk.look_at_database(database, NOW))
    assert [line.partition(":")[0] for line in lines] == ["good", "good", "doubtful"]
    assert "it hangs together" in lines[0]
    assert lines[2] == "doubtful: there has been none"


@pytest.mark.parametrize(("days", "verdict"), [(1, "good"), (disk.BACKUP_DAYS + 1, "doubtful")])
def test_the_age_of_the_last_backup(database: Path, days: int, verdict: str):
    (database.parent / MARKER).write_text(f'{{"at": {NOW - days * 86_400}}}')
    assert told(disk.look_at_database(database, NOW))[-1].startswith(f"{verdict}: the last one")


def test_a_damaged_database(database: Path):
    data = bytearray(database.read_bytes())
    data[8192:] = os.urandom(len(data) - 8192)
    database.write_bytes(data)
    assert told(disk.look_at_database(database, NOW))[0].startswith("bad: ")
    database.write_text("rubbish" * 100)
    (line,) = told(disk.look_at_database(database, NOW))
    assert "is not a database" in line


def test_an_older_schema_and_a_waiting_restore(database: Path):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 1")
    database.with_name("clarion.db.restore").touch()
    lines = told(disk.look_at_database(database, NOW))
    assert "schema 1; the next start brings it to" in lines[1]
    assert lines[2] == "doubtful: a backup waits to be restored at the next start"
