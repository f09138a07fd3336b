"""Copies, block lists and client states, done by slixmpp: two clients of one person, one other."""

from house.premises import Premises, address
from house.slix_client import slix

ANN, BOB, CAI = (address(local) for local in ("ann", "bob", "cai"))


async def test_both_sides_of_a_talk_are_on_both_clients(house: Premises):
    async with (
        slix(house, "ann", resource="phone") as phone,
        slix(house, "ann", resource="desk") as desk,
        slix(house, "bob", resource="one") as bob,
    ):
        for client in (phone, desk):
            await client.plugin["xep_0280"].enable(timeout=5)
        bob.send_message(mto=f"{ANN}/phone", mbody="Where are you?", mtype="chat")
        asked = await phone.saw("message", lambda m: m["body"] == "Where are you?")
        copied = await desk.saw(
            "carbon_received", lambda m: m["carbon_received"]["body"] == "Where are you?"
        )
        copy = copied["carbon_received"]
        assert copy["to"].full == f"{ANN}/phone"
        names = [one.xml.find("{urn:xmpp:sid:0}stanza-id").get("id") for one in (asked, copy)]
        assert names[0] == names[1]
        phone.send_message(mto=asked["from"], mbody="On the train", mtype="chat")
        await bob.saw("message", lambda m: m["body"] == "On the train")
        sent = (await desk.saw("carbon_sent"))["carbon_sent"]
        assert (sent["body"], sent["to"].bare) == ("On the train", BOB)
        assert sent.xml.find("{urn:xmpp:sid:0}stanza-id").get("by") == ANN
        await desk.plugin["xep_0280"].disable(timeout=5)


async def test_somebody_who_is_blocked_is_not_heard_until_that_is_over(house: Premises):
    async with (
        slix(house, "ann", resource="watch") as ann,
        slix(house, "ann", resource="other") as other,
        slix(house, "cai", resource="loud") as cai,
    ):
        for client in (ann, other):
            assert await client.plugin["xep_0191"].get_blocked_jids(timeout=5) == set()
        await ann.plugin["xep_0191"].block(CAI, timeout=5)
        pushed = await other.saw("blocked")
        assert [item["jid"] for item in pushed["block"]] == [CAI]
        cai.send_message(mto=ANN, mbody="Listen!", mtype="chat")
        refused = await cai.saw("message_error")
        assert refused["error"]["condition"] == "service-unavailable"
        ann.send_message(mto=CAI, mbody="No.", mtype="chat")
        own = await ann.saw("message_error")
        assert own["error"]["condition"] == "not-acceptable"
        assert own.xml.find(".//{urn:xmpp:blocking:errors}blocked") is not None
        assert await other.plugin["xep_0191"].get_blocked_jids(timeout=5) == {CAI}
        await other.plugin["xep_0191"].unblock(CAI, timeout=5)
        await ann.saw("unblocked")
        cai.send_message(mto=ANN, mbody="Listen now!", mtype="chat")
        await ann.saw("message", lambda m: m["body"] == "Listen now!")


async def test_a_block_list_outlives_the_server(empty: Premises):
    empty.furnish()
    empty.start()
    empty.add_people("ann", "cai")
    async with slix(empty, "ann") as ann:
        await ann.plugin["xep_0191"].block([CAI, "spam.example"], timeout=5)
    empty.stop()
    empty.start()
    async with slix(empty, "ann") as ann, slix(empty, "cai") as cai:
        assert await ann.plugin["xep_0191"].get_blocked_jids(timeout=5) == {CAI, "spam.example"}
        cai.send_message(mto=ANN, mbody="Still there?", mtype="chat")
        refused = await cai.saw("message_error")
        assert refused["error"]["condition"] == "service-unavailable"


async def test_a_client_that_nobody_looks_at_is_left_in_peace(house: Premises):
    async with slix(house, "ann", resource="pocket") as ann, slix(house, "bob") as bob:
        ann.plugin["xep_0352"].send_inactive()
        await ann.plugin["xep_0199"].ping(timeout=5)
        for show in ("away", "xa"):
            bob.send_presence(pto=f"{ANN}/pocket", pshow=show)
        await bob.plugin["xep_0199"].ping(timeout=5)
        bob.send_message(mto=f"{ANN}/pocket", mbody="Dinner?", mtype="chat")
        await ann.saw("message", lambda m: m["body"] == "Dinner?")
        seen = [what["type"] for name, what in ann.seen if name.startswith("presence_")]
        assert seen.count("away") == 0
