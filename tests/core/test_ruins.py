"""What destroyed rooms have left is cleared beside everything else, and on from there."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from clarion.core.bus import Bus
from clarion.core.events import RoomDestroyed
from clarion.core.rooms import Room, RoomConfig, RoomNumber
from clarion.core.ruins import PAUSE, Ruins
from clarion.lib.crew import Crew, crew
from clarion.lib.errors import UnavailableError
from fakes.clock import FakeClock

ROOM = Room(RoomNumber(1), "coven@rooms.corp.example", RoomConfig())


class Rubble:
    """The part of ``RoomStore`` that is asked, without a database."""

    def __init__(self, **left: int) -> None:
        self.left = {RoomNumber(int(number[1:])): count for number, count in left.items()}
        self.steps: list[int] = []
        self.fail: Exception | None = None

    async def ruins(self) -> list[RoomNumber]:
        return sorted(self.left)

    async def clear(self, room: RoomNumber) -> int:
        if self.fail is not None:
            raise self.fail
        self.steps.append(room)
        if self.left[room] == 0:
            del self.left[room]
            return 0
        self.left[room] -= 1
        return 1


@pytest.fixture
async def hands() -> AsyncIterator[Crew]:
    async with crew() as hands:
        yield hands


async def pass_time(clock: FakeClock, steps: int) -> None:
    for _ in range(steps):
        for _ in range(5):
            await asyncio.sleep(0)
        clock.advance(PAUSE)


async def test_all_ruins_are_cleared_step_by_step(hands: Crew):
    store, clock, bus = Rubble(r1=2, r2=1), FakeClock(), Bus()
    Ruins(store, clock, bus, hands).begin()
    await pass_time(clock, 1)
    assert store.steps == [1]
    await pass_time(clock, 10)
    assert (store.steps, store.left) == ([1, 1, 1, 2, 2], {})


async def test_a_room_that_is_destroyed_is_cleared(hands: Crew):
    store, clock, bus = Rubble(r1=3), FakeClock(), Bus()
    Ruins(store, clock, bus, hands)
    bus.publish(RoomDestroyed(ROOM, "", ""))
    await pass_time(clock, 1)
    store.left[RoomNumber(2)] = 1  # destroyed meanwhile
    bus.publish(RoomDestroyed(ROOM, "", ""))
    await pass_time(clock, 10)
    assert store.left == {}
    assert store.steps == [1, 1, 1, 1, 2, 2]


async def test_what_cannot_go_now_goes_later(hands: Crew):
    store, clock, bus = Rubble(r1=1), FakeClock(), Bus()
    ruins = Ruins(store, clock, bus, hands)
    store.fail = UnavailableError("the store is full")
    ruins.begin()
    await pass_time(clock, 3)
    assert store.left
    store.fail = None
    ruins.begin()
    await pass_time(clock, 3)
    assert not store.left
