"""The node books of people, and who shows which node; ``test_books.py`` has what is common."""

import asyncio
import gc
from weakref import ref

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import UnavailableError
from clarion.store.people import DatabasePeople
from clarion.store.pubsub import DatabasePubsub
from clarion.wire.xmpp.pubsub import Publish
from clarion.xmpp import publishing
from clarion.xmpp.node_book import LAST_KEPT_BYTES
from clarion.xmpp.nodes import Nodes
from fakes.database import InMemoryDatabase


@pytest.fixture(name="database")
def _database() -> InMemoryDatabase:
    return InMemoryDatabase()


async def people(database: InMemoryDatabase, *names: str) -> list[Person]:
    store = DatabasePeople(database)
    return [
        await store.add_person(Person(PersonNumber(0), f"{name}@corp.example", name))
        for name in names
    ]


async def publish(nodes: Nodes, person: Person, payload: bytes = b"<a/>") -> None:
    request = Publish("n", has_item=True, payload=payload)
    async with nodes.change(person) as book:
        await publishing.publish(book, request, "i", f"{person.address}/x", 1.0)


async def test_there_is_one_book_of_a_person(database: InMemoryDatabase):
    (ann,) = await people(database, "ann")
    nodes = Nodes(DatabasePubsub(database))
    first, second = await asyncio.gather(nodes.book(ann), nodes.book(ann))
    assert first is second
    async with nodes.change(ann) as held:
        assert held is first


async def test_books_that_nobody_works_with_are_bounded(database: InMemoryDatabase):
    ann, bob, cai = await people(database, "ann", "bob", "cai")
    nodes = Nodes(DatabasePubsub(database), limit=2)
    await publish(nodes, ann)
    unused = ref(await nodes.book(ann))
    held = await nodes.book(bob)
    await nodes.book(cai)
    gc.collect()
    assert unused() is None
    await nodes.book(ann)
    assert await nodes.book(bob) is held  # somebody still works with it
    assert (await nodes.book(ann)).get("n") is not None


async def test_a_new_person_with_an_old_address_has_other_nodes(database: InMemoryDatabase):
    ann, bob = await people(database, "ann", "bob")
    nodes = Nodes(DatabasePubsub(database))
    await publish(nodes, ann)
    again = Person(bob.number, ann.address, "Ann")
    assert (await nodes.book(again)).get("n") is None


async def test_who_shows_a_node_is_known_from_the_start(database: InMemoryDatabase):
    ann, bob = await people(database, "ann", "bob")
    nodes = Nodes(DatabasePubsub(database))
    for person in (ann, bob):
        await publish(nodes, person)
    fresh = Nodes(DatabasePubsub(database))
    assert not fresh.owners_of("n")
    await fresh.load()
    assert set(fresh.owners_of("n")) == {ann.address, bob.address}
    async with fresh.change(ann) as book:
        await publishing.delete(book, "n")
    assert set(fresh.owners_of("n")) == {bob.address}


async def test_a_store_that_cannot_answer_is_asked_again(database: InMemoryDatabase):
    (ann,) = await people(database, "ann")
    nodes = Nodes(DatabasePubsub(database))
    database.fail_next_read(UnavailableError("busy"))
    with pytest.raises(UnavailableError):
        await nodes.book(ann)
    assert (await nodes.book(ann)).loaded


@pytest.mark.parametrize("size", [LAST_KEPT_BYTES, LAST_KEPT_BYTES + 1])
async def test_small_last_items_are_remembered(database: InMemoryDatabase, size: int):
    assert LAST_KEPT_BYTES == 4_096
    (ann,) = await people(database, "ann")
    await publish(Nodes(DatabasePubsub(database)), ann, b"x" * size)
    nodes = Nodes(DatabasePubsub(database))
    book = await nodes.book(ann)
    node = book.require("n")
    for _ in range(2):
        item = await book.last(node)
        assert item is not None
        assert len(item.payload) == size
    assert (node.last is None) == (size > LAST_KEPT_BYTES)
    assert await book.item(node, "none") is None
    assert await book.items(node, []) == ()
