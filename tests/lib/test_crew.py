"""Crews: an errand fails for itself, a spawned task takes all with it, nobody is left behind."""

import asyncio

import pytest
from structlog.testing import capture_logs

from clarion.lib.crew import crew
from clarion.lib.errors import UnavailableError


async def test_a_failing_errand_is_logged_and_hurts_nobody():
    async def break_down() -> None:
        raise ZeroDivisionError

    async def give_up() -> None:
        raise UnavailableError("the disk is full")

    went_on = asyncio.Event()

    async def go_on() -> None:
        await asyncio.sleep(0)
        went_on.set()

    with capture_logs() as lines:
        async with crew() as hands:
            hands.errand(break_down(), name="one")
            hands.errand(give_up(), name="two")
            hands.errand(go_on(), name="three")
            await went_on.wait()
    assert [(line["task"], line["log_level"]) for line in lines] == [
        ("one", "error"),
        ("two", "warning"),
    ]
    assert lines[1]["why"] == "the disk is full"


async def test_a_failing_task_brings_down_the_crew_and_the_body():
    ended: list[str] = []

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("other task")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def body() -> None:
        async with crew() as hands:
            hands.spawn(last(), name="last")
            hands.spawn(fail(), name="fail")
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("body")

    with pytest.raises(ExceptionGroup) as caught:
        await body()
    assert caught.group_contains(ZeroDivisionError)
    assert sorted(ended) == ["body", "other task"]


async def test_who_leaves_a_crew_leaves_no_task_behind():
    async def last() -> None:
        await asyncio.Event().wait()

    async with crew() as hands:
        tasks = [hands.spawn(last(), name="spawned"), hands.errand(last(), name="errand")]
        await asyncio.sleep(0)
    assert all(task.cancelled() for task in tasks)


async def test_a_dismissed_crew_still_lets_its_tasks_clean_up():
    cleaned = False

    async def careful() -> None:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned = True

    async with crew() as hands:
        hands.spawn(careful(), name="careful")
        await asyncio.sleep(0)
    assert cleaned


async def test_an_error_of_the_body_comes_through_and_the_tasks_end():
    async def last() -> None:
        await asyncio.Event().wait()

    tasks: list[asyncio.Task[None]] = []

    async def body() -> None:
        async with crew() as hands:
            tasks.append(hands.spawn(last(), name="last"))
            await asyncio.sleep(0)
            raise ValueError

    with pytest.raises(ExceptionGroup) as caught:
        await body()
    assert caught.group_contains(ValueError)
    assert tasks[0].cancelled()
