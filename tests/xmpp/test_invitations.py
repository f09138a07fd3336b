"""XEP-0401 and XEP-0445: who is invited makes one account, and nobody else does."""

from typing import Any
from xml.etree.ElementTree import Element

import pytest

from clarion.core.events import AdministrationDone
from clarion.core.invitations import DAY, DAYS
from clarion.core.registration import ATTEMPTS
from clarion.lib.errors import UnavailableError
from clarion.xmpp.ext import ALL, chosen
from clarion.xmpp.ext.invitations import onboarding, preauthenticated
from fakes.world import DOMAIN, HEADER, FakeClient, World, world

STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
REGISTER = "jabber:iq:register"
COMMANDS = "http://jabber.org/protocol/commands"
NODE = "urn:xmpp:invite#create-account"


def test_the_feature_is_there_only_where_it_is_on():
    assert set(chosen("off")) - set(chosen("off", invite=False)) == {onboarding, preauthenticated}
    assert {onboarding, preauthenticated} <= set(ALL)


async def said(here: World, client: FakeClient, iq: str) -> Element:
    """Return the answer to a request; making an account takes a thread its time."""
    client.read()
    await client.send(iq)
    for _ in range(100_000):
        found = [one for one in client.read() if one.tag.endswith("}iq")]
        if found:
            return found[0]
        await here.settle()
    raise AssertionError("no answer came")


async def stranger(here: World) -> FakeClient:
    client = here.connect()
    await client.send(HEADER)
    return client


async def admitted(here: World, client: FakeClient, token: str) -> str:
    """Show a token; returns the error's condition, or nothing."""
    preauth = f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>"
    return condition(await said(here, client, f"<iq type='set' id='p'>{preauth}</iq>"))


async def registered(here: World, client: FakeClient, name: str, password: str = "secret") -> str:
    fields = f"<username>{name}</username><password>{password}</password>"
    query = f"<query xmlns='{REGISTER}'>{fields}</query>"
    return condition(await said(here, client, f"<iq type='set' id='r'>{query}</iq>"))


def condition(iq: Element) -> str:
    if iq.get("type") == "result":
        return ""
    error = iq.find("{jabber:client}error")
    assert error is not None
    return next(one.tag.removeprefix(STANZAS) for one in error)


async def test_an_invitation_makes_one_account_where_registration_is_off():
    async with world("ann") as here:
        told: list[Any] = []
        here.bus.subscribe(AdministrationDone, told.append)
        sales = await here.directory.add_department(f"sales@{DOMAIN}", "Sales")
        token, _ = await here.invitations.invite(None, name="Bob B", department=sales)
        client = await stranger(here)
        assert await registered(here, client, "bob") == "service-unavailable"
        assert await admitted(here, client, token.upper()) == ""
        assert await registered(here, client, "bob") == ""
        person = here.directory.require_person(f"bob@{DOMAIN}")
        assert person.name == "Bob B"
        assert here.directory.departments_of(person) == [sales]
        assert [(one.actor, one.verb) for one in told] == [(person.address, "person.register")]
        assert (await client.authenticate("bob")).tag.endswith("success")
        # Once.
        other = await stranger(here)
        assert await admitted(here, other, token) == "item-not-found"
        assert await registered(here, other, "cai") == "service-unavailable"


async def test_one_connection_makes_one_account():
    async with world() as here:
        token, _ = await here.invitations.invite(None)
        client = await stranger(here)
        await admitted(here, client, token)
        assert await registered(here, client, "bob") == ""
        assert await registered(here, client, "cai") == "service-unavailable"


async def test_two_who_have_one_token():
    async with world() as here:
        token, _ = await here.invitations.invite(None)
        one, two = await stranger(here), await stranger(here)
        assert await admitted(here, one, token) == await admitted(here, two, token) == ""
        assert await registered(here, one, "bob") == ""
        assert await registered(here, two, "cai") == "not-allowed"
        assert here.directory.person(f"cai@{DOMAIN}") is None


