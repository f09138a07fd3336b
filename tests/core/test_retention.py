"""When retention runs, and what of it is told."""

import asyncio
from pathlib import Path

import pytest

from clarion.config.load import from_mapping
from clarion.config.server import RetentionConfig
from clarion.core.events import PoliciesChanged
from clarion.core.retention import DAY, FIRST_RUN
from clarion.lib.errors import UnavailableError
from fakes.organisation import Organisation

ANN, BOB = "ann@corp.example", "bob@corp.example"


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def pass_time(house: Organisation, seconds: float) -> None:
    """Let time pass, and then as many short pauses as a run takes."""
    house.clock.advance(seconds)
    await turns()
    for _ in range(10):
        house.clock.advance(0.1)
        await turns()


async def count(house: Organisation, table: str) -> object:
    return (await house.database.read(f"SELECT count(*) FROM {table}"))[0][0]


@pytest.fixture
async def old(house: Organisation) -> None:
    """Let Ann have written something a long time ago."""
    for address in (ANN, BOB):
        await house.directory.add_person(address)
    item = await house.send(ANN, BOB)
    bob = house.directory.require_person(BOB)
    await house.archive.set_received_up_to(bob.number, item)
    house.clock.advance(40 * DAY)


@pytest.mark.usefixtures("old")
async def test_it_runs_soon_after_the_start_and_then_daily(house: Organisation):
    house.retention.policy = RetentionConfig(messages=41)
    async with house.retention.serve():
        await turns()
        await pass_time(house, FIRST_RUN)
        assert await count(house, "item") == 1
        await pass_time(house, DAY)
        await pass_time(house, DAY)
        assert await count(house, "item") == 0
    rows = await house.database.read("SELECT actor, verb FROM audit ORDER BY number")
    assert rows == [("server", "retention.run"), ("server", "retention.done")]


@pytest.mark.usefixtures("old")
async def test_a_new_policy_counts_from_the_next_run_on(house: Organisation):
    new = from_mapping({"retention": {"messages": 30}}, Path("/etc/clarion"), {})
    house.bus.publish(PoliciesChanged(new, ("retention.messages",)))
    async with house.retention.serve():
        await turns()
        await pass_time(house, FIRST_RUN)
    assert await count(house, "item") == 0


@pytest.mark.usefixtures("old")
async def test_what_was_cut_short_goes_on_the_next_day(house: Organisation):
    house.retention.policy = RetentionConfig(messages=30)
    house.database.fail_next(UnavailableError("full"))
    async with house.retention.serve():
        await turns()
        await pass_time(house, FIRST_RUN)
        assert await count(house, "item") == 1
        await pass_time(house, DAY)
        assert await count(house, "item") == 0


@pytest.mark.usefixtures("old")
async def test_one_run_at_a_time(house: Organisation):
    house.retention.policy = RetentionConfig(messages=30)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(house.retention.run())
        await turns()
        with pytest.raises(UnavailableError, match="under way"):
            await house.retention.run()
        while not first.done():
            house.clock.advance(0.1)
            await turns()


async def test_a_dry_run_and_a_policy_that_keeps_everything(house: Organisation):
    told = await house.do("retention.run", dry=True)
    assert told == {
        "messages_days": 0,
        "waiting_days": 0,
        "dry": True,
        "items": 0,
        "waiting": 0,
    }
    assert await count(house, "audit") == 0
