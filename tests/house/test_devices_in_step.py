"""Two devices of one person know of each other what was displayed: slixmpp's PEP and XEP-0490."""

from typing import Any

import pytest
from slixmpp.exceptions import IqError

from house.premises import SOON, Premises, address
from house.slix_client import SlixClient, slix

ANN, BOB = address("ann"), address("bob")
NODE = "urn:xmpp:mds:displayed:0"
EVENT = "message_displayed_synchronization_publish"
SID = "{urn:xmpp:sid:0}stanza-id"


async def understood(client: SlixClient) -> None:
    """Wait until the server knows what this client wants to hear of."""

    # slixmpp makes its hash before all its plugins are there, and who lies is believed nothing.
    await client.plugin["xep_0115"].update_caps(broadcast=False)
    client.send_presence()
    # The server asks unless it knows the hash from another client: before it answers the first
    # ping. It has the answer before it answers the second one.
    for _ in range(2):
        await client.plugin["xep_0199"].ping(timeout=SOON)


def displayed(event: Any) -> dict[str, str]:
    """Return the chats of a notification, and the stanza-ids that were displayed in them."""
    items = event["pubsub_event"]["items"].xml.findall(
        "{http://jabber.org/protocol/pubsub#event}item"
    )
    return {item.get("id"): item.find(f".//{SID}").get("id") for item in items}


async def received(client: SlixClient, body: str) -> tuple[str, str]:
    message = await client.saw("message", lambda m: m["body"] == body)
    return message["id"], message.xml.find(SID).get("id")


async def test_what_one_device_has_displayed_the_other_one_knows(house: Premises):
    async with (
        slix(house, "ann", resource="sender") as ann,
        slix(house, "bob", resource="phone") as phone,
        slix(house, "bob", resource="desk", present=False) as desk,
    ):
        await understood(desk)
        ann.send_message(mto=BOB, mbody="First", mtype="chat")
        ann.send_message(mto=BOB, mbody="Second", mtype="chat")
        _, first = await received(phone, "First")
        marked, second = await received(phone, "Second")
        mds = phone.plugin["xep_0490"]
        await mds.flag_chat(ANN, first, timeout=SOON)
        assert displayed(await desk.saw(EVENT)) == {ANN: first}

        # with the server's help, in one message with the marker for the sender
        marker = phone.make_message(mto=ANN, mtype="chat")
        marker["displayed"]["id"] = marked
        element = phone.plugin["xep_0490"].stanza.Displayed()
        element["stanza_id"]["id"] = second
        element["stanza_id"]["by"] = BOB
        marker.append(element.xml)
        marker.send()
        assert displayed(await desk.saw(EVENT)) == {ANN: second}
        seen = await ann.saw("marker_displayed", lambda m: m["displayed"]["id"] == marked)
        assert seen.xml.find(f"{{{NODE}}}displayed") is None

        caught_up = await desk.plugin["xep_0490"].catch_up(timeout=SOON)
        items = list(caught_up["pubsub"]["items"])
        assert [item["id"] for item in items] == [ANN]
        assert items[0].xml.find(f".//{SID}").get("id") == second


async def test_the_node_is_private_and_its_owner_may_look_after_it(house: Premises):
    async with (
        slix(house, "bob", resource="owner") as bob,
        slix(house, "ann", resource="curious") as ann,
    ):
        await bob.plugin["xep_0490"].flag_chat(ANN, "0" * 32, timeout=SOON)
        pubsub = bob.plugin["xep_0060"]
        config = await pubsub.get_node_config(BOB, NODE, timeout=SOON)
        values = config["pubsub_owner"]["configure"]["form"].get_values()
        assert values["pubsub#access_model"] == "whitelist"
        assert values["pubsub#max_items"] == "max"
        nodes = await pubsub.get_nodes(BOB, timeout=SOON)
        assert (BOB, NODE) in {(item[0], item[1]) for item in nodes["disco_items"]["items"]}
        info = await bob.plugin["xep_0030"].get_info(jid=BOB, timeout=SOON)
        assert ("pubsub", "pep") in {(one[0], one[1]) for one in info["disco_info"]["identities"]}
        assert "urn:xmpp:mds:server-assist:0" in info["disco_info"]["features"]
        with pytest.raises(IqError) as caught:
            await ann.plugin["xep_0060"].get_items(BOB, NODE, timeout=SOON)
        assert caught.value.condition == "not-allowed"
        with pytest.raises(IqError) as caught:
            await ann.plugin["xep_0060"].delete_node(BOB, NODE, timeout=SOON)
        assert caught.value.condition == "forbidden"
        await pubsub.retract(BOB, NODE, ANN, timeout=SOON)
        await pubsub.delete_node(BOB, NODE, timeout=SOON)
        nodes = await pubsub.get_nodes(BOB, timeout=SOON)
        assert not nodes["disco_items"]["items"]