async def test_a_name_that_is_kept_is_for_the_invited_only():
    async with world() as here:
        token, _ = await here.invitations.invite(None, address=f"bob@{DOMAIN}")
        free, _ = await here.invitations.invite(None)
        thief = await stranger(here)
        await admitted(here, thief, free)
        assert await registered(here, thief, "bob") == "conflict"
        client = await stranger(here)
        await admitted(here, client, token)
        form = await said(here, client, f"<iq type='get' id='f'><query xmlns='{REGISTER}'/></iq>")
        assert form.findtext(f".//{{{REGISTER}}}username") == "bob"
        assert form.find(f".//{{{REGISTER}}}registered") is None
        assert await registered(here, client, "cai") == "not-allowed"
        assert await registered(here, client, "bob") == ""


async def test_expiry_matters_only_when_the_token_is_shown():
    async with world() as here:
        token, _ = await here.invitations.invite(None, address=f"bob@{DOMAIN}", days=1)
        here.clock.set_wall(here.clock.wall() + DAY - 1)
        client = await stranger(here)
        assert await admitted(here, client, token) == ""
        here.clock.set_wall(here.clock.wall() + 2)
        late = await stranger(here)
        assert await admitted(here, late, token) == "item-not-found"
        assert await registered(here, client, "bob") == ""


async def test_what_fails_uses_nothing_up():
    async with world("ann") as here:
        token, _ = await here.invitations.invite(None)
        client = await stranger(here)
        await admitted(here, client, token)
        assert await registered(here, client, "ann") == "conflict"
        assert await registered(here, client, "bob", "\u00ad") == "not-acceptable"
        here.database.fail_next(UnavailableError("full"))
        assert await registered(here, client, "bob") == "resource-constraint"
        assert [one.used for one in here.invitations.waiting()] == [0.0]
        assert await registered(here, client, "bob") == ""


async def test_wrong_tokens_are_counted_and_right_ones_are_not():
    async with world() as here:
        token, _ = await here.invitations.invite(None)
        client = await stranger(here)
        for _ in range(ATTEMPTS):
            assert await admitted(here, client, "wrong") == "item-not-found"
        assert await admitted(here, client, "wrong") == "not-acceptable"
        assert await admitted(here, client, "") == "bad-request"
        assert await admitted(here, client, "x" * 129) == "bad-request"
        assert await admitted(here, client, token) == ""


async def test_a_department_that_is_no_more_keeps_nobody_out():
    async with world() as here:
        sales = await here.directory.add_department(f"sales@{DOMAIN}", "Sales")
        token, _ = await here.invitations.invite(None, department=sales)
        await here.directory.remove_department(sales.address)
        client = await stranger(here)
        await admitted(here, client, token)
        assert await registered(here, client, "bob") == ""


async def test_the_invitations_of_who_is_deleted_end():
    async with world("ann") as here:
        ann = here.directory.require_person(f"ann@{DOMAIN}")
        token, _ = await here.invitations.invite(ann.number)
        await here.directory.delete(ann.address)
        assert await admitted(here, await stranger(here), token) == "item-not-found"
        assert await here.database.read("SELECT * FROM invitation") == []


async def test_where_they_are_off_nobody_is_admitted():
    async with world() as here:
        token, _ = await here.invitations.invite(None)
        here.services.invitations = None
        client = here.connect()
        await client.send(HEADER)
        assert b"ibr-token" not in client.transport.unread
        assert await admitted(here, client, token) == "service-unavailable"


# -- the command -------------------------------------------------------------------------


async def command(client: FakeClient, fields: dict[str, str], session: str = "") -> Element:
    form = "".join(
        f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items()
    )
    filled = f"<x xmlns='jabber:x:data' type='submit'>{form}</x>" if session else ""
    given = f" sessionid='{session}'" if session else ""
    client.read()
    await client.send(
        f"<iq type='set' id='c' to='{DOMAIN}'>"
        f"<command xmlns='{COMMANDS}' node='{NODE}'{given}>{filled}</command></iq>"
    )
    return client.read()[-1]


