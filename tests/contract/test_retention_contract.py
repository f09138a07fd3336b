"""What is too old goes, what waits stays, and nothing else is touched; on every engine."""

import pytest

from clarion.config.server import RetentionConfig
from clarion.core.archive import Item, Keeping, Owner, PageQuery, pair_thread, room_thread
from clarion.core.auditor import Auditor
from clarion.core.bus import Bus
from clarion.core.ledger import Act, Door, Move
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.core.retention import DAY, Due, Removed, Retention
from clarion.core.rooms import RoomConfig
from clarion.lib.ids import FIRST, LAST, ItemId, Mint
from clarion.store import retention as layout
from clarion.store.archive import DatabaseArchive
from clarion.store.audit import AuditedDatabase, DatabaseAudit
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.retention import DatabaseRetention
from clarion.store.rooms import DatabaseRooms
from fakes.clock import FakeClock

ANN, BOB = "ann@corp.example", "bob@corp.example"
THREAD = pair_thread(ANN, BOB)
ALL = PageQuery(None, None, FIRST, LAST, 1000)


class Impatient(FakeClock):
    """Rings at once: every pause is over when it begins."""

    def call_later(self, delay, action):
        action()
        return super().call_later(delay, lambda: None)


class Place:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Impatient()
        self.archive = DatabaseArchive(database)
        self.mint = Mint(0, self.clock.wall)
        self.bus = Bus()
        auditor = Auditor(DatabaseAudit(database), self.clock, self.bus)
        self.retention = Retention(
            DatabaseRetention(AuditedDatabase(database, auditor)),
            auditor,
            self.clock,
            self.bus,
            RetentionConfig(messages=30, waiting=365),
        )
        self.people: dict[str, PersonNumber] = {}

    async def add(self, *addresses: str) -> None:
        people = DatabasePeople(self.database)
        for address in addresses:
            person = await people.add_person(Person(PersonNumber(0), address, "x"))
            self.people[address] = person.number

    async def send(self, sender: str, to: str, keeping: Keeping = Keeping.ARCHIVED) -> ItemId:
        item = Item(
            self.mint.item(), THREAD, f"{sender}/x", to, "m", "", b"<message/>", countable=True
        )
        owners = [
            Owner(self.people[sender], incoming=False, keeping=keeping),
            Owner(self.people[to], incoming=True, keeping=keeping),
        ]
        await self.archive.append(item, owners)
        return item.id

    async def received(self, who: str, item: ItemId) -> None:
        await self.archive.set_received_up_to(self.people[who], item)

    async def seen(self, who: str) -> list[ItemId]:
        return [item.id for item in (await self.archive.page(self.people[who], ALL)).items]

    async def count(self, table: str) -> int:
        ((count,),) = await self.database.read(f"SELECT count(*) FROM {table}")
        assert isinstance(count, int)
        return count

    async def verbs(self) -> list[str]:
        return [str(verb) for (verb,) in await self.database.read("SELECT verb FROM audit")]


@pytest.fixture
async def place(database: Database) -> Place:
    place = Place(database)
    await place.add(ANN, BOB)
    return place


async def test_old_messages_go_and_new_ones_stay(place: Place):
    old = [await place.send(ANN, BOB) for _ in range(3)]
    await place.received(BOB, old[-1])
    place.clock.advance(31 * DAY)
    new = await place.send(BOB, ANN)
    assert await place.retention.due() == Due(items=3, waiting=0)
    assert await place.retention.run() == Removed(items=3, lines=6)
    assert await place.seen(ANN) == await place.seen(BOB) == [new]
    assert await place.archive.get(old[0]) is None
    assert await place.verbs() == ["retention.done"]
    assert not await place.retention.run()
    assert await place.verbs() == ["retention.done"]  # nothing was done: nothing is said


async def test_what_waits_is_kept_until_it_is_received_or_waited_for_too_long(place: Place):
    first, second = await place.send(ANN, BOB), await place.send(ANN, BOB)
    await place.received(BOB, first)
    place.clock.advance(40 * DAY)
    assert await place.retention.due() == Due(items=2, waiting=1)
    assert await place.retention.run() == Removed(items=1, lines=3)
    assert await place.seen(BOB) == [second]
    assert await place.seen(ANN) == []
    item = await place.archive.get(second)
    assert item is not None  # whole, for Bob
    assert item.stanza == b"<message/>"
    place.clock.advance(326 * DAY)
    assert await place.retention.run() == Removed(items=1, lines=1, waiting=1)
    assert await place.count("item") == 0


