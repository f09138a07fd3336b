"""What may be done with nodes: the rules, the limits, and that memory says what the store says."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import UnavailableError
from clarion.store.people import DatabasePeople
from clarion.store.pubsub import DatabasePubsub
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import FORM_TYPE, Field, Form, FormKind
from clarion.wire.xmpp.node_config import NODE_CONFIG, PRIVATE, AccessModel, NodeConfig
from clarion.wire.xmpp.node_parties import Party, PartyKind
from clarion.wire.xmpp.pubsub import Publish
from clarion.xmpp import node_book, publishing
from clarion.xmpp.node_book import ITEM_COST_BYTES, NODES_LIMIT, PERSON_LIMIT_BYTES, NodeBook
from clarion.xmpp.nodes import Nodes
from clarion.xmpp.publishing import ITEM_LIMIT_BYTES
from fakes.database import InMemoryDatabase

ANN = "ann@corp.example"
ME = f"{ANN}/phone"


async def people_and_nodes(database: InMemoryDatabase | None = None) -> tuple[Person, Nodes]:
    database = database or InMemoryDatabase()
    person = await DatabasePeople(database).add_person(Person(PersonNumber(0), ANN, "Ann"))
    return person, Nodes(DatabasePubsub(database))


def form(**fields: str) -> Form:
    named = (Field(f"pubsub#{name}", (value,)) for name, value in fields.items())
    return Form(FormKind.SUBMIT, (Field(FORM_TYPE, (NODE_CONFIG,)), *named))


def item(node: str = "n", payload: bytes = b"<a/>", **fields: str) -> Publish:
    options = form(**fields) if fields else None
    return Publish(node, has_item=True, payload=payload, options=options)


async def put(book: NodeBook, request: Publish, item_id: str = "i", now: float = 1.0) -> Any:
    return await publishing.publish(book, request, item_id, ME, now)


def condition(caught: pytest.ExceptionInfo[StanzaError]) -> StanzaCondition:
    return caught.value.condition


async def test_publishing_makes_the_node_as_the_options_say():
    person, nodes = await people_and_nodes()
    async with nodes.change(person) as book:
        published = await put(book, item(access_model="whitelist", max_items="max"))
        assert published.config == replace(
            NodeConfig(), access=AccessModel.WHITELIST, max_items=None
        )
        assert (await put(book, item("plain"))).config == NodeConfig()
        (kept,) = await book.items(book.require("n"), list(book.require("n").items.values()))
        assert (kept.id, kept.payload, kept.publisher, kept.at) == ("i", b"<a/>", ME, 1.0)


async def test_the_oldest_makes_room_and_what_is_published_again_is_the_newest():
    person, nodes = await people_and_nodes()
    async with nodes.change(person) as book:
        assert (await put(book, item(max_items="2"), "a")).retracted == ()
        await put(book, item(), "b")
        assert (await put(book, item(), "a")).retracted == ()
        assert (await put(book, item(), "c")).retracted == ("b",)
        assert list(book.require("n").items) == ["a", "c"]


async def test_a_node_that_is_set_up_smaller_drops_the_oldest():
    person, nodes = await people_and_nodes()
    async with nodes.change(person) as book:
        for name in "abc":
            await put(book, item(max_items="3"), name)
        node, dropped = await publishing.configure(book, "n", form(max_items="1"))
        assert (node.config.max_items, dropped) == (1, ("a", "b"))
        await publishing.configure(book, "n", form(persist_items="0"))
        assert not book.require("n").items
        assert book.size_bytes == 0


async def test_a_node_that_keeps_nothing_passes_on():
    person, nodes = await people_and_nodes()
    async with nodes.change(person) as book:
        published = await put(book, item(persist_items="0"))
        assert published.item.payload == b"<a/>"
        assert not book.require("n").items
        bare = Publish("n", has_item=False)
        with pytest.raises(StanzaError) as caught:
            await put(book, bare)
        assert b"payload-required" in caught.value.application
        await publishing.configure(book, "n", form(deliver_payloads="0"))
        assert (await put(book, bare)).item is None
        with pytest.raises(StanzaError) as caught:
            await put(book, item())
        assert b"item-forbidden" in caught.value.application
        made = replace(bare, node="m", options=form(persist_items="0", deliver_payloads="0"))
        assert (await put(book, made)).item is None
        assert book.get("m") is not None


async def test_an_item_has_a_largest_size():
    person, nodes = await people_and_nodes()
    async with nodes.change(person) as book:
        assert ITEM_LIMIT_BYTES == 196_608
        await put(book, item(payload=b"x" * ITEM_LIMIT_BYTES))
        for node in ("n", "made"):
            with pytest.raises(StanzaError) as caught:
                await put(book, item(node, b"x" * (ITEM_LIMIT_BYTES + 1)))
            assert condition(caught) is StanzaCondition.NOT_ACCEPTABLE
            assert b"payload-too-big" in caught.value.application
        assert book.get("made") is None


async def test_a_person_has_so_many_bytes(monkeypatch: pytest.MonkeyPatch):
    assert PERSON_LIMIT_BYTES == 8 * 1024 * 1024
    person, nodes = await people_and_nodes()
    monkeypatch.setattr(node_book, "PERSON_LIMIT_BYTES", 2 * (101 + ITEM_COST_BYTES))
    async with nodes.change(person) as book:
        await put(book, item(payload=b"x" * 100, max_items="max"), "a")
        await put(book, item(payload=b"x" * 100), "b")
        for request, name in ((item(payload=b""), "c"), (item(payload=b"x" * 101), "a")):
            with pytest.raises(StanzaError):
                await put(book, request, name)
        await put(book, item(payload=b"x" * 99), "a")  # what takes less may always be
        await publishing.retract(book, "n", "b")
        with pytest.raises(StanzaError):
            await put(book, item(payload=b"y"), "c" * 102)  # its name counts as well
        await put(book, item(payload=b"y"), "c")


async def test_a_person_has_so_many_nodes(monkeypatch: pytest.MonkeyPatch):
    assert NODES_LIMIT == 500
    person, nodes = await people_and_nodes()
    monkeypatch.setattr(node_book, "NODES_LIMIT", 2)
    async with nodes.change(person) as book:
        await publishing.create(book, "a", None, 1.0)
        await put(book, item("b"))
        for step in (publishing.create(book, "c", None, 1.0), put(book, item("c"))):
            with pytest.raises(StanzaError) as caught:
                await step
            assert b"max-nodes-exceeded" in caught.value.application
        await publishing.delete(book, "a")
        await publishing.create(book, "c", None, 1.0)


async def test_what_the_store_refuses_has_not_happened():
    database = InMemoryDatabase()
    person, nodes = await people_and_nodes(database)
    async with nodes.change(person) as book:
        await put(book, item(max_items="1"), "a")
        before = (list(book.require("n").items), book.size_bytes)
        for step in (
            put(book, item(), "b"),
            put(book, item("new"), "b"),
            publishing.retract(book, "n", "a"),
            publishing.configure(book, "n", form(persist_items="0")),
            publishing.purge(book, "n"),
            publishing.delete(book, "n"),
            publishing.create(book, "new", None, 1.0),
        ):
            database.fail_next(UnavailableError("the store is full"))
            with pytest.raises(UnavailableError):
                await step
        assert (list(book.require("n").items), book.size_bytes) == before
        assert book.get("new") is None


async def test_what_the_server_publishes_is_private_whatever_the_node_was():
    person, nodes = await people_and_nodes()
    async with nodes.change(person) as book:
        await put(book, item())
        assert nodes.owners_of("n") == {ANN}
        request = replace(item(), item_id="x")
        published = await publishing.publish_as(book, PRIVATE, request, ME, 2.0)
        assert published.config == PRIVATE
        assert book.require("n").config == PRIVATE
        assert nodes.owners_of("n") == ()
        own = form(max_items="7")
        await publishing.configure(book, "n", own)
        await publishing.publish_as(book, PRIVATE, request, ME, 3.0)
        assert book.require("n").config.max_items == 7  # as private as it must be


NODES = st.sampled_from(["n", "m"])
IDS = st.sampled_from(["a", "b", "c", "d"])
PARTIES = st.builds(
    Party,
    st.sampled_from(["bob@corp.example", "cai@corp.example"]),
    st.sampled_from([PartyKind.MEMBER, PartyKind.SUBSCRIBER]),
)


class AnyOrder(RuleBasedStateMachine):
    """Whatever is done, in whatever order, the book says what a fresh one reads."""

    @initialize()
    def begin(self) -> None:
        self.database = InMemoryDatabase()
        self.person, self.nodes = run(people_and_nodes(self.database))

    def do(self, step: Any, *, fails: bool) -> None:
        async def act() -> None:
            async with self.nodes.change(self.person) as book:
                if fails:
                    self.database.fail_next(UnavailableError("full"))
                try:
                    await step(book)
                except (StanzaError, UnavailableError):
                    pass
                finally:
                    self.database._failures.clear()

        run(act())

    @rule(
        node=NODES,
        name=IDS,
        most=st.sampled_from(["1", "2", "max"]),
        size=st.integers(0, 9),
        fails=st.booleans(),
    )
    def publish(self, node: str, name: str, most: str, size: int, fails: bool) -> None:
        request = item(node, b"x" * size, max_items=most, deliver_payloads="0")
        self.do(lambda book: put(book, request, name), fails=fails)

    @rule(node=NODES, name=IDS, fails=st.booleans())
    def retract(self, node: str, name: str, fails: bool) -> None:
        self.do(lambda book: publishing.retract(book, node, name), fails=fails)

    @rule(node=NODES, fails=st.booleans())
    def purge(self, node: str, fails: bool) -> None:
        self.do(lambda book: publishing.purge(book, node), fails=fails)

    @rule(node=NODES, fails=st.booleans())
    def delete(self, node: str, fails: bool) -> None:
        self.do(lambda book: publishing.delete(book, node), fails=fails)

    @rule(
        node=NODES,
        most=st.sampled_from(["1", "3", "max"]),
        access=st.sampled_from(["whitelist", "open"]),
        fails=st.booleans(),
    )
    def configure(self, node: str, most: str, access: str, fails: bool) -> None:
        wanted = form(max_items=most, access_model=access)
        self.do(lambda book: publishing.configure(book, node, wanted), fails=fails)

    @rule(
        node=NODES,
        put=st.lists(PARTIES, max_size=2),
        dropped=st.lists(PARTIES, max_size=2),
        fails=st.booleans(),
    )
    def affiliate(self, node: str, put: list[Party], dropped: list[Party], fails: bool) -> None:
        async def step(book: NodeBook) -> None:
            there = [one for one in dropped if one not in put]
            await book.change_parties(book.require(node), put, there)

        self.do(step, fails=fails)

    @invariant()
    def memory_is_what_is_kept(self) -> None:
        async def look() -> None:
            fresh = Nodes(DatabasePubsub(self.database))
            await fresh.load()
            book, read = await self.nodes.book(self.person), await fresh.book(self.person)
            assert {n.record.name: (n.config, n.items) for n in book.nodes()} == {
                n.record.name: (n.config, n.items) for n in read.nodes()
            }
            assert book.size_bytes == read.size_bytes
            for node in book.nodes():
                assert len(node.items) <= node.config.capacity
                assert list(node.items) == list(read.require(node.record.name).items)
                stored = read.require(node.record.name)
                assert node.affiliations == stored.affiliations
                assert set(node.subscribers) == set(stored.subscribers)
                last, kept = await book.last(node), await read.last(read.require(node.record.name))
                assert last == kept
            for name in ("n", "m"):
                assert set(self.nodes.owners_of(name)) == set(fresh.owners_of(name))

        run(look())


def run(work: Any) -> Any:
    """Run what never waits for anything outside."""

    return asyncio.run(work)


AnyOrder.TestCase.settings = settings(deadline=None, max_examples=30, stateful_step_count=15)
TestAnyOrder = AnyOrder.TestCase


@given(st.lists(IDS, max_size=12), st.integers(1, 3))
def test_a_node_holds_the_newest(names: list[str], most: int):
    async def act() -> None:
        person, nodes = await people_and_nodes()
        async with nodes.change(person) as book:
            for name in names:
                await put(book, item(max_items=str(most)), name)
            wanted: list[str] = []
            for name in names:
                wanted = [*(one for one in wanted if one != name), name][-most:]
            node = book.get("n")
            assert list(node.items if node is not None else ()) == wanted

    run(act())
