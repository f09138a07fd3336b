"""An owner runs a room with an ordinary client (XEP-0045 sections 7.8 to 10)."""

import asyncio
from xml.etree.ElementTree import Element, fromstring

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError, PresenceError

from house.premises import DOMAIN, SOON, Premises, address
from house.slix_client import SlixClient, slix

ROOM = f"coven@rooms.{DOMAIN}"


async def enter(client: SlixClient, nick: str, password: str | None = None):
    muc = client.plugin["xep_0045"]
    return await muc.join_muc_wait(JID(ROOM), nick, password=password, timeout=SOON)


async def ask(client: SlixClient, kind: str, payload: str) -> Element:
    iq = client.make_iq(ito=JID(ROOM), itype=kind)
    iq.set_payload(fromstring(payload))
    return (await iq.send(timeout=SOON)).xml


async def test_an_owner_configures_invites_kicks_bans_and_ends_a_room(house: Premises):
    async with slix(house, "ann") as ann, slix(house, "bob") as bob:
        muc = ann.plugin["xep_0045"]
        await enter(ann, "a")
        async with asyncio.timeout(SOON):
            form = await muc.get_room_config(JID(ROOM))
            form["type"] = "submit"
            form.set_values(
                {
                    "muc#roomconfig_roomname": "A Dark Cave",
                    "muc#roomconfig_membersonly": True,
                    "muc#roomconfig_passwordprotectedroom": True,
                    "muc#roomconfig_roomsecret": "cauldronburn",
                }
            )
            await muc.set_room_config(JID(ROOM), form)
        muc.invite(JID(ROOM), JID(address("bob")), reason="Hey")
        invited = await bob.saw("groupchat_invite")
        assert invited["from"] == ROOM
        await enter(bob, "b", "cauldronburn")
        async with asyncio.timeout(SOON):
            assert await muc.get_affiliation_list(JID(ROOM), "member") == [address("bob")]
            await muc.set_role(JID(ROOM), "b", "none", reason="Avaunt")
        kicked = await bob.saw("groupchat_presence", lambda p: p["type"] == "unavailable")
        assert kicked["muc"]["role"] == "none"
        async with asyncio.timeout(SOON):
            await muc.set_affiliation(JID(ROOM), "outcast", jid=JID(address("bob")))
        with pytest.raises(PresenceError) as refused:
            await enter(bob, "b", "cauldronburn")
        assert refused.value.condition == "forbidden"
        with pytest.raises(IqError):
            await ask(bob, "get", "<query xmlns='http://jabber.org/protocol/muc#owner'/>")
        async with asyncio.timeout(SOON):
            await muc.destroy(JID(ROOM), reason="Macbeth doth come")