async def invited(client: FakeClient, **fields: str) -> Element:
    asked = await command(client, {})
    found = asked.find(f"{{{COMMANDS}}}command")
    assert found is not None
    return await command(client, fields, found.get("sessionid", ""))


def values(iq: Element) -> dict[str, str]:
    return {
        str(one.get("var")): one.findtext("{jabber:x:data}value") or ""
        for one in iq.iter("{jabber:x:data}field")
    }


async def test_an_administrator_invites():
    async with world("ann") as here:
        await here.directory.change_person(f"ann@{DOMAIN}", admin=True)
        await here.directory.add_department(f"sales@{DOMAIN}", "Sales")
        here.services.public = "https://chat.corp.example"
        told: list[Any] = []
        here.bus.subscribe(AdministrationDone, told.append)
        ann = await here.log_in("ann")
        got = values(await invited(ann, username="J\u00fcrgen", department="sales", days="2"))
        assert got["FORM_TYPE"] == "urn:xmpp:invite#invitation"
        start, _, token = got["uri"].partition(";preauth=")
        assert start == f"xmpp:j%C3%BCrgen@{DOMAIN}?register"
        assert got["landing-url"] == f"https://chat.corp.example/invite/#{token}"
        assert got["expire"] == "2025-06-17T15:06:40.000Z"
        assert [(one.verb, one.target) for one in told] == [
            ("person.invite", f"j\u00fcrgen@{DOMAIN}")
        ]
        client = await stranger(here)
        assert await admitted(here, client, token) == ""
        here.services.public = ""
        got = values(await invited(ann))
        assert got["uri"].startswith(f"xmpp:{DOMAIN}?register;preauth=")
        assert "landing-url" not in got
        assert here.invitations.waiting()[-1].expires == here.clock.wall() + DAYS * DAY


async def test_who_invites_and_who_is_invited_become_contacts():
    async with world("ann") as here:
        await here.directory.change_person(f"ann@{DOMAIN}", admin=True)
        ann = await here.log_in("ann")
        await ann.send("<presence/><iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
        got = values(await invited(ann, **{"roster-subscription": "true"}))
        client = await stranger(here)
        await admitted(here, client, got["uri"].partition("preauth=")[2])
        ann.read()
        assert await registered(here, client, "bob") == ""
        (push,) = ann.read()
        item = push.find(".//{jabber:iq:roster}item")
        assert item is not None
        assert (item.get("jid"), item.get("subscription")) == (f"bob@{DOMAIN}", "both")
        bob = await here.log_in("bob")
        await bob.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq><presence/>")
        came = bob.read()
        item = next(one for one in came if one.get("id") == "g").find(".//{jabber:iq:roster}item")
        assert item is not None
        assert (item.get("jid"), item.get("subscription")) == (f"ann@{DOMAIN}", "both")
        assert f"ann@{DOMAIN}/phone" in [one.get("from") for one in came]
        assert f"bob@{DOMAIN}/phone" in [one.get("from") for one in ann.read()]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"username": "ann"}, "not-acceptable"),
        ({"username": "a@b@c"}, "not-acceptable"),
        ({"department": "nowhere"}, "not-acceptable"),
        ({"days": "0"}, "not-acceptable"),
        ({"days": "soon"}, "not-acceptable"),
    ],
)
async def test_what_cannot_be(fields: dict[str, str], wrong: str):
    async with world("ann") as here:
        await here.directory.change_person(f"ann@{DOMAIN}", admin=True)
        ann = await here.log_in("ann")
        assert condition(await invited(ann, **fields)) == wrong
        assert here.invitations.waiting() == []


async def test_others_do_not_invite():
    async with world("bob") as here:
        bob = await here.log_in("bob")
        assert condition(await command(bob, {})) == "forbidden"


async def test_a_token_is_never_in_the_log(capsys: pytest.CaptureFixture[str]):
    async with world() as here:
        token, _ = await here.invitations.invite(None)
        client = await stranger(here)
        await admitted(here, client, token)
        await registered(here, client, "bob")
    assert token not in capsys.readouterr().out
