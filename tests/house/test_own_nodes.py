"""What ordinary clients keep in nodes of their own: keys, bookmarks, avatars, settings."""

import base64
import hashlib
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from slixmpp.exceptions import IqError

from house.premises import SOON, Premises, address, open_house
from house.slix_client import SlixClient, slix

ANN, BOB, CAI = address("ann"), address("bob"), address("cai")
PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = f"{{{PUBSUB}#event}}event"
AXOLOTL = "eu.siacs.conversations.axolotl"
DEVICES, BUNDLES = "urn:xmpp:omemo:2:devices", "urn:xmpp:omemo:2:bundles"
METADATA = "urn:xmpp:avatar:metadata"
ROOM = "tower@rooms.house.example"
IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
INFO = "{http://jabber.org/protocol/disco#info}query"


def options(client: SlixClient, kind: str = "publish-options", **fields: str) -> Any:
    form = client.plugin["xep_0004"].make_form(ftype="submit")
    form.add_field(var="FORM_TYPE", ftype="hidden", value=f"{PUBSUB}#{kind}")
    for name, value in fields.items():
        form.add_field(var=f"pubsub#{name}", value=value)
    return form


async def put(client: SlixClient, node: str, item: str, payload: str, **fields: str) -> Any:
    return await client.plugin["xep_0060"].publish(
        None,
        node,
        id=item,
        payload=fromstring(payload),
        options=options(client, **fields) if fields else None,
        timeout=SOON,
    )


async def items(client: SlixClient, owner: str, node: str) -> dict[str, Element]:
    answer = await client.plugin["xep_0060"].get_items(owner, node, timeout=SOON)
    return {item["id"]: item["payload"] for item in answer["pubsub"]["items"]}


async def settled(client: SlixClient, *nodes: str) -> None:
    """Go on line with these interests, and wait until the server knows them.

    The client was not on line before: it is asked once what it can do.
    """
    for node in nodes:
        client.plugin["xep_0163"].add_interest(node)

    def note(stanza: Any) -> Any:
        if getattr(stanza, "name", "") == "iq" and stanza.xml.find(INFO) is not None:
            client._note("told what it can do", stanza)
        return stanza

    client.add_filter("out", note)
    await client.get_roster(timeout=SOON)
    await client.plugin["xep_0115"].update_caps(broadcast=False)
    client.send_presence()
    await client.saw("told what it can do", lambda one: one["type"] == "result")
    await client.plugin["xep_0199"].ping(timeout=SOON)


def tells(node: str, owner: str) -> Any:
    """Return whether a message tells of this node."""

    def fits(message: Any) -> bool:
        found = message.xml.find(f"{EVENT}/")
        return found is not None and found.get("node") == node and message["from"].bare == owner

    return fits


async def befriend(one: SlixClient, other: SlixClient) -> None:
    for asking, asked in ((one, other), (other, one)):
        asking.send_presence(pto=asked.boundjid.bare, ptype="subscribe")
        await asked.saw("presence_subscribe")
        asked.send_presence(pto=asking.boundjid.bare, ptype="subscribed")
        await asking.saw("presence_subscribed")


def listening(client: SlixClient) -> None:
    """Note every message, also those without a body."""
    client.add_filter("in", lambda stanza: _noted(client, stanza))


def _noted(client: SlixClient, stanza: Any) -> Any:
    if getattr(stanza, "name", "") in {"message", "presence"}:
        client._note(f"any {stanza.name}", stanza)
    return stanza


