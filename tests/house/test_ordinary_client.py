"""What an ordinary client does, done by slixmpp: chat, presence, roster, archive."""

import pytest

from house.premises import Premises, address
from house.slix_client import slix

ANN, BOB, CAI, DAN = (address(local) for local in ("ann", "bob", "cai", "dan"))


@pytest.mark.parametrize("way", ["starttls", "tls"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", ""])
async def test_logs_in(house: Premises, way: str, mechanism: str):
    async with slix(
        house, "ann", resource=f"{way}{mechanism}", way=way, mechanism=mechanism
    ) as ann:
        assert ann.boundjid.full == f"{ANN}/{way}{mechanism}"
        tls = ann.transport.get_extra_info("ssl_object")
        assert tls.version() == "TLSv1.3"
        assert tls.selected_alpn_protocol() in {"xmpp-client", None}
        assert await ann.plugin["xep_0199"].ping(timeout=5) < 5


async def test_logs_in_without_tls_on_the_plain_listener(house: Premises):
    async with slix(house, "ann", resource="clear", way="plain", mechanism="PLAIN") as ann:
        assert ann.transport.get_extra_info("ssl_object") is None
        assert await ann.plugin["xep_0199"].ping(timeout=5) < 5


async def test_discovers_the_server_and_itself(house: Premises):
    async with slix(house, "ann", resource="disco") as ann:
        info = await ann.plugin["xep_0030"].get_info(jid=ann.boundjid.domain, timeout=5)
        assert ("server", "im") in {(one[0], one[1]) for one in info["disco_info"]["identities"]}
        features = set(info["disco_info"]["features"])
        assert {"http://jabber.org/protocol/disco#info", "urn:xmpp:ping"} <= features
        own = await ann.plugin["xep_0030"].get_info(jid=ANN, timeout=5)
        assert "urn:xmpp:mam:2" in own["disco_info"]["features"]


async def test_a_message_its_receipt_its_marker_and_the_archive(house: Premises):
    async with slix(house, "ann", resource="one") as ann, slix(house, "bob", resource="two") as bob:
        message = ann.make_message(mto=BOB, mbody="Lunch at noon?", mtype="chat")
        message["id"] = message["origin_id"]["id"] = "lunch"
        message["request_receipt"] = True
        message.send()
        got = await bob.saw("message", lambda m: m["body"])
        assert (got["from"], got["body"]) == (f"{ANN}/one", "Lunch at noon?")
        assert got.xml.find("{urn:xmpp:chat-markers:0}markable") is not None
        receipt = await ann.saw("receipt_received")
        assert (receipt["receipt"], receipt["from"].bare) == ("lunch", BOB)
        bob.plugin["xep_0333"].send_marker(mto=got["from"], id="lunch", marker="displayed")
        marker = await ann.saw("marker_displayed")
        assert (marker["displayed"]["id"], marker["from"].bare) == ("lunch", BOB)
        item = got.xml.find("{urn:xmpp:sid:0}stanza-id")
        for reader in (ann, bob):
            results = [
                one
                async for one in reader.plugin["xep_0313"].iterate(
                    with_jid=reader_of(reader), rsm={"max": 2}
                )
            ]
            bodies = [one["mam_result"]["forwarded"]["stanza"]["body"] for one in results]
            assert bodies.count("Lunch at noon?") == 1
            places = {
                one["mam_result"]["id"]: one["mam_result"]["forwarded"]["stanza"]["body"]
                for one in results
            }
            assert places[item.get("id")] == "Lunch at noon?"


def reader_of(client):
    return BOB if client.boundjid.bare == ANN else ANN


async def test_who_is_off_line_gets_it_later_with_its_time(house: Premises):
    async with slix(house, "ann", resource="early") as ann:
        ann.send_message(mto=DAN, mbody="for later", mtype="chat")
        await ann.plugin["xep_0199"].ping(timeout=5)
    async with slix(house, "dan", resource="late") as dan:
        got = await dan.saw("message", lambda m: m["body"] == "for later")
        assert got.xml.find("{urn:xmpp:delay}delay").get("from") == "house.example"


async def test_subscription_presence_and_its_end(house: Premises):
    async with (
        slix(house, "cai", resource="one") as cai,
        slix(house, "dan", resource="two") as dan,
    ):
        await cai.update_roster(DAN, name="Dan", groups=["Friends"], timeout=5)
        await cai.saw("roster_update", lambda iq: DAN in iq["roster"]["items"])
        cai.send_presence_subscription(DAN, ptype="subscribe")
        await dan.saw("presence_subscribe", lambda p: p["from"].bare == CAI)
        dan.send_presence_subscription(CAI, ptype="subscribed")
        await cai.saw("presence_subscribed", lambda p: p["from"].bare == DAN)
        there = await cai.saw("presence_available", lambda p: p["from"].bare == DAN)
        assert there["from"].full == f"{DAN}/two"
        dan.send_presence(pshow="away", pstatus="Back soon")
        away = await cai.saw("presence_away")
        assert away["status"] == "Back soon"
        roster = await cai.get_roster()
        assert not roster["roster"]["items"]  # what this client has is current (versioning)
        kept = cai.client_roster[DAN]
        assert (kept["name"], kept["subscription"], kept["groups"]) == ("Dan", "to", ["Friends"])
        dan.send_presence_subscription(CAI, ptype="unsubscribed")
        await cai.saw("presence_unsubscribed", lambda p: p["from"].bare == DAN)
        await cai.saw("roster_update", lambda iq: shows(iq, subscription="none", name="Dan"))


def shows(iq, **wanted):
    item = iq["roster"]["items"].get(DAN, {})
    return all(item.get(key) == value for key, value in wanted.items())


async def test_a_contact_that_goes_is_seen_to_go(house: Premises):
    async with slix(house, "ann", resource="watch") as ann:
        async with slix(house, "bob", resource="brief") as bob:
            ann.send_presence_subscription(BOB, ptype="subscribe")
            await bob.saw("presence_subscribe")
            bob.send_presence_subscription(ANN, ptype="subscribed")
            await ann.saw("presence_available", lambda p: p["from"].full == f"{BOB}/brief")
        await ann.saw("presence_unavailable", lambda p: p["from"].full == f"{BOB}/brief")


async def test_whom_nobody_knows_is_refused(house: Premises):
    async with slix(house, "ann", resource="lost") as ann:
        ann.send_message(mto="nobody@house.example", mbody="Hello?", mtype="chat")
        error = await ann.saw("message_error")
        assert error["error"]["condition"] == "service-unavailable"
