"""What comes from another server, and what goes there (RFC 6120 10, RFC 6121 3, 4 and 8)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from clarion.lib.errors import UnavailableError
from clarion.wire.xmpp.caps import DiscoInfo
from clarion.wire.xmpp.caps import Identity as DiscoIdentity
from clarion.wire.xmpp.names import BODY, CLIENT
from fakes.outside import THERE, Abroad
from fakes.world import FakeClient, World, world

BOB = f"bob@{THERE}"
ANN = "ann@corp.example"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
PING = "<ping xmlns='urn:xmpp:ping'/>"


@asynccontextmanager
async def house(*, present: bool = True) -> AsyncGenerator[tuple[World, Abroad, FakeClient], None]:
    async with world("ann") as here:
        abroad = Abroad(here)
        ann = await here.log_in("ann")
        await ann.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        if present:
            await ann.send("<presence/>")
        ann.read()
        yield here, abroad, ann


def condition(element) -> str:
    error = element.find(f"{{{CLIENT}}}error")
    return "" if error is None else error[0].tag.removeprefix(ERRORS)


def message(body: str = "hi", more: str = "", kind: str = "chat", to: str = ANN) -> str:
    return (
        f"<message from='{BOB}/far' to='{to}' type='{kind}' id='m1'>"
        f"<body>{body}</body>{more}</message>"
    )


async def test_a_message_is_delivered_and_kept_in_the_recipients_archive_alone():
    async with house() as (here, abroad, ann):
        await abroad.say(message("hello"))
        (came,) = ann.read()
        assert came.findtext(BODY) == "hello"
        assert came.find("{urn:xmpp:sid:0}stanza-id") is not None
        rows = await here.database.read("SELECT count(*) FROM line")
        assert rows == [(1,)]


async def test_a_message_waits_for_who_is_not_there():
    async with house(present=False) as (_, abroad, ann):
        await abroad.say(message("later"))
        assert ann.read() == []
        await ann.send("<presence/>")
        assert "later" in [one.findtext(BODY) for one in ann.read()]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (message(to="nobody@corp.example"), "service-unavailable"),
        (message(to="corp.example"), "service-unavailable"),
        (message(to=f"{ANN}/gone", kind="normal"), "service-unavailable"),
        (message(kind="groupchat"), "service-unavailable"),
        (message(kind="error"), ""),
        (message(to=f"{ANN}/gone", kind="headline"), ""),
        (message(to="a b@corp.example"), "jid-malformed"),
    ],
)
async def test_what_cannot_be_delivered(text: str, refusal: str):
    async with house() as (_, abroad, ann):
        await abroad.say(text)
        assert ann.read() == []
        assert [condition(one) for one in abroad.read()] == ([refusal] if refusal else [])


async def test_a_sender_that_is_no_address_gets_nothing():
    async with house() as (_, abroad, ann):
        await abroad.say(f"<message from='a b@{THERE}' to='{ANN}'><body>x</body></message>")
        assert ann.read() == []
        assert abroad.read() == []


async def test_a_message_that_cannot_be_kept_is_refused():
    async with house() as (here, abroad, _):
        here.database.fail_next(UnavailableError("full"))
        await abroad.say(message())
        assert [condition(one) for one in abroad.read()] == ["resource-constraint"]


async def test_stanza_ids_in_our_name_are_taken_off():
    forged = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ANN}' id='forged'/>"
    async with house() as (_, abroad, ann):
        await abroad.say(message(more=forged))
        (came,) = ann.read()
        ids = [one.get("id") for one in came.findall("{urn:xmpp:sid:0}stanza-id")]
        assert len(ids) == 1
        assert "forged" not in ids


async def test_a_message_goes_out_kept_for_its_sender_and_counted_after_the_commit():
    async with house() as (here, abroad, ann):
        await ann.send(f"<message to='{BOB}' type='chat' id='m1'><body>hi</body></message>")
        (gone,) = abroad.read()
        assert (gone.get("from"), gone.get("to")) == (f"{ANN}/phone", BOB)
        assert gone.find("{urn:xmpp:chat-markers:0}markable") is None
        assert await here.database.read("SELECT count(*) FROM line") == [(1,)]
        assert ann.read() == []


async def test_a_domain_that_cannot_be_reached_is_told_of():
    async with house() as (_, abroad, ann):
        for stanza in (
            "<message to='x@far.example' id='1'><body>hi</body></message>",
            f"<iq type='get' to='x@far.example/y' id='2'>{PING}</iq>",
            f"<iq type='get' to='far.example' id='3'>{PING}</iq>",
            "<presence type='subscribe' to='x@far.example' id='4'/>",
            "<presence to='x@far.example' id='5'/>",
        ):
            await ann.send(stanza)
            (answer,) = ann.read()
            assert condition(answer) == "remote-server-not-found"
        assert abroad.read() == []


async def test_a_subscription_both_ways():
    async with house() as (_, abroad, ann):
        await abroad.say(f"<presence from='{BOB}/far' to='{ANN}/phone' type='subscribe'/>")
        (asked,) = ann.read()
        assert (asked.get("type"), asked.get("from")) == ("subscribe", BOB)
        await ann.send(f"<presence to='{BOB}' type='subscribed'/>")
        told = abroad.read()
        assert [(one.get("type"), one.get("from")) for one in told] == [
            ("subscribed", ANN),
            (None, f"{ANN}/phone"),
        ]
        ann.read()
        await ann.send(f"<presence to='{BOB}' type='subscribe'/>")
        assert [one.get("type") for one in abroad.read()] == ["subscribe"]
        await abroad.say(
            f"<presence from='{BOB}' to='{ANN}' type='subscribed'/>",
            f"<presence from='{BOB}/far' to='{ANN}'/>",
        )
        kinds = [one.get("type") for one in ann.read() if one.tag.endswith("presence")]
        assert kinds == ["subscribed", None]
        await ann.send("<presence><show>away</show></presence>")
        (away,) = abroad.read()
        assert away.get("to") == BOB
        await ann.send("<presence type='unavailable'/>")
        assert [one.get("type") for one in abroad.read()] == ["unavailable"]
        await ann.send("<presence/>")
        # The contact is told, and asked (RFC 6121 section 4.2.2 and 4.3).
        assert [one.get("type") for one in abroad.read()] == [None, "probe"]


async def test_a_probe_is_answered_as_the_roster_allows():
    async with house() as (_, abroad, ann):
        probe = f"<presence from='{BOB}' to='{ANN}' type='probe'/>"
        await abroad.say(probe)
        assert [one.get("type") for one in abroad.read()] == ["unsubscribed"]
        await abroad.say(f"<presence from='{BOB}' to='{ANN}' type='subscribe'/>")
        await ann.send(f"<presence to='{BOB}' type='subscribed'/>")
        abroad.read()
        await abroad.say(probe)
        assert [(one.get("type"), one.get("from")) for one in abroad.read()] == [
            (None, f"{ANN}/phone")
        ]
        await ann.send("<presence type='unavailable'/>")
        abroad.read()
        await abroad.say(probe)
        assert [(one.get("type"), one.get("from")) for one in abroad.read()] == [
            ("unavailable", ANN)
        ]


async def test_directed_presence_is_taken_back_in_the_end():
    async with house(present=False) as (_, abroad, ann):
        await ann.send(f"<presence to='{BOB}/far'/>")
        await ann.hang_up()
        assert [one.get("type") for one in abroad.read()] == [None, "unavailable"]


@pytest.mark.parametrize(
    ("to", "payload", "answer"),
    [
        ("corp.example", PING, "result"),
        ("corp.example", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "result"),
        ("corp.example", "<query xmlns='jabber:iq:version'/>", "result"),
        # The directory is for people who have an account.
        ("corp.example", "<query xmlns='jabber:iq:search'/>", "service-unavailable"),
        (ANN, "<vCard xmlns='vcard-temp'/>", "service-unavailable"),
        (ANN, "<query xmlns='jabber:iq:roster'/>", "service-unavailable"),
        (ANN, "<query xmlns='urn:xmpp:mam:2'/>", "service-unavailable"),
        ("nobody@corp.example", "<vCard xmlns='vcard-temp'/>", "service-unavailable"),
        (f"{ANN}/gone", PING, "service-unavailable"),
        (ANN, PING * 2, "bad-request"),
    ],
)
async def test_requests_from_outside(to: str, payload: str, answer: str):
    async with house() as (_, abroad, _ann):
        await abroad.say(f"<iq type='get' from='{BOB}/far' to='{to}' id='q'>{payload}</iq>")
        (said,) = abroad.read()
        assert (said.get("from"), said.get("to"), said.get("id")) == (to, f"{BOB}/far", "q")
        assert answer in {said.get("type"), condition(said)}


async def test_a_request_reaches_a_client_and_its_answer_goes_back():
    async with house() as (_, abroad, ann):
        # A contact's server asks in the name of the bare JID (XEP-0163 section 4.1).
        await abroad.say(f"<iq type='get' from='{BOB}' to='{ANN}/phone' id='q'>{PING}</iq>")
        (asked,) = ann.read()
        await ann.send(f"<iq type='result' to='{asked.get('from')}' id='q'/>")
        (back,) = abroad.read()
        assert (back.get("type"), back.get("from"), back.get("to")) == (
            "result",
            f"{ANN}/phone",
            BOB,
        )


async def test_whoever_is_blocked_is_told_that_there_is_nobody():
    async with house() as (_, abroad, ann):
        await ann.send(
            "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>"
            f"<item jid='{THERE}'/></block></iq>"
        )
        ann.read()
        await abroad.say(
            message(),
            f"<presence from='{BOB}' to='{ANN}' type='subscribe'/>",
            f"<presence from='{BOB}/far' to='{ANN}'/>",
            f"<presence from='{BOB}' to='{ANN}' type='probe'/>",
            f"<iq type='get' from='{BOB}/far' to='{ANN}/phone' id='q'>{PING}</iq>",
        )
        assert ann.read() == []
        assert [condition(one) for one in abroad.read()] == ["service-unavailable"] * 2


NICK = "http://jabber.org/protocol/nick"
EVENT = "{http://jabber.org/protocol/pubsub#event}event"
INFO = DiscoInfo((DiscoIdentity("client", "pc", "Far"),), (f"{NICK}+notify",), ())
INFO_XML = (
    "<query xmlns='http://jabber.org/protocol/disco#info' node='{}'>"
    "<identity category='client' type='pc' name='Far'/>"
    f"<feature var='{NICK}+notify'/></query>"
)


async def befriend(abroad: Abroad, ann: FakeClient) -> None:
    await abroad.say(f"<presence from='{BOB}' to='{ANN}' type='subscribe'/>")
    await ann.send(f"<presence to='{BOB}' type='subscribed'/>")
    await ann.send(f"<presence to='{BOB}' type='subscribe'/>")
    await abroad.say(f"<presence from='{BOB}' to='{ANN}' type='subscribed'/>")
    ann.read()
    abroad.read()


async def publish(ann: FakeClient, nick: str) -> None:
    await ann.send(
        "<iq type='set' id='n'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
        f"<publish node='{NICK}'><item id='i'><nick xmlns='{NICK}'>{nick}</nick></item></publish>"
        "</pubsub></iq>"
    )


def nicks(stanzas) -> list[tuple[str | None, str | None]]:
    return [
        (one.get("to"), one.findtext(f".//{{{NICK}}}nick"))
        for one in stanzas
        if one.find(EVENT) is not None
    ]


async def test_clients_of_contacts_elsewhere_hear_of_what_is_published():
    """XEP-0163 sections 4.3.1 to 4.3.4, XEP-0115 section 5.4, across servers."""
    caps = f"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='x' ver='{INFO.ver()}'/>"
    async with house() as (here, abroad, ann):
        await befriend(abroad, ann)
        await publish(ann, "Annie")
        assert nicks(abroad.read()) == []
        await abroad.say(f"<presence from='{BOB}/far' to='{ANN}'>{caps}</presence>")
        (asked,) = abroad.read()
        assert (asked.get("from"), asked.get("to")) == (ANN, f"{BOB}/far")
        query = INFO_XML.format(f"x#{INFO.ver()}")
        await abroad.say(
            f"<iq type='result' from='{BOB}/far' to='{ANN}' id='{asked.get('id')}'>{query}</iq>"
        )
        assert nicks(abroad.read()) == [(f"{BOB}/far", "Annie")]
        await publish(ann, "Anna")
        assert nicks(abroad.read()) == [(f"{BOB}/far", "Anna")]
        # The next presence is no new client.
        await abroad.say(f"<presence from='{BOB}/far' to='{ANN}'>{caps}</presence>")
        assert abroad.read() == []
        await abroad.say(f"<presence from='{BOB}/far' to='{ANN}' type='unavailable'/>")
        await publish(ann, "Anne")
        assert nicks(abroad.read()) == []
        afar = here.services.afar
        assert afar is not None
        assert afar.of(BOB) == ()


async def test_strangers_clients_are_not_asked_what_they_can_do():
    caps = f"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='x' ver='{INFO.ver()}'/>"
    async with house() as (_, abroad, _ann):
        await abroad.say(f"<presence from='{BOB}/far' to='{ANN}'>{caps}</presence>")
        assert abroad.read() == []


async def test_events_of_contacts_elsewhere_reach_our_clients():
    event = f"<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='{NICK}'/></event>"
    async with house() as (_, abroad, ann):
        await abroad.say(
            f"<message from='{BOB}' to='{ANN}/phone' type='headline'>{event}</message>"
        )
        (came,) = ann.read()
        assert came.find(EVENT) is not None
