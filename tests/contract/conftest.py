"""Every engine that must keep the contracts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from clarion.core.ports import Database
from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.store.sqlite import open_database
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "memory":
        yield InMemoryDatabase()
        return
    path = tmp_path / "data" / "clarion.db"
    async with open_database(path, clock=SystemClock(), crash_points=CrashPoints()) as database:
        yield database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
