import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import UnavailableError
from clarion.store.people import DatabasePeople
from clarion.store.roster import DatabaseRosters
from clarion.xmpp.departments import Departments
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_book import (
    ROSTER_LIMIT,
    ROSTER_LIMIT_BYTES,
    SLICE,
    RosterBook,
    item_size_bytes,
)
from clarion.xmpp.roster_pushes import item_element, whole_query
from clarion.xmpp.rosters import Rosters
from fakes.database import InMemoryDatabase
from fakes.organisation import Organisation

T = TypeVar("T")
House = tuple[InMemoryDatabase, DatabaseRosters, list[Person]]

BOB = "bob@corp.example"
CAI = "cai@corp.example"


@pytest.fixture
async def house():
    database = InMemoryDatabase()
    ann = Person(number=PersonNumber(0), address="ann@corp.example", name="ann")
    return database, DatabaseRosters(database), [await DatabasePeople(database).add_person(ann)]


async def put(rosters: Rosters, person: Person, item: RosterItem, *, visible: bool = True):
    async with rosters.change(person) as book:
        return await book.put(item, visible=visible)


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


def filled(store: DatabaseRosters, *items: RosterItem) -> RosterBook:
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
    assert ROSTER_LIMIT == 10_000


async def turns(work: Awaitable[T]) -> tuple[T, int]:
    """Return what ``work`` returns, and how often the loop came round meanwhile."""
    loop, count = asyncio.get_running_loop(), 0

    def turn() -> None:
        nonlocal count, handle
        count += 1
        handle = loop.call_soon(turn)

    handle = loop.call_soon(turn)
    try:
        return await work, count
    finally:
        handle.cancel()


async def test_a_full_roster_is_read_and_written_in_slices(house: House):
    database, store, (ann, *_) = house
    database._connection.execute("INSERT INTO roster VALUES (?, ?)", (ann.number, ROSTER_LIMIT))
    database._connection.executemany(
        "INSERT INTO roster_item VALUES (?, ?, '', 'both', 0, 0, NULL, 1, '[]')",
        [(ann.number, f"c{number}@corp.example") for number in range(ROSTER_LIMIT)],
    )
    book, count = await turns(Rosters(store).book(ann))
    # In the store's file and in this one.
    assert count >= 2 * (ROSTER_LIMIT // SLICE)
    assert (len(book), book.version, len(book.watchers)) == (ROSTER_LIMIT,) * 3
    query, count = await turns(whole_query(book))
    assert count >= ROSTER_LIMIT // SLICE
    assert query.count(b"<item ") == ROSTER_LIMIT


# -- with departments -----------------------------------------------------------------------


@pytest.fixture
async def office():
    organisation = Organisation()
    directory = organisation.directory
    for name in ("ann", "bob", "cai", "dee"):
        await directory.add_person(f"{name}@corp.example", name=name.capitalize())
    for name, people in (("sales", "ann bob cai"), ("board", "ann bob dee")):
        await directory.add_department(f"{name}@corp.example", name.capitalize())
        for person in people.split():
            await directory.join(f"{person}@corp.example", f"{name}@corp.example")
    yield organisation
    organisation.close()


def rosters_of(office: Organisation) -> Rosters:
    departments = Departments(office.directory, office.bus, 300)
    return Rosters(DatabaseRosters(office.database), departments=departments)


async def test_the_people_of_ones_departments_are_shown_with_ones_own(office: Organisation):
    rosters = rosters_of(office)
    ann = office.directory.require_person("ann@corp.example")
    await put(rosters, ann, RosterItem(BOB, "Bobby", "to", ask=True, groups=("Friends",)))
    await put(rosters, ann, RosterItem(CAI, listed=False, pending_in=b"x"), visible=False)
    await put(rosters, ann, RosterItem("eve@corp.example"))
    book = await rosters.book(ann)
    assert book.shown(BOB) == RosterItem(BOB, "Bobby", "both", groups=("Board", "Friends", "Sales"))
    assert book.shown(CAI) == RosterItem(CAI, "Cai", "both", groups=("Sales",))
    assert book.shown("eve@corp.example") == RosterItem("eve@corp.example")
    assert book.shown("ann@corp.example") is None
    assert book.shown("fay@corp.example") is None
    assert [team.name for team in book.teams_of(BOB)] == ["Board", "Sales"]
    assert list(book.colleagues()) == [BOB, "dee@corp.example", CAI]
    assert len(book) == 3  # limits count what is the owner's own


async def test_colleagues_see_each_other_and_are_counted_once(office: Organisation):
    rosters = rosters_of(office)
    ann = office.directory.require_person("ann@corp.example")
    await put(rosters, ann, RosterItem(BOB, subscription="from"))
    await put(rosters, ann, RosterItem("eve@corp.example", subscription="to"))
    book = await rosters.book(ann)
    assert list(book.watchers) == [BOB, "dee@corp.example", CAI]
    assert list(book.watched) == ["eve@corp.example", BOB, "dee@corp.example", CAI]
    assert (len(book.watchers), len(book.watched)) == (3, 4)
    assert CAI in book.watchers
    assert "eve@corp.example" not in book.watchers
    assert "ann@corp.example" not in book.watchers
    assert None not in book.watchers


async def test_rosters_share_the_department_and_hold_no_copy(office: Organisation):
    rosters = rosters_of(office)
    books = [
        await rosters.book(office.directory.require_person(f"{name}@corp.example"))
        for name in ("ann", "bob")
    ]
    assert books[0].teams[0] is books[1].teams[0]
    first, second = [await whole_query(book) for book in books]
    assert first != second
    # Cai, who is in one department only, was written once for both of them.
    assert sorted(books[0].teams[1].elements) == [CAI]


async def test_a_book_without_departments_knows_no_shift(house: House):
    _, store, (ann, *_) = house
    book = await Rosters(store).book(ann)
    assert book.shifted_since({}) == ()
    assert book.shifted_since({1: "ab"}) is None
