import asyncio
import gc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import SessionId
from clarion.lib.errors import UnavailableError
from clarion.store.people import DatabasePeople
from clarion.store.roster import DatabaseRosters
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_pushes import item_element
from clarion.xmpp.rosters import (
    ROSTER_LIMIT,
    ROSTER_LIMIT_BYTES,
    RosterBook,
    Rosters,
    item_size_bytes,
)
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


# -- how large it is ----------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
ITEMS = st.builds(
    RosterItem,
    st.sampled_from([BOB, CAI, "o'neil&sons@corp.example"]),
    name=TEXTS,
    subscription=st.sampled_from(["none", "to", "from", "both"]),
    ask=st.booleans(),
    approved=st.booleans(),
    pending_in=st.none() | st.binary(max_size=20),
    groups=st.lists(TEXTS, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(ITEMS)
def test_an_item_counts_for_no_less_than_clients_are_sent(item: RosterItem):
    assert len(item_element(item)) + len(item.pending_in or b"") <= item_size_bytes(item)


@settings(deadline=None)
@given(ITEMS)
def test_no_step_of_a_subscription_makes_an_item_larger_but_a_request(item: RosterItem):
    changed = replace(item, subscription="both", ask=not item.ask, approved=not item.approved)
    assert item_size_bytes(changed) == item_size_bytes(item)
    request = replace(item, pending_in=b"x" * 100)
    assert item_size_bytes(request) == item_size_bytes(replace(item, pending_in=None)) + 100


async def test_the_size_follows_every_change_and_is_the_same_when_read_again(house: House):
    database, store, (ann, *_) = house
    rosters = Rosters(store)
    book = await rosters.book(ann)
    assert book.size_bytes == 0
    for item in (
        RosterItem(BOB, name="Bob & Co", groups=("Friends", "Work")),
        RosterItem(CAI, listed=False, pending_in=b"<presence/>"),
        RosterItem(BOB, name="B"),
        RosterItem(CAI, subscription="from"),
    ):
        await put(rosters, ann, item)
        assert book.size_bytes == sum(item_size_bytes(item) for item in book.items())
        assert (await Rosters(store).book(ann)).size_bytes == book.size_bytes
    size = book.size_bytes
    database.fail_next(UnavailableError("the disk is full"))
    with pytest.raises(UnavailableError):
        await put(rosters, ann, RosterItem(BOB, name="Robert"))
    assert book.size_bytes == size
    async with rosters.change(ann):
        await book.remove(BOB)
        await book.remove(BOB)
        assert book.size_bytes == item_size_bytes(RosterItem(CAI))
        await book.remove(CAI)
    assert book.size_bytes == 0


def filled(store: Counted, *items: RosterItem) -> RosterBook:
    book = RosterBook(PersonNumber(1), store)
    for item in items:
        book._show(item)
    return book


def of_size(contact: str, size: int) -> RosterItem:
    return RosterItem(contact, name="x" * (size - item_size_bytes(RosterItem(contact))))


async def test_there_is_room_up_to_the_last_byte(house: House):
    _, store, _ = house
    book = filled(store, of_size(CAI, ROSTER_LIMIT_BYTES - 1000))
    assert book.has_room(of_size(BOB, 1000))
    assert not book.has_room(of_size(BOB, 1001))
    assert book.has_room(of_size(CAI, ROSTER_LIMIT_BYTES))
    assert not book.has_room(of_size(CAI, ROSTER_LIMIT_BYTES + 1))


async def test_there_is_room_for_so_many_entries(house: House):
    _, store, _ = house
    book = filled(store, *(RosterItem(f"c{number}@x") for number in range(ROSTER_LIMIT - 1)))
    assert book.has_room(RosterItem(BOB))
    book._show(RosterItem(BOB))
    assert not book.has_room(RosterItem(CAI))
    assert book.has_room(RosterItem(BOB, name="Bob"))


async def test_a_roster_over_the_limit_can_still_become_smaller(house: House):
    _, store, _ = house
    large = of_size(BOB, ROSTER_LIMIT_BYTES + 1000)
    book = filled(store, large)
    assert book.has_room(replace(large, subscription="to"))
    assert book.has_room(of_size(BOB, ROSTER_LIMIT_BYTES + 999))
    assert not book.has_room(of_size(BOB, ROSTER_LIMIT_BYTES + 1001))


async def test_ten_thousand_ordinary_entries_are_within_the_bytes():
    item = RosterItem("firstname.surname@corp.example", "Firstname Surname", groups=("Colleagues",))
    assert len(item_element(item)) > 100
    assert 10_000 * item_size_bytes(item) <= ROSTER_LIMIT_BYTES
