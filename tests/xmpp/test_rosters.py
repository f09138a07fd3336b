import asyncio
import gc
from dataclasses import replace

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import SessionId
from clarion.lib.errors import UnavailableError
from clarion.store.people import DatabasePeople
from clarion.store.roster import DatabaseRosters
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.rosters import Rosters
from fakes.database import InMemoryDatabase

BOB = "bob@corp.example"
CAI = "cai@corp.example"


class Counted:
    """A store that counts and can be slow."""

    def __init__(self, store: DatabaseRosters) -> None:
        self.store = store
        self.loads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.put = store.put
        self.remove = store.remove
        self.changed_since = store.changed_since

    async def load(self, owner: PersonNumber):
        self.loads += 1
        await self.gate.wait()
        return await self.store.load(owner)


House = tuple[InMemoryDatabase, Counted, list[Person]]


@pytest.fixture
async def house():
    database = InMemoryDatabase()
    people = DatabasePeople(database)
    persons = [
        await people.add_person(
            Person(number=PersonNumber(0), address=f"{name}@corp.example", name=name)
        )
        for name in ("ann", "dee", "eve")
    ]
    return database, Counted(DatabaseRosters(database)), persons


async def put(rosters: Rosters, person: Person, item: RosterItem, *, visible: bool = True):
    async with rosters.change(person) as book:
        return await book.put(item, visible=visible)


async def test_a_book_is_read_once_and_found(house: House):
    _, store, (ann, *_) = house
    rosters = Rosters(store)
    assert rosters.cached(ann.address) is None
    book = await rosters.book(ann)
    assert (book.version, list(book.items()), book.get(BOB)) == (0, [], None)
    assert await rosters.book(ann) is book
    assert rosters.cached(ann.address) is book
    assert store.loads == 1


async def test_what_is_put_is_here_and_in_the_store(house: House):
    _, store, (ann, *_) = house
    rosters = Rosters(store)
    item = RosterItem(BOB, name="Bob", groups=("Friends",))
    assert await put(rosters, ann, item) == 1
    assert await put(rosters, ann, RosterItem(CAI, subscription="to")) == 2
    book = await Rosters(store).book(ann)
    assert book.version == 2
    assert book.get(BOB) == item
    assert {i.contact for i in book.items()} == {BOB, CAI}
    assert len(book) == 2
    async with rosters.change(ann) as changed:
        assert await changed.changed_since(0) == [BOB, CAI]
        assert await changed.changed_since(99) is None


async def test_who_sees_whom_is_kept_with_every_change(house: House):
    _, store, (ann, *_) = house
    rosters = Rosters(store)
    book = await rosters.book(ann)
    for subscription, watchers, watched in (
        ("both", [BOB], [BOB]),
        ("to", [], [BOB]),
        ("from", [BOB], []),
        ("none", [], []),
        ("both", [BOB], [BOB]),
    ):
        await put(rosters, ann, RosterItem(BOB, subscription=subscription))
        assert (list(book.watchers), list(book.watched)) == (watchers, watched)
    async with rosters.change(ann):
        await book.remove(BOB)
    assert not book.watchers
    assert not book.watched


async def test_requests_wait_until_they_are_answered(house: House):
    _, store, (ann, *_) = house
    rosters = Rosters(store)
    item = RosterItem(BOB, listed=False, pending_in=b"<presence/>")
    assert await put(rosters, ann, item, visible=False) == 0
    book = await rosters.book(ann)
    assert dict(book.requests) == {BOB: b"<presence/>"}
    assert dict((await Rosters(store).book(ann)).requests) == {BOB: b"<presence/>"}
    await put(rosters, ann, replace(item, pending_in=None, subscription="from", listed=True))
    assert not book.requests


