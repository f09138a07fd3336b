"""XEP-0077; the talks show what goes over the wire."""

import base64

import pytest

from clarion.config.chat import XmppConfig
from clarion.core.events import AdministrationDone
from clarion.core.registration import Registrar
from clarion.lib.errors import UnavailableError
from clarion.xmpp.ext import ALL, chosen
from clarion.xmpp.ext.bytestreams import bytestreams
from clarion.xmpp.ext.registration import registration
from fakes.world import DOMAIN, HEADER, World, world


def test_it_is_off_by_default():
    assert XmppConfig().registration == "off"


@pytest.mark.parametrize(("mode", "on"), [("off", False), ("password", True), ("open", True)])
def test_the_feature_is_there_only_where_it_is_on(mode: str, on: bool):
    assert (registration in chosen(mode)) is on
    assert set(ALL) - set(chosen(mode)) <= {registration}
    assert set(chosen(mode)) - set(chosen(mode, proxy=False)) == {bytestreams}


async def ask(here: World, payload: str, kind: str = "set"):
    client = here.connect()
    await client.send(HEADER + f"<iq type='{kind}' id='r'>{payload}</iq>")
    for _ in range(100_000):
        found = [one for one in client.read() if one.tag.endswith("}iq")]
        if found:
            return found[0]
        await here.settle()
    raise AssertionError("no answer came")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
async def test_an_app_password_does_not_change_the_account(mechanism: str):
    async with world("ann") as here:
        register(here)
        person = here.directory.require_person(f"ann@{DOMAIN}")
        secret = await here.identity.new_app_password(person, "phone")
        client = here.connect("plain")
        if mechanism == "PLAIN":
            given = base64.b64encode(f"\0ann\0{secret}".encode()).decode()
            auth = (
                f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{given}</auth>"
            )
            await client.send(HEADER + auth)
            while b"success" not in client.transport.unread:
                await here.settle()
            await client.send(
                HEADER
                + "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
            )
        else:
            await client.log_in("ann", secret)
        assert client.connection.context is not None
        assert client.connection.context.session.label == "phone"
        new = "<username>ann</username><password>mine</password>"
        for inner in (new, "<remove/>"):
            await client.send(
                f"<iq type='set' id='1'><query xmlns='jabber:iq:register'>{inner}</query></iq>"
            )
            assert client.read()[-1].find(".//{*}not-allowed") is not None
        assert await here.identity.check_plain(f"ann@{DOMAIN}", "secret")


def register(here: World) -> None:
    here.services.registration = Registrar(here.directory, here.identity, here.clock, accounts=True)


async def test_where_it_is_off_everybody_is_told_so():
    async with world("ann") as here:
        answer = await ask(here, "<query xmlns='jabber:iq:register'/>", "get")
        assert answer.find(".//{*}service-unavailable") is not None
        client = await here.log_in("ann")
        await client.send("<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>")
        assert client.read()[-1].find(".//{*}service-unavailable") is not None


@pytest.mark.parametrize(
    ("inner", "wrong"),
    [
        ("<username>bob</username>", "not-acceptable"),
        ("<password>x</password>", "not-acceptable"),
        ("<username>b@b</username><password>x</password>", "not-acceptable"),
        (f"<username>{'b' * 1024}</username><password>x</password>", "not-acceptable"),
        ("<username>ann</username><password>x</password>", "conflict"),
        ("<username>sales</username><password>x</password>", "conflict"),
        ("<remove/>", "unexpected-request"),
        ("<remove/><username>ann</username>", "bad-request"),
        ("<x xmlns='jabber:x:data'/>", "bad-request"),
    ],
)
async def test_what_cannot_be_registered_is_refused(inner: str, wrong: str):
    async with world("ann") as here:
        register(here)
        await here.directory.add_department(f"sales@{DOMAIN}")
        answer = await ask(here, f"<query xmlns='jabber:iq:register'>{inner}</query>")
        assert answer.find(f".//{{*}}{wrong}") is not None
        assert len(here.directory.persons()) == 1


async def test_a_form_is_taken_before_the_fields_beside_it():
    async with world("ann") as here:
        register(here)
        told: list[AdministrationDone] = []
        here.bus.subscribe(AdministrationDone, told.append)
        answer = await ask(
            here,
            "<query xmlns='jabber:iq:register'><username>nobody</username>"
            "<x xmlns='jabber:x:data' type='submit'>"
            "<field var='username'><value>Bob</value></field>"
            "<field var='password'><value>secret</value></field></x></query>",
        )
        assert answer.get("type") == "result"
        assert here.directory.person(f"nobody@{DOMAIN}") is None
        assert [event.verb for event in told] == ["person.register"]
        await here.log_in("bob")


async def test_the_store_may_refuse():
    async with world("ann") as here:
        register(here)
        here.database.fail_next(UnavailableError("the store is full"), 100)
        answer = await ask(
            here,
            "<query xmlns='jabber:iq:register'><username>bob</username>"
            "<password>secret</password></query>",
        )
        assert answer.find(".//{*}resource-constraint") is not None
        assert here.directory.person(f"bob@{DOMAIN}") is None
        here.database._failures.clear()