async def test_keys_of_devices_are_kept_and_told_and_outlast_the_server():
    with open_house(people=("ann", "bob", "cai")) as house:
        async with slix(house, "ann") as ann, slix(house, "bob", present=False) as bob:
            listening(bob)
            await settled(bob, DEVICES, f"{AXOLOTL}.devicelist")
            await befriend(ann, bob)
            await put(
                ann,
                DEVICES,
                "current",
                "<devices xmlns='urn:xmpp:omemo:2'><device id='7'/></devices>",
                access_model="open",
            )
            await bob.saw("any message", tells(DEVICES, ANN))
            for device in ("7", "8"):
                await put(
                    ann,
                    BUNDLES,
                    device,
                    f"<bundle xmlns='urn:xmpp:omemo:2'><ik>{device}</ik></bundle>",
                    access_model="open",
                    max_items="max",
                )
            # The first version, after a client that forgot to say whom it is for.
            list_ = f"<list xmlns='{AXOLOTL}'><device id='7'/></list>"
            await put(ann, f"{AXOLOTL}.devicelist", "current", list_)
            await bob.saw("any message", tells(f"{AXOLOTL}.devicelist", ANN))
            with pytest.raises(IqError) as caught:
                await put(ann, f"{AXOLOTL}.devicelist", "current", list_, access_model="open")
            assert caught.value.condition == "conflict"
            await ann.plugin["xep_0060"].set_node_config(
                None,
                f"{AXOLOTL}.devicelist",
                options(ann, "node_config", access_model="open"),
                timeout=SOON,
            )
            await put(ann, f"{AXOLOTL}.devicelist", "current", list_, access_model="open")
            await bob.saw("any message", tells(f"{AXOLOTL}.devicelist", ANN))
        assert house.stop() == 0
        house.start()
        async with slix(house, "cai") as cai:  # who is no contact of hers
            assert list(await items(cai, ANN, DEVICES)) == ["current"]
            bundles = await items(cai, ANN, BUNDLES)
            assert sorted(bundles) == ["7", "8"]
            assert bundles["8"].findtext("{urn:xmpp:omemo:2}ik") == "8"
            assert list(await items(cai, ANN, f"{AXOLOTL}.devicelist")) == ["current"]
        # and last items come to who asks for them
        async with slix(house, "bob", present=False) as bob:
            listening(bob)
            await settled(bob, DEVICES)
            await bob.saw("any message", tells(DEVICES, ANN))
        assert house.stop() == 0


async def test_bookmarks_of_old_and_new_clients_are_the_same(house: Premises):
    async with (
        slix(house, "ann", resource="new", present=False) as new,
        slix(house, "ann", resource="old", present=False) as old,
    ):
        listening(new)
        listening(old)
        new.register_plugin("xep_0402")
        old.register_plugin("xep_0048")
        old.register_plugin("xep_0049")
        await settled(new, "urn:xmpp:bookmarks:1")
        await settled(old, "storage:bookmarks")
        await put(
            new,
            "urn:xmpp:bookmarks:1",
            ROOM,
            "<conference xmlns='urn:xmpp:bookmarks:1' name='Tower' autojoin='true'/>",
            persist_items="true",
            max_items="max",
            send_last_published_item="never",
            access_model="whitelist",
        )
        await old.saw("any message", tells("storage:bookmarks", ANN))
        for method in ("xep_0049", "xep_0223"):
            answer = await old.plugin["xep_0048"].get_bookmarks(method=method, timeout=SOON)
            holder = (
                answer["private"] if method == "xep_0049" else next(iter(answer["pubsub"]["items"]))
            )
            rooms = list(holder["bookmarks"]["conferences"])
            assert [(room["jid"], room["autojoin"]) for room in rooms] == [(ROOM, True)]
        bookmarks = old.plugin["xep_0048"].stanza.Bookmarks()
        bookmarks.add_conference("b@rooms.house.example", "nick", name="B")
        await old.plugin["xep_0048"].set_bookmarks(bookmarks, method="xep_0049", timeout=SOON)
        for _ in range(2):  # one came, one went
            await new.saw("any message", tells("urn:xmpp:bookmarks:1", ANN))
        found = await items(new, ANN, "urn:xmpp:bookmarks:1")
        assert list(found) == ["b@rooms.house.example"]
        assert found["b@rooms.house.example"].get("name") == "B"
    async with slix(house, "bob") as bob:
        with pytest.raises(IqError):
            await items(bob, ANN, "urn:xmpp:bookmarks:1")


