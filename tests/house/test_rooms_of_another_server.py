"""Two servers on loopback: somebody of one in a room of the other (XEP-0045)."""

from house.raw_client import CLIENT, condition
from house.towns import open_town

A, B = "alpha.example", "beta.example"
ROOMS = f"rooms.{A}"
ROOM = f"tea@{ROOMS}"
MUC = "http://jabber.org/protocol/muc"
ENTRY = f"<x xmlns='{MUC}'/>"
PUBLIC = (
    f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'>"
    f"<field var='FORM_TYPE'><value>{MUC}#roomconfig</value></field>"
    "<field var='muc#roomconfig_publicroom'><value>1</value></field></x></query>"
)
ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
MAM = "urn:xmpp:mam:2"


def test_somebody_of_another_server_enters_a_public_room_talks_and_is_read():
    with open_town() as town:
        town.open(A, "ann")
        town.open(B, "bob")
        ann, bob = town.client(f"ann@{A}", managed=True), town.client(f"bob@{B}", managed=True)
        ann.send(f"<presence to='{ROOM}/Ann'>{ENTRY}</presence>")
        ann.until(lambda e: e.get("from") == f"{ROOM}/Ann")
        assert ann.iq("set", PUBLIC, ROOM).get("type") == "result"
        ann.send(f"<message to='{ROOM}' type='groupchat'><body>anybody?</body></message>")
        ann.message("anybody?")

        # He finds it, and enters.
        listed = bob.iq("get", ITEMS, ROOMS)
        assert [item.get("jid") for item in listed[0]] == [ROOM]
        bob.send(f"<presence to='{ROOM}/Bob'>{ENTRY}</presence>")
        bob.until(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == f"{ROOM}/Ann")
        own = bob.until(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == f"{ROOM}/Bob")
        assert own.get("type") is None
        assert "110" in [one.get("code") for one in own.iter(f"{{{MUC}#user}}status")]
        assert bob.message("anybody?").find("{urn:xmpp:delay}delay") is not None
        seen = ann.until(lambda e: e.get("from") == f"{ROOM}/Bob")
        item = seen.find(f".//{{{MUC}#user}}item")
        assert item is not None
        assert (item.get("jid"), item.get("affiliation")) == (f"bob@{B}/raw", "none")

        # He talks, is read, and answered.
        bob.send(
            f"<message to='{ROOM}' type='groupchat' id='m1'><body>from afar</body>"
            "<markable xmlns='urn:xmpp:chat-markers:0'/></message>"
        )
        heard = ann.message("from afar")
        assert heard.get("from") == f"{ROOM}/Bob"
        assert bob.message("from afar").get("id") == "m1"
        mark = heard.find("{urn:xmpp:sid:0}stanza-id")
        assert mark is not None
        ann.send(
            f"<message to='{ROOM}' type='groupchat' id='d1'>"
            f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{mark.get('id')}'/></message>"
        )
        read = bob.until(lambda e: e.find("{urn:xmpp:chat-markers:0}displayed") is not None)
        assert read.get("from") == f"{ROOM}/Ann"
        ann.send(f"<message to='{ROOM}/Bob' type='chat'><body>between us</body></message>")
        assert bob.message("between us").get("from") == f"{ROOM}/Ann"
        bob.send(f"<message to='{ROOM}/Ann' type='chat'><body>of course</body></message>")
        assert ann.message("of course").get("from") == f"{ROOM}/Bob"

        # What was said he finds in the room's archive.
        bob.send(f"<iq type='set' id='q1' to='{ROOM}'><query xmlns='{MAM}'/></iq>")
        for text in ("anybody?", "from afar"):
            bob.until(
                lambda e, text=text: (
                    any(body.text == text for body in e.iter(f"{CLIENT}body"))
                    and e.find(f"{{{MAM}}}result") is not None
                )
            )
        assert bob.until(lambda e: e.get("id") == "q1").get("type") == "result"

        # Rooms are made by people of the house alone.
        bob.send(f"<presence to='mine@{ROOMS}/Bob'>{ENTRY}</presence>")
        refused = bob.until(lambda e: e.get("from") == f"mine@{ROOMS}/Bob")
        assert condition(refused) == "not-allowed"

        # Whoever goes is missed, without having to say so to the room.
        bob.send("<presence type='unavailable'/>")
        ann.until(lambda e: e.get("from") == f"{ROOM}/Bob" and e.get("type") == "unavailable")
