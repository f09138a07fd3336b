"""A full disk, a locked file: an error to those it concerns, and then on again."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clarion.core.ports import Shape, WriteOp, person_entity
from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UnavailableError
from clarion.store import opening
from clarion.store.sqlite import SqliteDatabase, open_database

ANN = person_entity("ann@corp.example")
ADD = Shape(("INSERT INTO secret (name, value) VALUES (?, ?)",), mergeable=True)
REMOVE = Shape(("DELETE FROM secret WHERE name = ?",))


def add(name: str, size_bytes: int = 1) -> WriteOp:
    return WriteOp(ADD, ((name, bytes(size_bytes)),))


def opened(path: Path, **options: int):
    return open_database(path, clock=SystemClock(), crash_points=CrashPoints(), **options)


async def names(database: SqliteDatabase) -> set[object]:
    return {row[0] for row in await database.read("SELECT name FROM secret")}


async def test_a_full_store_refuses_what_does_not_fit_and_recovers(tmp_path: Path):
    async with opened(tmp_path / "clarion.db") as database:
        ((pages,),) = await database.read("SELECT page_count FROM pragma_page_count")
    assert isinstance(pages, int)
    async with opened(tmp_path / "clarion.db", max_pages=pages + 30) as database:
        big = [database.put(ANN, add(f"big{number}", 50_000)) for number in range(4)]
        small = database.put(ANN, add("small"))
        outcomes = await asyncio.gather(*big, return_exceptions=True)
        failed = [outcome for outcome in outcomes if isinstance(outcome, UnavailableError)]
        assert 1 <= len(failed) < 4
        assert "full" in str(failed[0])
        assert await small == []
        assert len(await names(database)) == 5 - len(failed)
        await database.put(ANN, WriteOp(REMOVE, (("big0",),)))
        await database.put(ANN, add("again", 40_000))
        assert "again" in await names(database)


async def test_a_locked_store_refuses_writes_serves_reads_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(opening, "BUSY_TIMEOUT", 0.01)
    path = tmp_path / "clarion.db"
    async with opened(path) as database:
        await database.put(ANN, add("before"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            both = [database.put(ANN, add(name)) for name in ("one", "two")]
            outcomes = await asyncio.gather(*both, return_exceptions=True)
            assert all("locked" in str(outcome) for outcome in outcomes)
            assert all(isinstance(outcome, UnavailableError) for outcome in outcomes)
            assert await names(database) == {"before"}
            other.execute("ROLLBACK")
        await database.put(ANN, add("after"))
        assert await names(database) == {"before", "after"}


async def test_a_read_that_fails_is_unavailable(tmp_path: Path):
    async with opened(tmp_path / "clarion.db") as database:
        with pytest.raises(UnavailableError, match="no such table"):
            await database.read("SELECT 1 FROM nowhere")
        with pytest.raises(UnavailableError, match="cannot be written"):
            await database.read("DELETE FROM item")


async def test_a_closed_store_refuses(tmp_path: Path):
    async with opened(tmp_path / "clarion.db") as database:
        last = database.put(ANN, add("last"))
    assert last.done()
    assert last.result() == []
    with pytest.raises(UnavailableError, match="closed"):
        await database.put(ANN, add("late"))
    with pytest.raises(UnavailableError, match="closed"):
        await database.read("SELECT 1")


async def test_a_reader_sees_what_a_future_has_promised(tmp_path: Path):
    async with opened(tmp_path / "clarion.db") as database:
        for number in range(20):
            await database.put(ANN, add(str(number)))
            assert str(number) in await names(database)


async def test_the_queue_limit_is_handed_in(tmp_path: Path):
    async with opened(tmp_path / "clarion.db", queue_limit=1) as database:
        kept, refused = database.put(ANN, add("one")), database.put(ANN, add("two"))
        with pytest.raises(UnavailableError, match="too many writes wait"):
            await refused
        await kept
