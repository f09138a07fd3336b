"""Rooms of departments: made, renamed, followed and destroyed as the directory says."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from clarion.core.department_rooms import DepartmentRooms
from clarion.core.rooms import Affiliated, Affiliation, Room, RoomConfig, Whom
from clarion.lib.crew import crew
from clarion.lib.errors import UnavailableError
from fakes.organisation import Organisation

ROOMS = "rooms.corp.example"
ANN, BOB, CAI = (f"{name}@corp.example" for name in ("ann", "bob", "cai"))
SALES = "sales@corp.example"
ROOM = f"sales@{ROOMS}"


class House:
    """An organisation with rooms that follow it."""

    def __init__(self, organisation: Organisation, rooms: DepartmentRooms) -> None:
        self.directory = organisation.directory
        self.database = organisation.database
        self.book = organisation.rooms
        self.rooms = rooms

    async def settled(self) -> None:
        """Let what hears of a change do its work; this database answers at once."""
        for _ in range(100):
            await asyncio.sleep(0)

    def room(self) -> Room:
        room = self.book.get(ROOM)
        assert room is not None
        return room

    def affiliations(self) -> dict[str, str]:
        return {
            jid.partition("@")[0]: one.affiliation.word
            for jid, one in sorted(self.room().affiliations.items())
        }


@pytest_asyncio.fixture
async def here(house: Organisation) -> AsyncIterator[House]:
    for address in (ANN, BOB, CAI):
        await house.directory.add_person(address)
    await house.directory.add_department(SALES, "Sales")
    await house.directory.join(ANN, SALES, manager=True)
    await house.directory.join(BOB, SALES)
    async with crew() as hands:
        rooms = DepartmentRooms(house.directory, house.rooms, house.bus, hands, ROOMS)
        yield House(house, rooms)


async def test_the_room_of_a_department_is_for_its_people_who_all_see_each_other(here: House):
    await here.rooms.catch_up()
    config = here.room().config
    assert here.affiliations() == {"ann": "admin", "bob": "member"}
    assert config.name == "Sales"
    assert (config.persistent, config.members_only, config.whois) == (True, True, Whom.ANYONE)
    assert here.room().department == here.directory.require_department(SALES).number


async def test_who_joins_or_leaves_the_department_does_so_in_the_room(here: House):
    await here.rooms.catch_up()
    await here.directory.join(CAI, SALES)
    await here.directory.leave(BOB, SALES)
    await here.directory.join(ANN, SALES, manager=False)
    await here.settled()
    assert here.affiliations() == {"ann": "member", "cai": "member"}


async def test_who_is_disabled_is_no_member_until_enabled(here: House):
    await here.rooms.catch_up()
    await here.directory.disable(BOB)
    await here.settled()
    assert here.affiliations() == {"ann": "admin"}
    await here.directory.enable(BOB)
    await here.settled()
    assert here.affiliations() == {"ann": "admin", "bob": "member"}


async def test_who_was_banned_stays_banned(here: House):
    await here.rooms.catch_up()
    await here.book.affiliate(here.room(), [Affiliated(BOB, Affiliation.OUTCAST)], ANN)
    await here.directory.join(CAI, SALES)
    await here.settled()
    assert here.affiliations() == {"ann": "admin", "bob": "outcast", "cai": "member"}


async def test_the_room_has_the_departments_name_and_keeps_what_else_was_set(here: House):
    await here.rooms.catch_up()
    config = RoomConfig(name="Sales", persistent=True, members_only=True, description="We sell")
    await here.book.configure(here.room(), config)
    await here.directory.rename_department(SALES, "Sales and service")
    await here.settled()
    assert here.room().config.name == "Sales and service"
    assert here.room().config.description == "We sell"


async def test_the_room_goes_with_the_department(here: House):
    await here.rooms.catch_up()
    await here.directory.remove_department(SALES)
    await here.settled()
    assert here.book.get(ROOM) is None


async def test_what_was_missed_is_made_up_for(here: House):
    here.database.fail_next(UnavailableError("the disk is full"))
    await here.rooms.catch_up()
    assert here.book.get(ROOM) is None
    await here.directory.join(CAI, SALES)
    await here.settled()
    assert here.affiliations() == {"ann": "admin", "bob": "member", "cai": "member"}


async def test_a_room_that_has_the_name_already_is_left_alone(here: House):
    mine = await here.book.create(ROOM, RoomConfig(), [Affiliated(CAI, Affiliation.OWNER)])
    await here.rooms.catch_up()
    assert here.room() is mine
    assert here.affiliations() == {"cai": "owner"}