async def test_what_only_passes_through_waits_as_long(place: Place):
    await place.send(ANN, BOB, Keeping.PASSING)
    place.clock.advance(40 * DAY)
    assert not await place.retention.run()
    assert (await place.count("item"), await place.count("passing")) == (1, 1)
    place.clock.advance(326 * DAY)
    assert await place.retention.run() == Removed(items=1, waiting=1)
    assert (await place.count("item"), await place.count("passing")) == (0, 0)


async def test_the_ledgers_lines_go_with_the_messages(place: Place):
    ledger = DatabaseLedger(place.database)
    old = await place.send(ANN, BOB)
    await place.received(BOB, old)
    await ledger.append([Move(THREAD, BOB, old, place.clock.wall(), Door.CHAT, Act.MARKED)])
    place.clock.advance(31 * DAY)
    new = await place.send(ANN, BOB)
    await place.received(BOB, new)
    await ledger.append([Move(THREAD, BOB, new, place.clock.wall(), Door.CHAT, Act.MARKED)])
    removed = await place.retention.run()
    assert removed.moves == 1  # the height has moved on with the newer mark
    assert [move.up_to for move in await ledger.moves_reaching(THREAD, FIRST)] == [new]
    place.clock.advance(31 * DAY)
    await place.retention.run()
    assert (await place.count("move"), await place.count("height")) == (0, 0)


async def test_large_archives_go_in_many_small_steps(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layout, "LINES", 4)
    monkeypatch.setattr(layout, "ITEMS", 3)
    items = [await place.send(ANN, BOB) for _ in range(10)]
    await place.received(BOB, items[-1])
    place.clock.advance(31 * DAY)
    told: list[tuple[int, int]] = []
    assert await place.retention.run(lambda done, total: told.append((done, total))) == Removed(
        items=10, lines=20
    )
    assert told[-1] == (30, 30)
    assert len(told) > 8
    assert told == sorted(told)


async def test_lines_of_who_is_no_more_go_whether_received_or_not(place: Place):
    await place.send(ANN, BOB)
    await DatabasePeople(place.database).delete_person(place.people[BOB])
    place.clock.advance(31 * DAY)
    assert await place.retention.run() == Removed(items=1, lines=2)


async def test_nothing_goes_without_a_policy(place: Place):
    await place.send(ANN, BOB)
    place.clock.advance(10_000 * DAY)
    place.retention.policy = RetentionConfig()
    assert await place.retention.due() == Due(0, 0)
    assert not await place.retention.run()
    assert await place.count("item") == 1


async def test_what_was_said_in_a_room_goes_when_it_is_old_and_waits_for_nobody(place: Place):
    address = "coven@rooms.corp.example"
    rooms = DatabaseRooms(place.database)
    owner = PersonNumber(-await rooms.create(address, RoomConfig(), (), None, FIRST))

    async def say() -> ItemId:
        item = Item(
            place.mint.item(),
            room_thread(address),
            f"{ANN}/x",
            address,
            "m",
            "",
            b"<message/>",
            countable=True,
        )
        await place.archive.append(item, [Owner(owner, incoming=True)])
        return item.id

    for _ in range(3):
        await say()
    place.clock.advance(20 * DAY)
    kept = await say()
    place.clock.advance(20 * DAY)
    assert await place.retention.due() == Due(items=3, waiting=0)
    assert await place.retention.run() == Removed(items=3, lines=3)
    assert [item.id for item in (await place.archive.page(owner, ALL)).items] == [kept]


async def test_an_item_that_a_room_still_has_is_not_dropped(place: Place):
    address = "coven@rooms.corp.example"
    rooms = DatabaseRooms(place.database)
    owner = PersonNumber(-await rooms.create(address, RoomConfig(), (), None, FIRST))
    item = Item(
        place.mint.item(),
        room_thread(address),
        f"{ANN}/x",
        address,
        "m",
        "",
        b"<message/>",
        countable=True,
    )
    await place.archive.append(item, [Owner(owner, incoming=True)])
    assert await DatabaseRetention(place.database).drop_items(FIRST, LAST) == (item.id, 0)
    assert await place.archive.has(owner, item.id)
