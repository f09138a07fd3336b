"""XEP-0357 with push services of other servers: what they say, and what is said of them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from clarion.wire.xmpp.errors import StanzaCondition
from clarion.xmpp.federation.links import Links
from fakes.outside import THERE, Abroad
from fakes.world import DOMAIN, World, world

NS = "urn:xmpp:push:0"
ENABLE = f"<iq type='set' id='on'><enable xmlns='{NS}' jid='push.{THERE}' node='n'/></iq>"
GONE = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


@asynccontextmanager
async def told(service: str = THERE) -> AsyncGenerator[tuple[World, Abroad, str], None]:
    """Ann has a push service there, which was sent a notification; with its id."""
    async with world("ann", "bob") as here:
        abroad = Abroad(here)
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(ENABLE.replace(f"push.{THERE}", service) + "</stream:stream>")
        await bob.send(f"<message to='ann@{DOMAIN}' type='chat'><body>hello</body></message>")
        (asked,) = abroad.read()
        assert (asked.get("to"), asked.get("from"), asked.get("type")) == (service, DOMAIN, "set")
        yield here, abroad, asked.get("id") or ""


def record(here: World) -> list[tuple[str, str]]:
    person = here.directory.person(f"ann@{DOMAIN}")
    assert person is not None
    (device,) = here.devices.of(person.number)
    return [(one.what, one.why) for one in here.devices.record(device.key)]


@pytest.mark.parametrize("service", [THERE, f"app@{THERE}", f"app@{THERE}/push"])
async def test_a_result_is_taken(service: str):
    async with told(service) as (here, abroad, name):
        await abroad.say(f"<iq type='result' from='x@{THERE}' to='{DOMAIN}' id='{name}'/>")
        assert record(here)[-1][0] == "sent"  # it is not who was asked
        await abroad.say(f"<iq type='result' from='{service}' to='{DOMAIN}' id='{name}'/>")
        assert record(here)[-1] == ("answered", "the push service took it")


async def test_a_lasting_error_gives_it_up():
    async with told() as (here, abroad, name):
        error = f"<iq type='error' from='{THERE}' to='{DOMAIN}' id='{name}'>{GONE}</iq>"
        await abroad.say(error)
        assert record(here)[-1] == ("given up", "item-not-found")


async def test_a_server_that_cannot_be_reached_is_an_error_at_once():
    async with world("ann", "bob") as here:
        links = Links(here.services, None, lambda domain: False)
        abroad = Abroad(here)
        here.services.router.add("domain", links.take)  # type: ignore[attr-defined]  # of one node
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(ENABLE + "</stream:stream>")
        await bob.send(f"<message to='ann@{DOMAIN}' type='chat'><body>hello</body></message>")
        assert abroad.read() == []
        assert [what for what, _ in record(here)][:2] == ["sent", "error"]
        assert StanzaCondition.REMOTE_SERVER_NOT_FOUND.value in record(here)[1][1]


async def test_what_else_comes_for_the_server_itself_is_dropped():
    async with told() as (here, abroad, name):
        stray = f"<message from='{THERE}' to='{DOMAIN}' type='error' id='{name}'>{GONE}</message>"
        await abroad.say(stray)
        assert [what for what, _ in record(here)] == ["sent"]
