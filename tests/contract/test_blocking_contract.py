"""What every engine promises of ``core.blocking.BlockingStore``."""

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.lib.errors import UsageError
from clarion.store.blocking import DatabaseBlocking
from clarion.store.people import DatabasePeople

ROMEO, IAGO, LIT = "romeo@montague.example", "iago@shakespeare.example/pda", "lit.example"


@pytest.fixture
async def people(database: Database) -> tuple[PersonNumber, PersonNumber]:
    store = DatabasePeople(database)
    ann = await store.add_person(Person(PersonNumber(0), "ann@corp.example", "Ann"))
    bob = await store.add_person(Person(PersonNumber(0), "bob@corp.example", "Bob"))
    return ann.number, bob.number


@pytest.fixture
def blocking(database: Database) -> DatabaseBlocking:
    return DatabaseBlocking(database)


async def test_entries_come_back_by_owner(
    blocking: DatabaseBlocking, people: tuple[PersonNumber, PersonNumber]
):
    ann, bob = people
    assert await blocking.load() == []
    await blocking.add(ann, [ROMEO, IAGO])
    await blocking.add(bob, ["J\u00fcrgen@montague.example"])
    assert await blocking.load() == [
        (ann, IAGO),
        (ann, ROMEO),
        (bob, "J\u00fcrgen@montague.example"),
    ]


async def test_an_entry_is_there_once(
    blocking: DatabaseBlocking, people: tuple[PersonNumber, PersonNumber]
):
    ann, _ = people
    await blocking.add(ann, [ROMEO])
    await blocking.add(ann, [ROMEO, ROMEO, LIT])
    await blocking.add(ann, [])
    assert await blocking.load() == [(ann, LIT), (ann, ROMEO)]


async def test_entries_are_removed_from_one_list_only(
    blocking: DatabaseBlocking, people: tuple[PersonNumber, PersonNumber]
):
    ann, bob = people
    for owner in people:
        await blocking.add(owner, [ROMEO, IAGO, LIT])
    await blocking.remove(ann, [ROMEO, IAGO, "nobody@elsewhere.example"])
    await blocking.remove(ann, [])
    assert await blocking.load() == [(ann, LIT), (bob, IAGO), (bob, LIT), (bob, ROMEO)]
    await blocking.clear(bob)
    await blocking.clear(bob)
    assert await blocking.load() == [(ann, LIT)]


async def test_a_list_belongs_to_a_person(blocking: DatabaseBlocking):
    with pytest.raises(UsageError, match="no such person"):
        await blocking.add(PersonNumber(99), [ROMEO, LIT])
    assert await blocking.load() == []
