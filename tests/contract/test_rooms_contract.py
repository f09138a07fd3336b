"""What every engine promises of ``core.rooms.RoomStore``."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from clarion.core.archive import Item, Owner, PageQuery, pair_thread, room_thread
from clarion.core.ledger import Act, Door, Move
from clarion.core.model import DepartmentNumber, Person, PersonNumber
from clarion.core.ports import Database, EntityId, Shape, WriteOp
from clarion.core.rooms import (
    Affiliated,
    Affiliation,
    Role,
    Room,
    RoomConfig,
    RoomNumber,
    Stay,
    Subject,
    Whom,
)
from clarion.lib.errors import UsageError
from clarion.lib.ids import FIRST, LAST, ItemId, Mint
from clarion.store import rooms as layout
from clarion.store.archive import DatabaseArchive
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.rooms import DatabaseRooms

COVEN, HEATH = "coven@rooms.corp.example", "heath@rooms.corp.example"
ANN, BOB, CAI = "ann@corp.example", "bob@corp.example", "cai@remote.example"
PLAIN = RoomConfig()
ODD = RoomConfig(
    name="A dark cave \u00e9",
    description="<&>",
    language="de",
    public=True,
    persistent=True,
    members_only=True,
    moderated=True,
    password="s'cret",
    whois=Whom.MODERATORS,
    private_messages=Whom.PARTICIPANTS,
    subject_change=False,
    invites=False,
    members_list=Whom.MODERATORS,
    presence=frozenset({Role.MODERATOR}),
    voice_requests=False,
    archived=False,
    occupants=30,
    history=0,
    mention_push=True,
)
OWNER = Affiliated(ANN, Affiliation.OWNER)
MEMBER = Affiliated(CAI, Affiliation.MEMBER, "thirdwitch", "she asked")
OUTCASTS = Affiliated("evil.example", Affiliation.OUTCAST, reason="spam")
ALL = PageQuery(None, None, FIRST, LAST, 100)


def at(number: int) -> ItemId:
    return ItemId(number.to_bytes(16, "big"))


@pytest.fixture
def rooms(database: Database) -> DatabaseRooms:
    return DatabaseRooms(database)


async def make(
    rooms: DatabaseRooms, address: str = COVEN, affiliations: Sequence[Affiliated] = (OWNER,)
) -> RoomNumber:
    return await rooms.create(address, PLAIN, affiliations, None, at(10))


async def only(rooms: DatabaseRooms) -> Room:
    (room,) = await rooms.load()
    return room


async def count(database: Database, table: str) -> int:
    ((number,),) = await database.read(f"SELECT count(*) FROM {table}")
    assert isinstance(number, int)
    return number


async def test_a_room_comes_back_as_it_was(rooms: DatabaseRooms):
    assert await rooms.load() == []
    sales = DepartmentNumber(7)
    number = await rooms.create(COVEN, ODD, [OWNER, MEMBER, OUTCASTS], sales, at(1))
    await rooms.set_subject(number, Subject("Fire \u00e9", "thirdwitch", 1.5))
    await rooms.set_avatar(number, ("image/png", b"\x89PNG\0"))
    second = await make(rooms, HEATH, ())
    assert await rooms.load() == [
        Room(
            number,
            COVEN,
            ODD,
            Subject("Fire \u00e9", "thirdwitch", 1.5),
            {one.jid: one for one in (OWNER, MEMBER, OUTCASTS)},
            sales,
            avatar=("image/png", b"\x89PNG\0"),
        ),
        Room(second, HEATH, PLAIN),
    ]
    assert 0 < number < second


async def test_an_address_and_a_department_have_one_room(rooms: DatabaseRooms):
    await rooms.create(COVEN, PLAIN, [OWNER], DepartmentNumber(1), at(1))
    for address, department in ((COVEN, None), (HEATH, DepartmentNumber(1))):
        with pytest.raises(UsageError, match="there is a room"):
            await rooms.create(address, PLAIN, [MEMBER], department, at(1))
    assert list((await only(rooms)).affiliations) == [ANN]


async def test_a_room_is_changed(rooms: DatabaseRooms):
    number = await make(rooms)
    await rooms.configure(number, ODD)
    await rooms.set_avatar(number, ("image/png", b"1"))
    await rooms.set_avatar(number, ("image/gif", b"2"))
    room = await only(rooms)
    assert (room.config, room.avatar) == (ODD, ("image/gif", b"2"))
    await rooms.set_avatar(number, None)
    await rooms.set_avatar(number, None)
    assert (await only(rooms)).avatar is None


async def test_what_a_newer_or_older_configuration_has_does_no_harm(
    rooms: DatabaseRooms, database: Database
):
    await make(rooms)
    text = '{"name": "x", "colour": "red", "whois": "moderators"}'
    await database.put(
        EntityId("test:"), WriteOp(Shape(("UPDATE room SET config = ?",)), ((text,),))
    )
    assert (await only(rooms)).config == RoomConfig(name="x", whois=Whom.MODERATORS)


async def test_who_is_not_there_cannot_be_changed(rooms: DatabaseRooms):
    nowhere = RoomNumber(99)
    for change in (
        rooms.configure(nowhere, ODD),
        rooms.set_subject(nowhere, Subject("x")),
        rooms.set_avatar(nowhere, ("image/png", b"1")),
        rooms.affiliate(nowhere, [MEMBER], at(1)),
    ):
        with pytest.raises(UsageError, match="no such room"):
            await change
    assert await rooms.stays(nowhere, at(5)) == []


async def test_affiliations_are_set_and_taken_away(rooms: DatabaseRooms):
    number = await make(rooms)
    other = await make(rooms, HEATH)
    await rooms.affiliate(number, [MEMBER, OUTCASTS], at(11))
    await rooms.affiliate(number, [], at(11))
    admin = replace(MEMBER, affiliation=Affiliation.ADMIN, nick="", reason="")
    await rooms.affiliate(
        number,
        [admin, Affiliated(ANN, Affiliation.NONE), Affiliated("x.y", Affiliation.NONE)],
        at(12),
    )
    found = {room.number: room.affiliations for room in await rooms.load()}
    assert found == {number: {CAI: admin, OUTCASTS.jid: OUTCASTS}, other: {ANN: OWNER}}


async def test_who_was_there_when_something_was_said(rooms: DatabaseRooms):
    number = await make(rooms, affiliations=[OWNER, OUTCASTS])  # at 10
    await rooms.affiliate(number, [MEMBER], at(20))
    await rooms.affiliate(number, [replace(MEMBER, affiliation=Affiliation.ADMIN)], at(25))
    await rooms.affiliate(number, [replace(MEMBER, affiliation=Affiliation.OUTCAST)], at(30))
    await rooms.affiliate(number, [replace(MEMBER, affiliation=Affiliation.NONE)], at(35))
    await rooms.affiliate(number, [MEMBER], at(40))

    async def there(item: int) -> list[str]:
        return [stay.jid for stay in await rooms.stays(number, at(item))]

    assert [await there(item) for item in (10, 11, 20, 21, 30, 31, 40, 41)] == [
        [],
        [ANN],
        [ANN],
        [ANN, CAI],
        [ANN, CAI],
        [ANN],
        [ANN],
        [ANN, CAI],
    ]
    assert await rooms.stays(number, at(28)) == [Stay(ANN, at(10)), Stay(CAI, at(20), at(30))]


async def test_who_was_there_between_two_items(rooms: DatabaseRooms):
    number = await make(rooms, affiliations=[OWNER])  # at 10
    await rooms.affiliate(number, [MEMBER], at(20))
    await rooms.affiliate(number, [replace(MEMBER, affiliation=Affiliation.NONE)], at(30))
    stay = Stay(CAI, at(20), at(30))
    for first, last, cai in ((11, 20, False), (11, 21, True), (30, 40, True), (31, 40, False)):
        found = await rooms.stays(number, at(first), at(last))
        assert (stay in found) is cai
    covered = [item for item in range(15, 35) if stay.covers(at(item))]
    assert covered == list(range(21, 31))


async def test_who_leaves_and_returns_in_between_was_always_there(rooms: DatabaseRooms):
    number = await make(rooms, affiliations=[OWNER, MEMBER])
    await rooms.affiliate(number, [replace(MEMBER, affiliation=Affiliation.NONE)], at(10))
    await rooms.affiliate(number, [MEMBER], at(10))
    assert await rooms.stays(number, at(11)) == [Stay(ANN, at(10)), Stay(CAI, at(10))]


class Said:
    """Writes what is said in rooms, and between people."""

    def __init__(self, database: Database) -> None:
        self.archive = DatabaseArchive(database)
        self.mint = Mint(1, lambda: 1_750_000_000.0)

    async def __call__(self, room: str, number: int, *more: Owner) -> Item:
        item = Item(
            self.mint.item(), room_thread(room), f"{ANN}/x", room, "m", "", b"<message/>", True
        )
        owners = [Owner(PersonNumber(-number), incoming=True), *more]
        await self.archive.append(item, owners)
        return item

    async def of(self, number: int) -> list[ItemId]:
        return [item.id for item in (await self.archive.page(PersonNumber(-number), ALL)).items]


async def clear_all(rooms: DatabaseRooms, number: RoomNumber) -> list[int]:
    steps = []
    while step := await rooms.clear(number):
        steps.append(step)
    return steps


async def test_a_destroyed_room_is_cleared_in_lots(
    rooms: DatabaseRooms, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(layout, "ITEMS", 4)
    monkeypatch.setattr(layout, "LINES", 2)
    said, ledger = Said(database), DatabaseLedger(database)
    number, other = await make(rooms), await make(rooms, HEATH)
    await rooms.affiliate(number, [MEMBER, Affiliated(BOB, Affiliation.MEMBER)], at(11))
    await rooms.set_avatar(number, ("image/png", b"1"))
    items = [await said(COVEN, number) for _ in range(9)]
    kept = await said(HEATH, other)
    for who in (ANN, BOB, CAI):
        await ledger.append(
            [Move(room_thread(COVEN), who, items[-1].id, 1.5, Door.CHAT, Act.MARKED)]
        )
    await ledger.append([Move(room_thread(HEATH), BOB, kept.id, 1.5, Door.CHAT, Act.MARKED)])
    await rooms.destroy(number, room_thread(COVEN), said.mint.item())
    await rooms.destroy(number, room_thread(COVEN), said.mint.item())
    assert [room.number for room in await rooms.load()] == [other]
    assert (await count(database, "room_affiliation"), await count(database, "room_avatar")) == (
        1,
        0,
    )

    # The address is free; what the new room has stays.
    again = await make(rooms)
    new = await said(COVEN, again)
    await ledger.append([Move(room_thread(COVEN), ANN, new.id, 1.5, Door.CHAT, Act.MARKED)])
    assert await rooms.ruins() == [number]
    assert await clear_all(rooms, number) == [4, 4, 1, 2, 1, 2, 1, 2]
    assert await rooms.ruins() == []
    assert await clear_all(rooms, number) == []
    assert await said.of(number) == []
    assert await said.archive.get(items[0].id) is None
    assert (await said.of(again), await said.of(other)) == ([new.id], [kept.id])
    assert await count(database, "item") == 2
    assert [move.reader for move in await ledger.moves_reaching(room_thread(COVEN), FIRST)] == [ANN]
    assert len(await ledger.moves_reaching(room_thread(HEATH), FIRST)) == 1
    assert [stay.jid for stay in await rooms.stays(again, LAST)] == [ANN]
    assert await rooms.stays(number, LAST) == []


async def test_what_somebody_else_has_of_a_destroyed_room_stays(
    rooms: DatabaseRooms, database: Database
):
    people = DatabasePeople(database)
    ann = await people.add_person(Person(PersonNumber(0), ANN, "Ann"))
    said, number = Said(database), await make(rooms)
    item = await said(COVEN, number, Owner(ann.number, incoming=False))
    await rooms.destroy(number, room_thread(COVEN), said.mint.item())
    await clear_all(rooms, number)
    assert await said.archive.get(item.id) == item
    assert await said.archive.has(ann.number, item.id)


async def test_numbers_are_not_given_again(rooms: DatabaseRooms):
    number = await make(rooms)
    await rooms.destroy(number, room_thread(COVEN), at(20))
    await clear_all(rooms, number)
    assert await make(rooms) > number


async def test_a_deleted_persons_stays_end_and_an_erased_ones_are_gone(
    rooms: DatabaseRooms, database: Database
):
    people, said = DatabasePeople(database), Said(database)
    ann = await people.add_person(Person(PersonNumber(0), ANN, "Ann"))
    bob = await people.add_person(Person(PersonNumber(0), BOB, "Bob"))
    number = await make(rooms, affiliations=[OWNER, Affiliated(BOB, Affiliation.ADMIN), MEMBER])
    before = await said(COVEN, number)
    await people.delete_person(ann.number)
    assert set((await only(rooms)).affiliations) == {BOB, CAI}
    after = await said(COVEN, number)
    jids = [[one.jid for one in await rooms.stays(number, item.id)] for item in (before, after)]
    assert jids == [[ANN, BOB, CAI], [BOB, CAI]]
    await people.delete_person(bob.number, keep_address=True)
    jids = [[one.jid for one in await rooms.stays(number, item.id)] for item in (before, after)]
    assert jids == [[ANN, CAI], [CAI]]
    assert set((await only(rooms)).affiliations) == {CAI}


async def test_the_stay_of_who_is_deleted_before_anything_is_said_ends_too(
    rooms: DatabaseRooms, database: Database
):
    people = DatabasePeople(database)
    ann = await people.add_person(Person(PersonNumber(0), ANN, "Ann"))
    number = await make(rooms)
    await people.delete_person(ann.number)
    assert await rooms.stays(number, at(50)) == []


async def test_threads_of_rooms_and_pairs_differ():
    assert room_thread(COVEN) != room_thread(HEATH)
    assert room_thread(COVEN) != pair_thread(COVEN, "")
    assert len(room_thread(COVEN)) == 16
