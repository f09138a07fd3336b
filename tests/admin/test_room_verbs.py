"""The verbs about rooms: what they show, change and refuse."""

import pytest

from clarion.core.rooms import Affiliated, Affiliation, Room, RoomConfig
from clarion.lib.errors import UsageError
from fakes.organisation import Organisation

ANN, BOB = "ann@corp.example", "bob@corp.example"
ROOM = "tea@rooms.corp.example"


async def make(house: Organisation) -> Room:
    config = RoomConfig(name="Tea", persistent=True, password="milk")
    owner = Affiliated(ANN, Affiliation.OWNER, "Annie")
    return await house.rooms.create(ROOM, config, [owner, Affiliated(BOB, Affiliation.OUTCAST)])


async def make_of_department(house: Organisation) -> Room:
    sales = await house.directory.add_department("sales@corp.example", "Sales")
    return await house.rooms.create(
        "sales@rooms.corp.example", RoomConfig(name="Sales"), department=sales.number
    )


async def test_rooms_are_listed_by_address_without_what_is_secret(house: Organisation):
    await make(house)
    await make_of_department(house)
    sales, tea = await house.do("room.list")
    assert sales["address"] == "sales@rooms.corp.example"
    assert sales["department"] == "sales@corp.example"
    assert tea == {
        "address": ROOM,
        "name": "Tea",
        "department": None,
        "members": 1,
        "members_only": False,
        "persistent": True,
        "public": False,
        "archived": True,
    }


async def test_a_room_is_shown_with_its_affiliations_the_strongest_first(house: Organisation):
    await make(house)
    shown = await house.do("room.show", room=" Tea@ROOMS.corp.example")
    assert shown["affiliations"] == [
        {"address": ANN, "affiliation": "owner", "nick": "Annie"},
        {"address": BOB, "affiliation": "outcast", "nick": ""},
    ]
    assert "milk" not in str(shown)


async def test_affiliations_are_changed_and_audited(house: Organisation):
    room = await make(house)
    shown = await house.do("room.affiliate", room=ROOM, address=BOB, affiliation="admin")
    assert room.affiliation(BOB) is Affiliation.ADMIN
    assert shown["affiliations"][1] == {"address": BOB, "affiliation": "admin", "nick": ""}
    sql = "SELECT verb, target, details FROM audit ORDER BY number DESC LIMIT 1"
    ((verb, target, details),) = await house.database.read(sql)
    assert (verb, target) == ("room.affiliate", ROOM)
    assert '"affiliation":"admin"' in str(details).replace(" ", "")


@pytest.mark.parametrize(
    ("address", "affiliation", "why"),
    [
        (ANN, "none", "must keep an owner"),
        (BOB, "chief", "an affiliation is outcast, none, member, admin, owner"),
    ],
)
async def test_what_cannot_be_is_refused(
    house: Organisation, address: str, affiliation: str, why: str
):
    await make(house)
    with pytest.raises(UsageError, match=why):
        await house.do("room.affiliate", room=ROOM, address=address, affiliation=affiliation)


async def test_a_departments_room_follows_the_department_and_nobody_else(house: Organisation):
    room = await make_of_department(house)
    with pytest.raises(UsageError, match="join or leave the department"):
        await house.do("room.affiliate", room=room.address, address=ANN, affiliation="member")
    await house.do("room.affiliate", room=room.address, address=ANN, affiliation="outcast")
    await house.do("room.affiliate", room=room.address, address=ANN, affiliation="none")
    assert room.affiliation(ANN) is Affiliation.NONE
    with pytest.raises(UsageError, match="goes with the department"):
        await house.do("room.destroy", room=room.address)


async def test_a_room_is_destroyed(house: Organisation):
    await make(house)
    assert (await house.do("room.destroy", room=ROOM, reason="no tea"))["address"] == ROOM
    with pytest.raises(UsageError, match="no such room"):
        await house.do("room.show", room=ROOM)
