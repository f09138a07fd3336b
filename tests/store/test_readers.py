"""The threads that read: time limits, turns, and a thread that is always free."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UnavailableError
from clarion.store.readers import READERS, SEARCH_SECONDS, SEARCHERS, Readers
from clarion.store.sqlite import open_database
from fakes.clock import FakeClock

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
LONG = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000)"
    " SELECT count(*) FROM n"
)


class Gate(FakeClock):
    """A clock whose readers wait at it, then see that ``step`` seconds have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.open.set()
        self.step = 0.0
        self.looks = 0

    def monotonic(self) -> float:
        self.open.wait()
        self.looks += 1
        return super().monotonic() + self.step * self.looks


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest_asyncio.fixture
async def readers(tmp_path: Path, gate: Gate) -> AsyncIterator[Readers]:
    path = tmp_path / "clarion.db"
    async with open_database(path, clock=SystemClock(), crash_points=CrashPoints()):
        readers = Readers(path, gate)
        try:
            yield readers
        finally:
            gate.open.set()
            readers.close()


def test_the_house_always_has_a_thread():
    assert 0 < SEARCHERS < READERS


async def test_a_search_that_takes_too_long_is_stopped(readers: Readers, gate: Gate):
    gate.step = SEARCH_SECONDS / 4
    with pytest.raises(UnavailableError, match="the search took more than 2 seconds"):
        await readers.read(ENDLESS, owner=1)
    gate.step = 0.0
    assert await readers.read("SELECT ?", (7,), owner=1) == [(7,)]


async def test_what_the_house_asks_takes_its_time(readers: Readers, gate: Gate):
    gate.step = SEARCH_SECONDS
    assert await readers.read(LONG) == [(300_000,)]
    assert gate.looks == 0


async def test_searches_wait_for_each_other_and_the_house_for_none(readers: Readers, gate: Gate):
    gate.open.clear()
    loop = asyncio.get_running_loop()
    searches = [
        loop.create_task(readers.read("SELECT ?", (owner,), owner=owner))
        for owner in range(SEARCHERS + 2)
    ]
    await asyncio.sleep(0)
    assert await readers.read("SELECT 1") == [(1,)]
    gate.open.set()
    assert await asyncio.gather(*searches) == [[(owner,)] for owner in range(SEARCHERS + 2)]


async def test_who_stops_waiting_keeps_the_turn_until_the_thread_is_done(
    readers: Readers, gate: Gate
):
    gate.open.clear()
    loop = asyncio.get_running_loop()
    first = loop.create_task(readers.read("SELECT 1", owner=1))
    second = loop.create_task(readers.read("SELECT 2", owner=1))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert first.cancelled()
    assert not second.done()
    gate.open.set()
    assert await second == [(2,)]


async def test_a_wrong_query_is_told_and_ends_its_turn(readers: Readers):
    with pytest.raises(UnavailableError, match="the store failed"):
        await readers.read("SELECT nothing", owner=1)
    assert await readers.read("SELECT 1", owner=1) == [(1,)]


async def test_closed_readers_refuse_also_those_that_wait(readers: Readers, gate: Gate):
    gate.open.clear()
    loop = asyncio.get_running_loop()
    running = loop.create_task(readers.read("SELECT 1", owner=1))
    waiting = loop.create_task(readers.read("SELECT 1", owner=1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.open.set()
    readers.close()
    outcomes = await asyncio.gather(running, waiting, return_exceptions=True)
    assert isinstance(outcomes[1], UnavailableError)
    for owner in (None, 1):
        with pytest.raises(UnavailableError, match="closed"):
            await readers.read("SELECT 1", owner=owner)
