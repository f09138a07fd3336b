"""What an ordinary client asks the server and gets from it: slixmpp's own plugins, over TLS."""

from typing import Any

import slixmpp

from clarion import __version__
from house.premises import Premises, address
from house.slix_client import SlixClient, slix

ANN, BOB, DOMAIN = address("ann"), address("bob"), address("ann").partition("@")[2]
PICTURE = bytes(range(256)) * 400  # 100 KiB, as a phone's camera makes them


def with_plugins(client: SlixClient, *numbers: str) -> dict[str, Any]:
    """Let a client learn more, and return what it learned."""
    for number in numbers:
        client.register_plugin(f"xep_{number}")
    return {number: client.plugin[f"xep_{number}"] for number in numbers}


async def test_the_server_tells_of_itself(house: Premises):
    async with slix(house, "ann") as ann:
        know = with_plugins(ann, "0012", "0092", "0115", "0128", "0202")
        version = await know["0092"].get_version(DOMAIN, timeout=5)
        assert version["software_version"]["name"] == "Clarion"
        assert version["software_version"]["version"] == __version__
        up = await know["0012"].get_last_activity(DOMAIN, timeout=5)
        assert 0 <= up["last_activity"]["seconds"] < 3600
        time = await know["0202"].get_entity_time(DOMAIN, timeout=5)
        # Read by hand: slixmpp's plugin stumbles over every offset.
        assert time.xml.findtext(".//{urn:xmpp:time}tzo") == "+00:00"
        assert time.xml.findtext(".//{urn:xmpp:time}utc").endswith("Z")


async def test_slixmpp_reckons_the_same_verification_string(house: Premises):
    async with slix(house, "ann") as ann:
        know = with_plugins(ann, "0115", "0128")
        info = await ann.plugin["xep_0030"].get_info(DOMAIN, timeout=5)
        theirs = know["0115"].generate_verstring(info["disco_info"], "sha-1")
        node = f"urn:clarion:server#{theirs}"
        again = await ann.plugin["xep_0030"].get_info(DOMAIN, node=node, timeout=5)
        assert again["disco_info"]["features"] == info["disco_info"]["features"]


async def test_a_photo_and_how_somebody_left_outlive_the_server(empty: Premises):
    empty.furnish()
    empty.start()
    empty.add_people("ann", "bob")
    async with slix(empty, "ann") as ann, slix(empty, "bob") as bob:
        cards = with_plugins(ann, "0054")["0054"]
        card = (await cards.get_vcard(cached=False, timeout=5))["vcard_temp"]
        photo = card["PHOTO"]
        photo["TYPE"], photo["BINVAL"] = "image/png", PICTURE
        card["NICKNAME"] = "Annie"
        await cards.publish_vcard(card, timeout=5)
        bob.send_presence(pto=ANN, ptype="subscribe")
        await ann.saw("presence_subscribe")
        ann.send_presence(pto=BOB, ptype="subscribed")
        await bob.saw("presence_subscribed")
        ann.send_presence(ptype="unavailable", pstatus="Gone fishing")
        await bob.saw("presence_unavailable", lambda p: p["from"].bare == ANN)
    empty.stop()
    empty.start()
    async with slix(empty, "bob") as bob:
        know = with_plugins(bob, "0012", "0054")
        card = (await know["0054"].get_vcard(slixmpp.JID(ANN), cached=False, timeout=5))[
            "vcard_temp"
        ]
        assert card["PHOTO"]["BINVAL"] == PICTURE
        assert card["NICKNAME"] == ["Annie"]
        assert card["FN"]
        last = (await know["0012"].get_last_activity(ANN, timeout=5))["last_activity"]
        assert last["status"] == "Gone fishing"
        assert 0 <= last["seconds"] < 120


async def test_searching_the_directory(house: Premises):
    async with slix(house, "ann") as ann:
        know = with_plugins(ann, "0004", "0055")
        asked = ann.make_iq_get("jabber:iq:search", ito=DOMAIN)
        form = (await asked.send(timeout=5))["search"]["form"]
        assert "x-department" in form.get_fields()
        search = know["0055"].make_search_iq(ito=DOMAIN)
        search["search"]["form"]["type"] = "submit"
        search["search"]["form"].add_field(var="nick", value="bo")
        found = (await search.send(timeout=5))["search"]["form"]
        assert [item["jid"] for item in found.get_items()] == [BOB]
