"""Whose query runs next."""

import asyncio

import pytest

from clarion.lib.errors import UnavailableError
from clarion.store.turns import WAITING_LIMIT, Turns


class Queue:
    """Begins turns in tasks and remembers their order."""

    def __init__(self, most: int) -> None:
        self.turns = Turns(most)
        self.begun: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def asks(self, owner: int, name: str) -> asyncio.Task[None]:
        async def begin() -> None:
            await self.turns.begin(owner)
            self.begun.append(name)

        task = asyncio.get_running_loop().create_task(begin())
        self.tasks.append(task)
        await quiet()
        return task

    async def ends(self, owner: int) -> list[str]:
        """End a turn; returns who began since."""
        self.begun.clear()
        self.turns.end(owner)
        await quiet()
        return list(self.begun)


async def quiet() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_of_each_person_and_so_many_in_all():
    queue = Queue(2)
    for owner, name in ((1, "1a"), (1, "1b"), (2, "2a"), (3, "3a")):
        await queue.asks(owner, name)
    assert queue.begun == ["1a", "2a"]
    assert await queue.ends(2) == ["3a"]
    assert await queue.ends(3) == []  # 1 has one under way
    assert await queue.ends(1) == ["1b"]
    assert await queue.ends(1) == []


async def test_persons_take_turns_however_many_one_has_waiting():
    queue = Queue(1)
    await queue.asks(1, "1a")
    for name in ("1b", "1c", "1d"):
        await queue.asks(1, name)
    await queue.asks(2, "2a")
    await queue.asks(3, "3a")
    await queue.asks(2, "2b")
    order = []
    for owner in (1, 1, 2, 3, 1, 2, 1):
        order += await queue.ends(owner)
    assert order == ["1b", "2a", "3a", "1c", "2b", "1d"]


async def test_a_person_who_waits_does_not_hold_up_one_who_need_not():
    queue = Queue(2)
    await queue.asks(1, "1a")
    await queue.asks(1, "1b")
    await queue.asks(2, "2a")
    assert queue.begun == ["1a", "2a"]


async def test_who_stops_waiting_leaves_the_queue():
    queue = Queue(1)
    await queue.asks(1, "1a")
    gone = await queue.asks(2, "2a")
    await queue.asks(3, "3a")
    gone.cancel()
    await quiet()
    assert await queue.ends(1) == ["3a"]
    assert await queue.ends(3) == []
    await queue.asks(2, "2b")
    assert queue.begun == ["2b"]


async def test_a_turn_that_comes_as_its_owner_leaves_is_given_on():
    queue = Queue(1)
    await queue.asks(1, "1a")
    gone = await queue.asks(2, "2a")
    await queue.asks(3, "3a")
    queue.begun.clear()
    queue.turns.end(1)  # 2 has its turn, but has not run yet
    gone.cancel()
    await quiet()
    assert queue.begun == ["3a"]


async def test_only_so_many_of_one_person_wait():
    queue = Queue(1)
    for number in range(WAITING_LIMIT + 1):
        await queue.asks(1, str(number))
    with pytest.raises(UnavailableError, match=f"{WAITING_LIMIT} of your searches"):
        await queue.turns.begin(1)
    await queue.asks(2, "other")
    assert len(queue.begun) == 1
    queue.turns.stop()
    await quiet()
    for task in queue.tasks[1:]:
        assert isinstance(task.exception(), UnavailableError)
