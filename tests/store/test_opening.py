"""Opening: one clear line on why not, and nothing touched."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UsageError
from clarion.store import opening
from clarion.store.migrations.migrate import APPLICATION_ID, migrations
from clarion.store.sqlite import open_database
from fakes.clock import FakeClock


def opened(path: Path, **options: bool):
    return open_database(path, clock=FakeClock(), crash_points=CrashPoints(), **options)


async def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        async with opened(path):
            raise AssertionError("it opened")
    text = str(caught.value)
    assert "\n" not in text
    return text


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def picture(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_what_is_made_is_for_this_user_alone(tmp_path: Path):
    old = os.umask(0)
    try:
        path = tmp_path / "a" / "b" / "clarion.db"
        async with opened(path) as store:
            await store.read("SELECT 1")
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert modes.pop("clarion.lock") == 0o600
    assert set(modes) == {"clarion.db", "clarion.db-wal", "clarion.db-shm"}
    assert set(modes.values()) == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent)} == {
        0o700
    }


async def test_closing_leaves_one_file_and_the_next_life_finds_it(tmp_path: Path):
    path = tmp_path / "clarion.db"
    async with opened(path):
        pass
    assert sorted(picture(tmp_path)) == ["clarion.db", "clarion.lock"]
    async with opened(path) as store:
        (mode,) = await store.read("PRAGMA journal_mode")
        assert mode == ("wal",)


async def test_the_writer_is_durable(tmp_path: Path):
    path = tmp_path / "clarion.db"
    opening.make_room(path)
    connection = opening.connect_writer(path)
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("synchronous", "foreign_keys", "busy_timeout", "wal_autocheckpoint")
    }
    connection.close()
    assert pragmas == {
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": opening.BUSY_TIMEOUT * 1000,
        "wal_autocheckpoint": opening.CHECKPOINT_PAGES,
    }


async def test_a_newer_database_is_not_touched(tmp_path: Path):
    path = tmp_path / "clarion.db"
    with database(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE later (a)")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 99")
    before = picture(tmp_path)
    text = await refused(path)
    known = len(migrations())
    assert f"{path} was written by a newer Clarion (schema 99; this one knows {known})" in text
    assert picture(tmp_path) == before


async def test_a_newer_schema_that_is_still_in_the_log_is_refused(tmp_path: Path):
    path = tmp_path / "clarion.db"
    async with opened(path):
        pass
    with database(path) as connection:
        connection.execute("PRAGMA user_version = 99")  # stays in the log while this is open
        assert "newer Clarion" in await refused(path)


@pytest.mark.parametrize("content", [b"SQLite", b"x" * 4096, b"SQLite format 3\0" + b"x" * 9])
async def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path, content: bytes):
    path = tmp_path / "clarion.db"
    path.write_bytes(content)
    assert "not a database" in await refused(path)
    assert picture(tmp_path) == {"clarion.db": content}


async def test_a_damaged_database_is_one_line(tmp_path: Path):
    path = tmp_path / "clarion.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(4080))
    assert "no database" in await refused(path)


@pytest.mark.parametrize("made", ["CREATE TABLE a (b)", "PRAGMA application_id = 9"])
async def test_a_database_of_another_program_is_refused(tmp_path: Path, made: str):
    path = tmp_path / "clarion.db"
    with database(path) as connection:
        connection.execute(made)
    assert "another program" in await refused(path)


async def test_an_empty_file_is_a_new_database(tmp_path: Path):
    path = tmp_path / "clarion.db"
    path.touch()
    async with opened(path) as store:
        assert await store.read("SELECT count(*) FROM item") == [(0,)]


async def test_a_path_below_a_regular_file(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    text = await refused(tmp_path / "file" / "data" / "clarion.db")
    assert "Not a directory" in text
    assert picture(tmp_path) == {"file": b"x"}


async def test_a_path_that_is_a_directory(tmp_path: Path):
    assert "Is a directory" in await refused(tmp_path)


async def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Root may write everywhere, and tests may run as root.
    monkeypatch.setattr(opening.os, "access", lambda *_: False)
    assert "cannot be written: Permission denied" in await refused(tmp_path / "clarion.db")


async def test_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening.os, "open", refuse)
    assert "cannot be written: Permission denied" in await refused(tmp_path / "clarion.db")


async def test_two_servers_cannot_share_a_data_directory(tmp_path: Path):
    path = tmp_path / "clarion.db"
    async with opened(path):
        text = await refused(path)
        assert f"another Clarion is running on {tmp_path} (process {os.getpid()})" in text
        async with opened(path, exclusive=False) as second:
            assert await second.read("SELECT count(*) FROM item") == [(0,)]
    async with opened(path):
        pass
