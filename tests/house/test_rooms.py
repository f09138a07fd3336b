"""Two people in a room, as slixmpp sees it (XEP-0045, and XEP-0313 for what was said there)."""

import asyncio
from xml.etree.ElementTree import fromstring

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError, PresenceError

from house.premises import DOMAIN, SOON, Premises, address
from house.slix_client import SlixClient, slix

ROOMS = f"rooms.{DOMAIN}"


async def enter(client: SlixClient, room: str, nick: str):
    """Join and return who is there, the subject and the history."""
    return await client.plugin["xep_0045"].join_muc_wait(JID(room), nick, timeout=SOON)


async def archived(client: SlixClient, room: str) -> list[str]:
    """Return the text of everything in a room's archive."""
    answer = client.plugin["xep_0313"].retrieve(JID(room), timeout=SOON, iterator=True)
    texts = []
    async with asyncio.timeout(SOON):
        async for page in answer:
            texts += [
                result["mam_result"]["forwarded"]["stanza"]["body"]
                for result in page["mam"]["results"]
            ]
    return texts


async def test_people_make_a_room_talk_in_it_and_leave(house: Premises):
    room = f"coven@{ROOMS}"
    async with slix(house, "ann") as ann, slix(house, "bob") as bob:
        own, subject, _, said = await enter(ann, room, "firstwitch")
        assert own["muc"]["affiliation"] == "owner"
        assert 201 in own["muc"]["status_codes"]
        assert (subject["subject"] or "", said) == ("", [])
        with pytest.raises(PresenceError) as refused:
            await enter(bob, room, "secondwitch")
        assert refused.value.condition == "item-not-found"
        await unlock(ann, room)
        _, _, others, _ = await enter(bob, room, "secondwitch")
        assert [one["from"].resource for one in others] == ["firstwitch", "secondwitch"]
        bob.send_message(JID(room), "Fair is foul", mtype="groupchat")
        for who in (ann, bob):
            heard = await who.saw("groupchat_message", lambda m: m["body"] == "Fair is foul")
            assert heard["from"] == f"{room}/secondwitch"
        bob.plugin["xep_0045"].leave_muc(JID(room), "secondwitch")
        await ann.saw("groupchat_presence", lambda p: p["type"] == "unavailable")


async def test_a_departments_room_is_there_after_a_restart_with_what_was_said(house: Premises):
    house.ask("department.add", department="Sales", name="Sales")
    house.ask("department.join", department=address("sales"), persons=[address("ann")])
    room = f"sales@{ROOMS}"
    async with slix(house, "ann") as ann, slix(house, "bob") as bob:
        await enter(ann, room, "ann")
        with pytest.raises(PresenceError) as refused:
            await enter(bob, room, "bob")
        assert refused.value.condition == "registration-required"
        for text in ("one", "two", "three"):
            ann.send_message(JID(room), text, mtype="groupchat")
        await ann.saw("groupchat_message", lambda m: m["body"] == "three")
        ann.send_message(JID(address("sales")), "hello")
        gone = await ann.saw("message_error", lambda m: m["error"]["condition"] == "gone")
        assert room in gone["error"]["gone"]
    assert house.stop() == 0
    house.start()
    house.ask("department.join", department=address("sales"), persons=[address("bob")])
    async with slix(house, "bob") as bob, slix(house, "cai") as cai:
        _, _, _, said = await enter(bob, room, "bob")
        assert [message["body"] for message in said] == ["one", "two", "three"]
        assert await archived(bob, room) == ["one", "two", "three"]
        with pytest.raises(IqError) as refused:
            await cai.plugin["xep_0313"].retrieve(JID(room), timeout=SOON)
        assert refused.value.condition == "forbidden"


async def unlock(client: SlixClient, room: str) -> None:
    """Accept the room as it is (XEP-0045 section 10.1.2)."""
    iq = client.make_iq_set(ito=JID(room))
    form = "<x xmlns='jabber:x:data' type='submit'/>"
    iq.set_payload(
        fromstring(f"<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>")
    )
    await iq.send(timeout=SOON)
