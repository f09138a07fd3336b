"""What every engine promises of ``core.pubsub.PubsubStore``."""

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.core.pubsub import ItemPlace, NodeItem, NodeRecord, StoredNode
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.people import DatabasePeople
from clarion.store.pubsub import DatabasePubsub
from clarion.wire.xmpp.node_config import PRIVATE, AccessModel, NodeConfig, SendLast
from clarion.wire.xmpp.node_parties import Party, PartyKind
from fakes.database import InMemoryDatabase

TUNE = NodeRecord("tune", NodeConfig(), 100.5)
ODD = NodeRecord(
    "n\u00f6de '1'",
    NodeConfig(
        access=AccessModel.ROSTER,
        groups=("Friends", 'W\u00f6rk "1"'),
        persist=False,
        max_items=7,
        send_last=SendLast.ON_SUB,
        deliver=False,
        payloads=False,
        notify_retract=True,
        headline=False,
        title="T\u00eftle",
        description="d",
        payload_type="urn:x",
        notify_config=True,
        notify_delete=False,
    ),
    0.25,
)
SECRET = NodeRecord("secret", PRIVATE, 1.0)


def item(number: int, name: str = "") -> NodeItem:
    return NodeItem(name or f"i{number}", number, b"<a/>" * number, "ann@corp.example/x", 5.0)


def place(number: int, name: str = "") -> ItemPlace:
    return ItemPlace(name or f"i{number}", number, 4 * number)


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    return (await DatabasePeople(database).add_person(person)).number


@pytest.fixture
def pubsub(database: Database) -> DatabasePubsub:
    return DatabasePubsub(database)


async def test_nodes_come_back_as_they_were(pubsub: DatabasePubsub, ann: PersonNumber):
    assert await pubsub.load(ann) == []
    await pubsub.put_node(ann, TUNE)
    await pubsub.put_node(ann, ODD)
    assert sorted(await pubsub.load(ann), key=lambda stored: stored.node.created) == [
        StoredNode(ODD),
        StoredNode(TUNE),
    ]


async def test_a_node_is_set_up_anew_and_keeps_its_age(pubsub: DatabasePubsub, ann: PersonNumber):
    await pubsub.put_item(ann, "tune", item(1), made=TUNE)
    await pubsub.put_item(ann, "tune", item(2))
    await pubsub.put_node(ann, NodeRecord("tune", PRIVATE, 999.0), ("i1",))
    assert await pubsub.load(ann) == [
        StoredNode(NodeRecord("tune", PRIVATE, TUNE.created), (place(2),))
    ]


async def test_items_come_in_the_order_of_publishing(pubsub: DatabasePubsub, ann: PersonNumber):
    await pubsub.put_item(ann, "tune", item(1, "a"), made=TUNE)
    await pubsub.put_item(ann, "tune", item(2, "b"))
    await pubsub.put_item(ann, "tune", item(3, "a"))
    await pubsub.put_item(ann, "secret", item(4, "a"), made=SECRET)
    (secret, tune) = await pubsub.load(ann)
    assert secret.items == (place(4, "a"),)
    assert tune.items == (place(2, "b"), place(3, "a"))
    assert await pubsub.items(ann, "tune", 0, 9) == [item(2, "b"), item(3, "a")]
    assert await pubsub.items(ann, "tune", 3, 3) == [item(3, "a")]
    assert await pubsub.item(ann, "tune", "a") == item(3, "a")
    assert await pubsub.item(ann, "tune", "c") is None
    assert await pubsub.item(PersonNumber(ann + 1), "tune", "a") is None


@pytest.mark.parametrize("drops", [("i1",), ("i1", "i2"), ("i1", "none")])
async def test_items_make_room_in_the_same_step(
    pubsub: DatabasePubsub, ann: PersonNumber, drops: tuple[str, ...]
):
    await pubsub.put_item(ann, "tune", item(1), made=TUNE)
    await pubsub.put_item(ann, "tune", item(2))
    await pubsub.put_item(ann, "tune", item(3), drops)
    kept = {one.id for one in await pubsub.items(ann, "tune", 0, 9)}
    assert kept == {"i1", "i2", "i3"} - set(drops)


