"""Who has read what was said in a room: its members of then, the sender left out."""

import pytest

from clarion.core import book as book_module
from clarion.core.archive import Item, Owner, room_thread
from clarion.core.book import Ledger
from clarion.core.ledger import Act, Door, Entry, State
from clarion.core.rooms import Affiliated, Affiliation, Room, RoomConfig
from clarion.lib.errors import UsageError
from clarion.lib.ids import ItemId
from clarion.store.ledger import DatabaseLedger
from fakes.organisation import Organisation

ANN, BOB, CAI = (f"{name}@corp.example" for name in ("ann", "bob", "cai"))
ROOM = "tea@rooms.corp.example"
THREAD = room_thread(ROOM)


class Talk:
    """A room, and a ledger that knows of it."""

    def __init__(self, house: Organisation) -> None:
        self.house = house
        self.book = house.rooms
        self.ledger = house.ledger
        self.room: Room

    async def begin(self) -> None:
        members = [Affiliated(ANN, Affiliation.OWNER), Affiliated(BOB, Affiliation.MEMBER)]
        self.room = await self.book.create(ROOM, RoomConfig(), members)

    async def say(self, who: str, *, countable: bool = True) -> ItemId:
        self.house.clock.advance(1)
        item = Item(
            self.house.mint.item(), THREAD, f"{who}/x", ROOM, "m", "", b"<message/>", countable
        )
        await self.house.archive.append(item, [Owner(self.room.owner, incoming=True)])
        return item.id

    async def affiliate(self, jid: str, affiliation: Affiliation) -> None:
        self.house.clock.advance(1)
        await self.book.affiliate(self.room, [Affiliated(jid, affiliation)], ANN)

    async def readers(self, item: ItemId) -> list[str]:
        return [entry.reader for entry in await self.ledger.show_item(item)]


@pytest.fixture
async def talk(house: Organisation) -> Talk:
    talk = Talk(house)
    await talk.begin()
    return talk


async def test_members_read_and_the_sender_does_not_count(talk: Talk):
    item = await talk.say(ANN)
    assert await talk.ledger.show_item(item) == [Entry(item, BOB, State.SENT)]
    now = talk.house.clock.wall()
    talk.ledger.move(THREAD, BOB, item, now, Door.CHAT, Act.MARKED)
    assert await talk.ledger.show_item(item) == [
        Entry(item, BOB, State.READ, now, Door.CHAT, Act.MARKED)
    ]


async def test_it_is_the_members_of_then_who_count(talk: Talk):
    first = await talk.say(ANN)
    await talk.affiliate(CAI, Affiliation.MEMBER)
    second = await talk.say(ANN)
    await talk.affiliate(BOB, Affiliation.NONE)
    third = await talk.say(ANN)
    await talk.affiliate(BOB, Affiliation.MEMBER)
    assert await talk.readers(first) == [BOB]
    assert await talk.readers(second) == [BOB, CAI]
    assert await talk.readers(third) == [CAI]


async def test_what_nobody_reads_has_no_readers(talk: Talk):
    assert await talk.readers(await talk.say(ANN, countable=False)) == []


async def test_a_room_is_shown_oldest_first_with_everybody_of_then(talk: Talk):
    first = await talk.say(ANN)
    await talk.affiliate(CAI, Affiliation.MEMBER)
    second = await talk.say(BOB)
    talk.ledger.move(THREAD, CAI, second, 5.0, Door.CHAT, Act.MARKED)
    shown = await talk.ledger.show_room(ROOM, 10)
    assert [(entry.item, entry.reader, entry.state) for _, entry in shown] == [
        (first, BOB, State.SENT),
        (second, ANN, State.SENT),
        (second, CAI, State.READ),
    ]
    assert len(await talk.ledger.show_room(ROOM, 1)) == 2


async def test_what_is_shown_of_a_room_has_a_limit(talk: Talk, monkeypatch: pytest.MonkeyPatch):
    await talk.affiliate(CAI, Affiliation.MEMBER)
    items = [await talk.say(ANN) for _ in range(3)]
    monkeypatch.setattr(book_module, "ENTRIES_LIMIT", 4)
    assert [one.id for one, _ in await talk.ledger.show_room(ROOM, 10)] == [
        items[1],
        items[1],
        items[2],
        items[2],
    ]
    monkeypatch.setattr(book_module, "ENTRIES_LIMIT", 1)  # the newest is shown all the same
    assert [one.id for one, _ in await talk.ledger.show_room(ROOM, 10)] == [items[2]] * 2


async def test_a_room_that_is_not_there_is_refused_and_an_empty_one_is_empty(talk: Talk):
    assert await talk.ledger.show_room(ROOM, 10) == []
    with pytest.raises(UsageError, match="no such room"):
        await talk.ledger.show_room("coffee@rooms.corp.example", 10)
    alone = Ledger(
        DatabaseLedger(talk.house.database),
        talk.house.archive,
        talk.house.directory,
        talk.house.bus,
        talk.house.clock,
    )
    with pytest.raises(UsageError, match="no such room"):
        await alone.show_room(ROOM, 10)
