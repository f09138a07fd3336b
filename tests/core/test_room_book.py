"""The book of rooms: what may be changed, in which order, and who hears of it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from clarion.core import room_book
from clarion.core.bus import Bus
from clarion.core.events import (
    PersonDeleted,
    RoomAffiliated,
    RoomConfigured,
    RoomCreated,
    RoomDestroyed,
)
from clarion.core.model import DepartmentNumber, Person, PersonNumber
from clarion.core.room_book import LastOwnerError, NickTakenError, RoomBook
from clarion.core.rooms import Affiliated, Affiliation, Room, RoomConfig, Subject
from clarion.lib.errors import UnavailableError, UsageError
from clarion.lib.ids import Mint
from clarion.store.rooms import DatabaseRooms
from fakes.database import InMemoryDatabase

COVEN, HEATH = "coven@rooms.corp.example", "heath@rooms.corp.example"
ANN, BOB, CAI = (f"{name}@corp.example" for name in ("ann", "bob", "cai"))
PLAIN = RoomConfig()
OWNER = Affiliated(ANN, Affiliation.OWNER)


def bond(jid: str, affiliation: Affiliation = Affiliation.MEMBER, nick: str = "") -> Affiliated:
    return Affiliated(jid, affiliation, nick)


class Place:
    """A book on a database in memory; ``told`` are the events."""

    def __init__(self, database: InMemoryDatabase | None = None) -> None:
        self.database = database or InMemoryDatabase()
        self.store = DatabaseRooms(self.database)
        self.mint = Mint(1, lambda: 1_750_000_000.0)
        self.bus = Bus()
        self.told: list[Any] = []
        for kind in (RoomCreated, RoomConfigured, RoomAffiliated, RoomDestroyed):
            self.bus.subscribe(kind, self.told.append)
        self.book = RoomBook(self.store, self.mint.item, self.bus)

    async def make(self, address: str = COVEN, *more: Affiliated) -> Room:
        return await self.book.create(address, PLAIN, (OWNER, *more))

    async def again(self) -> RoomBook:
        """What a server that starts now would know."""
        other = Place(self.database)
        await other.book.load()
        return other.book


@pytest.fixture
def place() -> Place:
    return Place()


def state(room: Room) -> tuple[object, ...]:
    return (
        room.number,
        room.address,
        room.config,
        room.subject,
        dict(room.affiliations),
        room.avatar,
    )


async def test_rooms_are_found_by_address_department_and_person(place: Place):
    book, sales = place.book, DepartmentNumber(7)
    coven = await place.make(COVEN, bond(BOB))
    heath = await book.create(HEATH, PLAIN, [bond(BOB)], department=sales)
    assert (book.get(COVEN), book.get(HEATH), book.get("x@y")) == (coven, heath, None)
    assert book.all() == [coven, heath]
    assert (book.of_department(sales), book.of_department(DepartmentNumber(8))) == (heath, None)
    assert book.affiliated(BOB) == [coven, heath]
    assert book.affiliated(ANN) == [coven]
    assert place.told == [RoomCreated(coven), RoomCreated(heath)]
    loaded = await place.again()
    assert [state(room) for room in loaded.all()] == [state(room) for room in (coven, heath)]
    assert [room.address for room in loaded.affiliated(BOB)] == [COVEN, HEATH]
    again = loaded.of_department(sales)
    assert again is not None
    assert again.owner == -heath.number


async def test_what_is_changed_is_kept_shown_and_told(place: Place):
    book, room = place.book, await place.make()
    named = RoomConfig(name="Coven")
    await book.configure(room, named)
    await book.configure(room, named)
    await book.set_subject(room, Subject("Fire", "ann", 1.5))
    await book.set_avatar(room, ("image/png", b"1"))
    assert place.told[1:] == [RoomConfigured(room, PLAIN)]
    assert (room.config, room.subject.text, room.avatar) == (named, "Fire", ("image/png", b"1"))
    assert [state(one) for one in (await place.again()).all()] == [state(room)]


async def test_a_new_room_is_locked_until_it_is_configured(place: Place):
    room = await place.book.create(COVEN, PLAIN, [OWNER], locked=True)
    assert room.locked
    await place.book.configure(room, PLAIN)
    assert not room.locked
    assert place.told[1:] == [RoomConfigured(room, PLAIN)]


async def test_affiliations_change_and_only_changes_are_told(place: Place):
    book, room = place.book, await place.make(COVEN, bond(BOB))
    changes = await book.affiliate(
        room,
        [
            bond(BOB, Affiliation.NONE),
            bond(BOB, Affiliation.ADMIN),  # the last one counts
            bond(ANN, Affiliation.OWNER),  # so already
            bond(CAI, Affiliation.NONE),
            bond("evil.example", Affiliation.OUTCAST),
        ],
        ANN,
    )
    assert changes == (
        bond(BOB, Affiliation.ADMIN),
        bond("evil.example", Affiliation.OUTCAST),
    )
    assert place.told[1:] == [RoomAffiliated(room, changes, ANN)]
    assert room.affiliation(BOB) is Affiliation.ADMIN
    assert room.affiliation("x@evil.example") is Affiliation.OUTCAST
    assert room.affiliation(CAI) is Affiliation.NONE
    assert await book.affiliate(room, changes, ANN) == ()
    assert len(place.told) == 2
    await book.affiliate(room, [bond(BOB, Affiliation.NONE)], ANN)
    assert book.affiliated(BOB) == []
    assert [state(one) for one in (await place.again()).all()] == [state(room)]


async def test_a_room_keeps_an_owner(place: Place):
    book, room = place.book, await place.make(COVEN, bond(BOB))
    for change in (Affiliation.NONE, Affiliation.ADMIN, Affiliation.OUTCAST):
        with pytest.raises(LastOwnerError, match="must keep an owner"):
            await book.affiliate(room, [bond(BOB, Affiliation.ADMIN), bond(ANN, change)], ANN)
    with pytest.raises(LastOwnerError):
        await book.create(HEATH, PLAIN, [bond(BOB)])
    assert room.affiliation(BOB) is Affiliation.MEMBER
    await book.affiliate(room, [bond(ANN, Affiliation.NONE), bond(BOB, Affiliation.OWNER)], ANN)
    assert dict(room.affiliations) == {BOB: bond(BOB, Affiliation.OWNER)}


async def test_a_departments_room_needs_no_owner(place: Place):
    room = await place.book.create(COVEN, PLAIN, [OWNER], department=DepartmentNumber(7))
    await place.book.affiliate(room, [bond(ANN, Affiliation.NONE)], "")
    assert not room.affiliations


async def test_only_outcasts_are_whole_domains(place: Place):
    room = await place.make()
    for affiliation in (Affiliation.MEMBER, Affiliation.OWNER):
        with pytest.raises(UsageError, match="whole domain"):
            await place.book.affiliate(room, [bond("corp.example", affiliation)], ANN)


async def test_a_nickname_is_reserved_for_one(place: Place):
    book, room = place.book, await place.make(COVEN, bond(BOB, nick="bob"), bond(CAI, nick="cai"))
    assert (book.holder(room, "bob"), book.holder(room, "x")) == (BOB, None)
    with pytest.raises(NickTakenError):
        await book.affiliate(room, [bond(ANN, Affiliation.OWNER, "bob")], ANN)
    await book.affiliate(room, [bond(BOB, Affiliation.ADMIN)], ANN)
    assert room.affiliations[BOB].nick == "bob"  # it stays reserved
    await book.affiliate(room, [bond(BOB, nick="cai"), bond(CAI, nick="bob")], ANN)
    assert (book.holder(room, "bob"), book.holder(room, "cai")) == (CAI, BOB)
    await book.affiliate(room, [bond(CAI, Affiliation.OUTCAST), bond(BOB, Affiliation.NONE)], ANN)
    assert (book.holder(room, "bob"), book.holder(room, "cai")) == (None, None)
    assert room.affiliations[CAI].nick == ""
    with pytest.raises(NickTakenError):
        await book.create(HEATH, PLAIN, [OWNER, bond(BOB, nick="x"), bond(CAI, nick="x")])


async def test_a_destroyed_room_is_forgotten(place: Place):
    book = place.book
    room = await book.create(COVEN, PLAIN, [OWNER], department=DepartmentNumber(7))
    await book.destroy(room, "over", HEATH, "pw")
    assert (book.get(COVEN), book.all(), book.affiliated(ANN)) == (None, [], [])
    assert book.of_department(DepartmentNumber(7)) is None
    assert place.told[1:] == [RoomDestroyed(room, "over", HEATH, "pw")]
    assert list(room.affiliations) == [ANN]  # whoever hears of it may ask
    for change in (
        book.configure(room, RoomConfig(name="x")),
        book.affiliate(room, [bond(BOB)], ANN),
        book.set_subject(room, Subject("x")),
        book.set_avatar(room, None),
        book.destroy(room),
    ):
        with pytest.raises(UsageError, match="any more"):
            await change
    new = await place.make()
    assert new.number > room.number
    with pytest.raises(UsageError, match="already"):
        await place.make()


async def test_what_the_store_refuses_has_not_happened(place: Place):
    book, room = place.book, await place.make()
    before, told = state(room), len(place.told)
    for change in (
        lambda: book.create(HEATH, PLAIN, [OWNER]),
        lambda: book.configure(room, RoomConfig(name="x")),
        lambda: book.affiliate(room, [bond(BOB)], ANN),
        lambda: book.set_subject(room, Subject("x")),
        lambda: book.set_avatar(room, ("image/png", b"1")),
        lambda: book.destroy(room),
    ):
        place.database.fail_next(UnavailableError("the store is full"))
        with pytest.raises(UnavailableError):
            await change()
    assert (state(room), book.all(), len(place.told)) == (before, [room], told)
    assert [state(one) for one in (await place.again()).all()] == [before]


async def test_whoever_is_deleted_is_in_no_room(place: Place):
    book, room = place.book, await place.make(COVEN, bond(BOB, nick="bob"))
    place.bus.publish(PersonDeleted(Person(PersonNumber(2), BOB, "Bob")))
    gone = bond(BOB, Affiliation.NONE)
    assert place.told[1:] == [RoomAffiliated(room, (gone,), "")]
    assert (book.affiliated(BOB), book.holder(room, "bob")) == ([], None)
    place.bus.publish(PersonDeleted(Person(PersonNumber(1), ANN, "Ann")))
    assert not room.affiliations
    await book.affiliate(room, [bond(CAI)], "")  # nobody owned it before either
    assert list(room.affiliations) == [CAI]


async def test_stays_are_those_of_when_it_was_said(place: Place):
    room = await place.make()
    first = place.mint.item()
    await place.book.affiliate(room, [bond(BOB)], ANN)
    second = place.mint.item()
    await place.book.affiliate(room, [bond(BOB, Affiliation.NONE)], ANN)
    third = place.mint.item()
    there = [[s.jid for s in await place.book.stays(room, at)] for at in (first, second, third)]
    assert there == [[ANN], [ANN, BOB], [ANN]]


class SlowStore(DatabaseRooms):
    """Lets others have their turn in each change, and sees how many are under way."""

    def __init__(self, database: InMemoryDatabase) -> None:
        super().__init__(database)
        self.under_way = 0
        self.most = 0

    async def affiliate(self, room: Any, changes: Sequence[Affiliated], at: Any) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        await super().affiliate(room, changes, at)
        self.under_way -= 1


async def test_changes_to_one_room_follow_each_other_and_to_two_go_side_by_side(place: Place):
    slow = SlowStore(place.database)
    book = RoomBook(slow, place.mint.item, place.bus)
    room, other = [await book.create(one, PLAIN, [OWNER]) for one in (COVEN, HEATH)]
    both = [bond(ANN, Affiliation.NONE), bond(BOB, Affiliation.OWNER)]
    results = await asyncio.gather(
        book.affiliate(room, both, ANN),
        book.affiliate(room, [bond(BOB, Affiliation.NONE)], ANN),
        return_exceptions=True,
    )
    assert isinstance(results[1], LastOwnerError)  # it saw what the first had done
    assert slow.most == 1
    await asyncio.gather(*(book.affiliate(one, [bond(CAI)], ANN) for one in (room, other)))
    assert slow.most == 2
    made = await asyncio.gather(
        *(book.create("x@rooms.corp.example", PLAIN, [OWNER]) for _ in range(2)),
        return_exceptions=True,
    )
    assert [type(one) for one in made] == [Room, UsageError]


async def test_many_affiliations_go_in_lots(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room_book, "CHANGES_AT_ONCE", 4)
    many = [bond(f"p{number}@corp.example") for number in range(9)]
    room = await place.book.create(COVEN, PLAIN, [*many, OWNER])
    assert [len(one.changes) for one in place.told[1:]] == [4, 2]
    assert len(room.affiliations) == 10
    assert place.told[0] == RoomCreated(room)
    sizes = [len(op.parameters) for _, op in place.database.writes]
    assert sizes == [9, 8, 4]  # the room and a row and a stay each
    assert state((await place.again()).all()[0]) == state(room)


async def test_a_room_has_so_many_affiliations(place: Place, monkeypatch: pytest.MonkeyPatch):
    assert room_book.AFFILIATIONS_LIMIT == 20_000
    monkeypatch.setattr(room_book, "AFFILIATIONS_LIMIT", 3)
    room = await place.make(COVEN, bond(BOB), bond(CAI))
    with pytest.raises(UsageError, match="3 affiliations"):
        await place.book.affiliate(room, [bond("d@corp.example")], ANN)
    await place.book.affiliate(
        room, [bond("d@corp.example"), bond(BOB, Affiliation.NONE), bond(CAI, nick="c")], ANN
    )
    assert len(room.affiliations) == 3
    with pytest.raises(UsageError):
        await place.make(HEATH, *(bond(f"{number}@x.example") for number in range(3)))


async def test_there_are_so_many_rooms(place: Place, monkeypatch: pytest.MonkeyPatch):
    assert room_book.ROOMS_LIMIT == 100_000
    monkeypatch.setattr(room_book, "ROOMS_LIMIT", 1)
    room = await place.make()
    with pytest.raises(UsageError, match="there are 1 rooms"):
        await place.make(HEATH)
    await place.book.destroy(room)
    await place.make(HEATH)


async def test_an_avatar_has_so_many_bytes(place: Place):
    room = await place.make()
    most = ("image/png", bytes(room_book.AVATAR_LIMIT_BYTES))
    await place.book.set_avatar(room, most)
    with pytest.raises(UsageError, match="131072 bytes"):
        await place.book.set_avatar(room, ("image/png", most[1] + b"x"))
    assert room.avatar == most