async def test_items_are_dropped_cleared_and_deleted(pubsub: DatabasePubsub, ann: PersonNumber):
    await pubsub.put_item(ann, "tune", item(1), made=TUNE)
    await pubsub.put_item(ann, "tune", item(2))
    await pubsub.put_item(ann, "secret", item(3), made=SECRET)
    await pubsub.drop_items(ann, "tune", ("i1", "none"))
    assert await pubsub.items(ann, "tune", 0, 9) == [item(2)]
    await pubsub.clear(ann, "tune")
    assert await pubsub.items(ann, "tune", 0, 9) == []
    await pubsub.delete_node(ann, "secret")
    await pubsub.delete_node(ann, "none")
    assert await pubsub.load(ann) == [StoredNode(TUNE)]
    await pubsub.put_node(ann, SECRET)
    assert await pubsub.items(ann, "secret", 0, 9) == []


async def test_who_shows_which_node(pubsub: DatabasePubsub, ann: PersonNumber):
    await pubsub.put_node(ann, TUNE)
    await pubsub.put_node(ann, SECRET)
    assert await pubsub.shown() == [("ann@corp.example", "tune")]
    await pubsub.put_node(ann, NodeRecord("tune", PRIVATE, 0.0))
    assert await pubsub.shown() == []


async def test_who_is_what_to_a_node(pubsub: DatabasePubsub, ann: PersonNumber):
    bob = Party("bob@corp.example", PartyKind.MEMBER)
    desk = Party("bob@corp.example/desk", PartyKind.SUBSCRIBER)
    cai = Party("cai@corp.example", PartyKind.OUTCAST)
    await pubsub.put_node(ann, SECRET)
    await pubsub.put_node(ann, TUNE)
    await pubsub.change_parties(ann, "secret", (bob, desk), ())
    await pubsub.change_parties(ann, "secret", (cai, bob), (desk, cai))
    assert await pubsub.load(ann) == [StoredNode(SECRET, (), (bob, cai)), StoredNode(TUNE)]
    # whoever has members shows the node to them
    assert sorted(await pubsub.shown()) == [
        ("ann@corp.example", "secret"),
        ("ann@corp.example", "tune"),
    ]
    await pubsub.delete_node(ann, "secret")
    await pubsub.put_node(ann, SECRET)
    assert await pubsub.load(ann) == [StoredNode(SECRET), StoredNode(TUNE)]


async def test_who_is_deleted_is_nothing_to_any_node(
    database: Database, pubsub: DatabasePubsub, ann: PersonNumber
):
    people = DatabasePeople(database)
    bob = await people.add_person(Person(PersonNumber(0), "bob@corp.example", "Bob"))
    await pubsub.put_node(ann, TUNE)
    kinds = (PartyKind.MEMBER, PartyKind.SUBSCRIBER)
    await pubsub.change_parties(ann, "tune", [Party(bob.address, kind) for kind in kinds], ())
    await people.delete_person(bob.number)
    assert await pubsub.load(ann) == [StoredNode(TUNE)]


async def test_the_newest_item_of_everybody(pubsub: DatabasePubsub, ann: PersonNumber):
    assert await pubsub.newest("tune") == []
    await pubsub.put_node(ann, TUNE)
    assert await pubsub.newest("tune") == []
    await pubsub.put_item(ann, "tune", item(2))
    await pubsub.put_item(ann, "tune", item(1))
    assert await pubsub.newest("tune") == [("ann@corp.example", TUNE.config, item(2).payload)]
    assert sorted(await pubsub.ids("tune")) == [
        ("ann@corp.example", "i1"),
        ("ann@corp.example", "i2"),
    ]


async def test_a_node_belongs_to_a_person(pubsub: DatabasePubsub):
    with pytest.raises(UsageError, match="no such person"):
        await pubsub.put_node(PersonNumber(99), TUNE)
    with pytest.raises(UsageError, match="no such person"):
        await pubsub.put_item(PersonNumber(99), "tune", item(1), made=TUNE)


async def test_people_are_told_once(pubsub: DatabasePubsub, ann: PersonNumber):
    assert await pubsub.tell_once(ann, "this")
    assert not await pubsub.tell_once(ann, "this")
    assert await pubsub.tell_once(ann, "that")


async def test_a_step_that_cannot_be_kept_leaves_nothing():
    database = InMemoryDatabase()
    pubsub = DatabasePubsub(database)
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    ann = (await DatabasePeople(database).add_person(person)).number
    database.fail_next(UnavailableError("the store is full"))
    with pytest.raises(UnavailableError):
        await pubsub.put_item(ann, "tune", item(1), made=TUNE)
    assert await pubsub.load(ann) == []
