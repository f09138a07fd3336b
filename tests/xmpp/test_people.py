"""Person entities in memory: made at log-in, dropped with the last session, their level kept."""

import asyncio
from typing import Any

import pytest

from clarion.core.archive import Received
from clarion.core.model import PersonNumber
from clarion.core.ports import ItemRef
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import FIRST, ItemId
from clarion.xmpp.people import LEVEL_DELAY
from fakes.household import DOMAIN, Household, household, settle

BOB = f"bob@{DOMAIN}"


async def kept(house: Household) -> ItemId:
    return (await house.services.archive.received_up_to(house.person("bob").number)).up_to


async def test_two_who_enter_at_once_get_the_same_entity(monkeypatch: pytest.MonkeyPatch):
    async with household() as house:
        archive: Any = house.services.archive
        read = archive.received_up_to

        async def slowly(owner: PersonNumber) -> Received:
            await asyncio.sleep(0)
            received: Received = await read(owner)
            return received

        monkeypatch.setattr(archive, "received_up_to", slowly)
        bob = house.person("bob")
        one, two = await asyncio.gather(house.people.enter(bob), house.people.enter(bob))
        assert one is two
        assert house.people.get(BOB) is one
        assert house.people.all() == [one]


async def test_a_store_that_cannot_say_the_level_makes_no_entity():
    async with household() as house:
        house.database.fail_next_read(UnavailableError("the disk is broken"))
        with pytest.raises(UnavailableError):
            await house.people.enter(house.person("bob"))
        assert house.people.get(BOB) is None


async def test_the_level_is_kept_within_its_delay_and_once_for_many_changes():
    async with household() as house:
        items = [await house.store(f"ann@{DOMAIN}/x", BOB, "hi") for _ in range(3)]
        bob = await house.log_in("bob")
        entity = bob.context.entity
        await entity.catch_up(bob.session)
        writes = len(house.database.writes)
        for item in items[:2]:
            entity.received(bob.session, [ItemRef(item, None)])
            house.people.level_changed(entity)
        assert await kept(house) == FIRST
        house.clock.advance(LEVEL_DELAY)
        assert items[1] <= await kept(house) < items[2]
        assert len(house.database.writes) == writes + 1
        house.clock.advance(10 * LEVEL_DELAY)
        assert len(house.database.writes) == writes + 1


async def test_who_leaves_for_good_is_dropped_when_the_level_is_kept():
    async with household() as house:
        item = await house.store(f"ann@{DOMAIN}/x", BOB, "hi")
        bob = await house.log_in("bob")
        entity = bob.context.entity
        await entity.catch_up(bob.session)
        entity.received(bob.session, [ItemRef(item, None)])
        house.people.level_changed(entity)
        entity.sessions = {}
        house.people.leave(entity)
        assert house.people.get(BOB) is entity  # until it is committed
        await settle()
        assert house.people.get(BOB) is None
        assert await kept(house) == item


async def test_who_still_has_a_session_or_comes_back_in_time_stays():
    async with household() as house:
        bob = await house.log_in("bob")
        entity = bob.context.entity
        house.people.leave(entity)
        await settle()
        assert house.people.get(BOB) is entity
        sessions, entity.sessions = entity.sessions, {}
        house.people.leave(entity)
        entity.sessions = sessions
        await settle()
        assert house.people.get(BOB) is entity


async def test_what_is_not_kept_yet_is_kept_at_the_end():
    async with household() as house:
        item = await house.store(f"ann@{DOMAIN}/x", BOB, "hi")
        bob = await house.log_in("bob")
        entity = bob.context.entity
        await entity.catch_up(bob.session)
        entity.received(bob.session, [ItemRef(item, None)])
        house.people.level_changed(entity)
        house.people.keep_levels()
        house.people.keep_levels()
        assert await kept(house) == item
        assert house.clock.pending == 0