async def test_removing_is_a_version_only_where_clients_saw_the_item(house: House):
    _, store, (ann, *_) = house
    rosters = Rosters(store)
    await put(rosters, ann, RosterItem(BOB))
    await put(rosters, ann, RosterItem(CAI, listed=False, pending_in=b"x"), visible=False)
    async with rosters.change(ann) as book:
        assert await book.remove(CAI) == 1
        assert await book.remove(CAI) == 1
        assert await book.remove(BOB) == 2
    assert list((await Rosters(store).book(ann)).items()) == []


async def test_memory_changes_after_the_commit_only(house: House):
    database, store, (ann, *_) = house
    rosters = Rosters(store)
    await put(rosters, ann, RosterItem(BOB, name="Bob"))
    for attempt in (
        lambda book: book.put(RosterItem(BOB, name="Robert"), visible=True),
        lambda book: book.remove(BOB),
    ):
        database.fail_next(UnavailableError("the disk is full"))
        with pytest.raises(UnavailableError):
            async with rosters.change(ann) as book:
                await attempt(book)
        assert (book.version, book.get(BOB)) == (1, RosterItem(BOB, name="Bob"))


async def test_a_book_that_could_not_be_read_is_read_again(house: House):
    database, store, (ann, *_) = house
    rosters = Rosters(store)
    database.fail_next_read(UnavailableError("the disk is gone"))
    with pytest.raises(UnavailableError):
        await rosters.book(ann)
    assert rosters.cached(ann.address) is None
    assert (await rosters.book(ann)).version == 0


async def test_changes_follow_each_other_first_come_first_served(house: House):
    _, store, (ann, *_) = house
    rosters = Rosters(store)
    store.gate.clear()
    order = []

    async def change(number: int):
        async with rosters.change(ann) as book:
            order.append(number)
            await asyncio.sleep(0)
            assert await book.put(RosterItem(f"c{number}@x"), visible=True) == number

    async with asyncio.TaskGroup() as group:
        for number in (1, 2, 3):
            group.create_task(change(number))
        await asyncio.sleep(0)
        group.create_task(rosters.book(ann))
        store.gate.set()
    assert order == [1, 2, 3]
    assert store.loads == 1


async def test_nothing_is_changed_without_the_lock(house: House):
    _, store, (ann, *_) = house
    book = await Rosters(store).book(ann)
    with pytest.raises(AssertionError):
        await book.put(RosterItem(BOB), visible=True)
    with pytest.raises(AssertionError):
        await book.remove(BOB)


async def test_the_latest_used_books_stay_up_to_a_limit(house: House):
    _, store, persons = house
    rosters = Rosters(store, limit=2)
    for person in persons:
        await rosters.book(person)
    await rosters.book(persons[1])
    gc.collect()
    kept = [rosters.cached(person.address) is not None for person in persons]
    assert kept == [False, True, True]


async def test_books_of_sessions_stay_as_long_as_the_session(house: House):
    _, store, (ann, dee, _) = house
    rosters = Rosters(store, limit=1)
    rosters.hold(SessionId("s1"), await rosters.book(ann))
    rosters.hold(SessionId("s2"), await rosters.book(ann))
    rosters.release(SessionId("s1"))
    await rosters.book(dee)
    gc.collect()
    assert rosters.cached(ann.address) is not None
    rosters.release(SessionId("s2"))
    rosters.release(SessionId("never held"))
    gc.collect()
    assert rosters.cached(ann.address) is None


async def test_there_is_never_a_second_book_while_one_is_used(house: House):
    _, store, (ann, dee, eve) = house
    rosters = Rosters(store, limit=1)
    async with rosters.change(ann) as book:
        await rosters.book(dee)
        await rosters.book(eve)
        assert await rosters.book(ann) is book


async def test_a_new_person_with_an_old_address_has_a_new_book(house: House):
    _, store, (ann, dee, _) = house
    rosters = Rosters(store)
    await put(rosters, ann, RosterItem(BOB))
    successor = replace(dee, address=ann.address)
    assert list((await rosters.book(successor)).items()) == []
