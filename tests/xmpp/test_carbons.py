"""XEP-0280: turning copies on and off; what is copied: ``test_copies.py``, ``test_copiers.py``."""

import pytest

from fakes.world import DOMAIN, FakeClient, world

NS = "urn:xmpp:carbons:2"
ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"


def iq(what: str, to: str | None = None) -> str:
    address = "" if to is None else f" to='{to}'"
    return f"<iq type='set' id='c'{address}><{what} xmlns='{NS}'/></iq>"


async def answer(client: FakeClient, request: str) -> str:
    await client.send(request)
    answer = client.read()[-1]
    error = answer.find("{jabber:client}error")
    return answer.get("type", "") if error is None else error[0].tag.rpartition("}")[2]


async def test_it_is_told_by_the_server():
    async with world("ann") as here:
        assert {NS, "urn:xmpp:carbons:rules:0"} <= set(here.services.features.server)


@pytest.mark.parametrize("to", [None, ANN])
async def test_it_is_turned_on_and_off_as_often_as_one_likes(to: str | None):
    async with world("ann") as here:
        ann = await here.log_in("ann")
        session = here.door.lifecycle.contexts()[0].session
        told = []
        for what in ("disable", "enable", "enable", "disable", "disable", "enable"):
            assert await answer(ann, iq(what, to)) == "result"
            told.append(session.carbons)
        assert told == [False, True, True, False, False, True]


@pytest.mark.parametrize("what", ["enable", "disable"])
async def test_it_is_for_ones_own_clients(what: str):
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        assert await answer(ann, iq(what, BOB)) == "not-allowed"
        assert await answer(ann, iq(what, f"nobody@{DOMAIN}")) == "service-unavailable"
        assert not here.door.lifecycle.contexts()[0].session.carbons


async def test_a_session_takes_its_wish_along_when_it_ends():
    async with world("ann") as here:
        phone, desk = await here.log_in("ann", "phone"), await here.log_in("ann", "desk")
        entity = here.people.get(ANN)
        assert entity is not None
        await answer(phone, iq("enable"))
        await desk.hang_up()
        assert entity.copiers is not None
        await phone.hang_up()
        assert entity.copiers is None
