"""Rooms and people of other servers, without sockets (XEP-0045)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from xml.etree.ElementTree import Element

import pytest

from clarion.core.rooms import Affiliated, Affiliation, RoomConfig
from clarion.lib.errors import UnavailableError
from clarion.wire.xmpp.names import BODY, CLIENT
from fakes.outside import THERE, Abroad
from fakes.world import DOMAIN, ROOMS, FakeClient, World, world

ROOM = f"tea@{ROOMS}"
BOB = f"bob@{THERE}"
MUC = "http://jabber.org/protocol/muc"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
MAM = "<query xmlns='urn:xmpp:mam:2'/>"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


@asynccontextmanager
async def room(
    affiliation: Affiliation = Affiliation.NONE, *, public: bool = True
) -> AsyncGenerator[tuple[World, Abroad, FakeClient], None]:
    """A room with Ann in it, and Bob's server."""
    async with world("ann") as here:
        abroad = Abroad(here)
        given = [Affiliated(f"ann@{DOMAIN}", Affiliation.OWNER)]
        if affiliation is not Affiliation.NONE:
            given.append(Affiliated(BOB, affiliation))
        await here.book.create(ROOM, RoomConfig(persistent=True, public=public), given)
        ann = await here.log_in("ann")
        await ann.send(f"<presence to='{ROOM}/Ann'><x xmlns='{MUC}'/></presence>")
        ann.read()
        yield here, abroad, ann


async def enter(abroad: Abroad) -> list[Element]:
    x = f"<x xmlns='{MUC}'/>"
    await abroad.say(f"<presence from='{BOB}/far' to='{ROOM}/Bob'>{x}</presence>")
    return abroad.read()


async def ask(abroad: Abroad, kind: str, payload: str, to: str = ROOM) -> Element:
    await abroad.say(f"<iq from='{BOB}/far' to='{to}' type='{kind}' id='q'>{payload}</iq>")
    return abroad.read()[-1]


def said(body: str = "hello") -> str:
    return (
        f"<message from='{BOB}/far' to='{ROOM}' type='groupchat' id='m1'>"
        f"<body>{body}</body></message>"
    )


def condition(element: Element) -> str:
    error = element.find(f"{{{CLIENT}}}error")
    return "" if error is None else error[0].tag.removeprefix(ERRORS)


async def test_what_is_said_is_kept_and_goes_to_everybody():
    async with room() as (_, abroad, ann):
        came = await enter(abroad)
        assert [one.get("to") for one in came] == [f"{BOB}/far"] * len(came)
        assert came[-1].find(f"{{{CLIENT}}}subject") is not None
        await abroad.say(said())
        (own,) = abroad.read()
        assert (own.get("from"), own.findtext(BODY)) == (f"{ROOM}/Bob", "hello")
        assert "hello" in [one.findtext(BODY) for one in ann.read()]
        assert (await ask(abroad, "set", MAM)).get("type") == "result"


@pytest.mark.parametrize(
    ("public", "affiliation", "why"),
    [
        (True, Affiliation.NONE, ""),
        (True, Affiliation.OUTCAST, "forbidden"),
        (False, Affiliation.NONE, "registration-required"),
        (False, Affiliation.MEMBER, ""),
    ],
)
async def test_who_gets_in(public: bool, affiliation: Affiliation, why: str):
    async with room(affiliation, public=public) as (_, abroad, _ann):
        answer = await ask(abroad, "set", MAM)
        assert condition(answer) == ("forbidden" if why else "")
        assert condition((await enter(abroad))[-1]) == why


async def test_a_room_that_is_not_listed_does_not_tell_guests_what_goes_on():
    async with room(public=False) as (_, abroad, ann):
        told = await ask(abroad, "get", INFO)
        assert "muc#roominfo_occupants" not in [one.get("var") for one in told.iter()]
        await ann.send(f"<iq type='get' id='i' to='{ROOM}'>{INFO}</iq>")
        assert "muc#roominfo_occupants" in [one.get("var") for one in ann.read()[-1].iter()]


async def test_what_could_not_be_kept_its_sender_is_told():
    async with room() as (here, abroad, _):
        await enter(abroad)
        here.database.fail_next(UnavailableError("the disk is full"))
        await abroad.say(said())
        error = [one for one in abroad.read() if one.get("type") == "error"]
        assert [one.get("id") for one in error] == ["m1"]


async def test_whoever_cannot_be_reached_any_more_is_out():
    async with room() as (_, abroad, ann):
        await enter(abroad)
        ann.read()
        inner = f"<error type='wait'><remote-server-timeout xmlns='{ERRORS[1:-1]}'/></error>"
        await abroad.say(
            f"<message from='{BOB}/far' to='{ROOM}/Ann' type='error' id='x'>{inner}</message>"
        )
        gone = ann.read()[-1]
        assert (gone.get("from"), gone.get("type")) == (f"{ROOM}/Bob", "unavailable")


async def test_the_directory_is_not_for_guests():
    async with room() as (_, abroad, _ann):
        await enter(abroad)
        answer = await ask(abroad, "get", "<vCard xmlns='vcard-temp'/>", f"{ROOM}/Ann")
        assert condition(answer) == "forbidden"


async def test_guests_make_no_rooms_and_ask_properly():
    async with room() as (_, abroad, _ann):
        x = f"<x xmlns='{MUC}'/>"
        await abroad.say(f"<presence from='{BOB}/far' to='new@{ROOMS}/Bob'>{x}</presence>")
        assert condition(abroad.read()[-1]) == "not-allowed"
        await abroad.say(f"<iq from='{BOB}/far' to='{ROOM}' type='gett' id='q'>{INFO}</iq>")
        assert condition(abroad.read()[-1]) == "bad-request"
        assert condition(await ask(abroad, "get", "<x xmlns='y'/>")) == "service-unavailable"
