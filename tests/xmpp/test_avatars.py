"""XEP-0398: one avatar in two forms, also after a restart, and nothing for those who have none."""

import base64

import pytest

from clarion.store.pubsub import DatabasePubsub
from clarion.wire.xmpp import avatars as images
from clarion.wire.xmpp.avatars import DATA, METADATA, hash_of, mark_of
from clarion.wire.xmpp.caps import INFO
from clarion.xmpp.ext import ALL
from clarion.xmpp.nodes import Nodes
from fakes.household import DOMAIN, Client, children_of, household
from fakes.wanting import events_of, wants

PUBSUB = "http://jabber.org/protocol/pubsub"
IMAGE = b"\x89PNG-image"
NAME, TEXT = hash_of(IMAGE), base64.b64encode(IMAGE).decode()
CARD = "<vCard xmlns='vcard-temp'>%s</vCard>"
PHOTO = f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{TEXT}</BINVAL></PHOTO>"
ANN = f"ann@{DOMAIN}"


async def publish(client: Client, node: str, payload: str, **fields: str) -> bytes:
    form = "".join(f"<field var='pubsub#{n}'><value>{v}</value></field>" for n, v in fields.items())
    options = (
        "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        f"<value>{PUBSUB}#publish-options</value></field>{form}</x></publish-options>"
    )
    return await client.ask(
        "set",
        f"<pubsub xmlns='{PUBSUB}'><publish node='{node}'><item id='{NAME}'>{payload}</item>"
        f"</publish>{options if fields else ''}</pubsub>",
    )


async def show(client: Client, **fields: str) -> None:
    await publish(client, DATA, f"<data xmlns='{DATA}'>{TEXT}</data>", **fields)
    info = f"<info id='{NAME}' type='image/png' bytes='{len(IMAGE)}'/>"
    metadata = f"<metadata xmlns='{METADATA}'>{info}</metadata>"
    await publish(client, METADATA, metadata, **fields)


async def photos(client: Client) -> int:
    (card,) = children_of(await client.ask("get", CARD % "", ANN))
    return len(card.findall("{vcard-temp}PHOTO"))


async def test_the_account_says_so():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("get", f"<query xmlns='{INFO}'/>", ANN)
        assert b"urn:xmpp:pep-vcard-conversion:0" in answer


@pytest.mark.parametrize(
    ("access", "seen"), [("open", 1), ("presence", 0), ("whitelist", 0), ("roster", 0)]
)
async def test_strangers_see_the_photo_of_an_open_avatar_alone(access: str, seen: int):
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await show(ann, access_model=access)
        assert await photos(ann) == 1
        assert await photos(bob) == seen


async def test_who_hears_of_a_photo_that_comes_with_a_vcard():
    async with household(*ALL) as house:
        ann = await house.log_in("ann", "phone")
        desk = await house.log_in("ann", "desk")
        await wants(desk, METADATA)
        await ann.ask("set", CARD % PHOTO)
        assert events_of(desk.line.take()) == [(METADATA, [f"item {NAME}"])]
        await ann.ask("set", CARD % PHOTO)
        assert events_of(desk.line.take()) == []
        await ann.ask("set", CARD % "")
        ((node, (what,)),) = events_of(desk.line.take())
        assert node == METADATA
        assert what.startswith("item ")
        assert await photos(ann) == 0


async def test_marks_are_known_after_a_restart():
    async with household(*ALL) as house:
        await show(await house.log_in("ann"))
        assert house.services.nodes.photos == {ANN: mark_of(NAME)}
        again = Nodes(DatabasePubsub(house.database))
        await again.load()
        assert again.photos == {ANN: mark_of(NAME)}
        again.forget(house.person("ann"))
        assert again.photos == {}


async def test_a_mark_goes_with_the_image_or_its_node():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for undo in (
            f"<pubsub xmlns='{PUBSUB}#owner'><delete node='{DATA}'/></pubsub>",
            f"<pubsub xmlns='{PUBSUB}#owner'><purge node='{METADATA}'/></pubsub>",
            (
                f"<pubsub xmlns='{PUBSUB}'><retract node='{DATA}'><item id='{NAME}'/></retract>"
                "</pubsub>"
            ),
        ):
            await show(ann)
            assert ANN in house.services.nodes.photos
            assert b"type='result'" in await ann.ask("set", undo)
            assert ANN not in house.services.nodes.photos


async def test_a_photo_that_is_none_changes_nothing():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        await ann.ask("set", CARD % f"{PHOTO}<URL>x</URL>")
        large = base64.b64encode(b"x" * (images.IMAGE_LIMIT_BYTES + 1)).decode()
        for text in ("no!", large):
            answer = await ann.ask("set", CARD % f"<PHOTO><BINVAL>{text}</BINVAL></PHOTO>")
            assert b"type='error'" in answer
        assert await photos(ann) == 1
        assert b"<URL>x</URL>" in await ann.ask("get", CARD % "")


async def test_a_photo_on_the_web_stays_in_the_card():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        photo = "<PHOTO><EXTVAL>https://corp.example/a.png</EXTVAL></PHOTO>"
        await ann.ask("set", CARD % photo)
        assert photo.encode() in await ann.ask("get", CARD % "")
        assert house.services.nodes.photos == {}