async def test_an_avatar_is_in_nodes_vcard_and_presence(house: Premises):
    name = hashlib.sha1(IMAGE, usedforsecurity=False).hexdigest()
    async with slix(house, "bob") as bob, slix(house, "cai", present=False) as cai:
        listening(cai)
        for client in (bob, cai):
            client.register_plugin("xep_0084")
            client.register_plugin("xep_0054")
        await settled(cai, METADATA)
        await befriend(bob, cai)
        avatar = bob.plugin["xep_0084"]
        await avatar.publish_avatar(IMAGE, timeout=SOON)
        info = {"id": name, "type": "image/png", "bytes": len(IMAGE)}
        await avatar.publish_avatar_metadata(info, timeout=SOON)
        await cai.saw("any message", tells(METADATA, BOB))
        mark = "{vcard-temp:x:update}x/{vcard-temp:x:update}photo"
        await cai.saw("any presence", lambda p: p.xml.findtext(mark) == name)
        answer = await cai.plugin["xep_0084"].retrieve_avatar(BOB, name, timeout=SOON)
        (item,) = answer["pubsub"]["items"]
        assert item["avatar_data"]["value"] == IMAGE
        card = await cai.plugin["xep_0054"].get_vcard(BOB, cached=False, timeout=SOON)
        assert card["vcard_temp"]["PHOTO"]["BINVAL"] == IMAGE

        # the other way, and away again
        other = IMAGE + b"\0"
        vcard = bob.plugin["xep_0054"].make_vcard()
        vcard["PHOTO"]["TYPE"] = "image/png"
        vcard["PHOTO"]["BINVAL"] = other
        await bob.plugin["xep_0054"].publish_vcard(vcard, timeout=SOON)
        await cai.saw("any message", tells(METADATA, BOB))
        name = hashlib.sha1(other, usedforsecurity=False).hexdigest()
        await cai.saw("any presence", lambda p: p.xml.findtext(mark) == name)
        await avatar.stop(timeout=SOON)
        await cai.saw(
            "any presence", lambda p: p.xml.find(mark) is not None and not p.xml.findtext(mark)
        )


async def test_settings_are_kept_and_subscriptions_to_others_nodes(house: Premises):
    async with slix(house, "ann") as ann, slix(house, "bob") as bob:
        listening(bob)
        ask = ann.make_iq_set()
        ask.append(fromstring("<query xmlns='jabber:iq:private'><a xmlns='urn:x'>kept</a></query>"))
        await ask.send(timeout=SOON)
        ask = ann.make_iq_get()
        ask.append(fromstring("<query xmlns='jabber:iq:private'><a xmlns='urn:x'/></query>"))
        answer = await ask.send(timeout=SOON)
        assert answer.xml.findtext("{jabber:iq:private}query/{urn:x}a") == "kept"

        await put(ann, "urn:x:news", "1", "<a xmlns='urn:x'/>", access_model="open")
        pubsub = bob.plugin["xep_0060"]
        await pubsub.subscribe(ANN, "urn:x:news", timeout=SOON)
        await bob.saw("any message", tells("urn:x:news", ANN))  # the last item
        await put(ann, "urn:x:news", "2", "<a xmlns='urn:x'/>")
        await bob.saw("any message", tells("urn:x:news", ANN))
        found = await pubsub.get_subscriptions(ANN, timeout=SOON)
        assert [one["node"] for one in found["pubsub"]["subscriptions"]] == ["urn:x:news"]
        await pubsub.unsubscribe(ANN, "urn:x:news", timeout=SOON)
        owner = ann.plugin["xep_0060"]
        await owner.modify_affiliations(
            ANN, "urn:x:news", affiliations=[(BOB, "outcast")], timeout=SOON
        )
        with pytest.raises(IqError) as caught:
            await items(bob, ANN, "urn:x:news")
        assert caught.value.condition == "forbidden"
        await owner.delete_node(ANN, "urn:x:news", timeout=SOON)
