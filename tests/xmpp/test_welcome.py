"""What a client asked for while it logged in: refused, lost, bounded (XEP-0388, 0386, 0484)."""

import base64
import hmac
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from clarion.config.server import LimitsConfig
from clarion.core.model import Person
from clarion.lib.errors import UnavailableError
from clarion.wire.xmpp.sasl2 import BIND2, FAST, SASL2, SM
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.welcome import STABLE_CHARACTERS
from fakes.world import HEADER, FakeClient, World, world

AGENT = "<user-agent id='c1'><software>Awesome</software><device>A shelf</device></user-agent>"
BIND = f"<bind xmlns='{BIND2}'><tag>T</tag><enable xmlns='{SM}' resume='true'/></bind>"
WANTED = f"<request-token xmlns='{FAST}' mechanism='HT-SHA-256-NONE'/>"


def said(mechanism: str, message: bytes, wishes: str) -> str:
    initial = base64.b64encode(message).decode()
    return (
        f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>"
        f"<initial-response>{initial}</initial-response>{wishes}</authenticate>"
    )


def plain(wishes: str, password: str = "secret") -> str:
    return said("PLAIN", f"\0ann\0{password}".encode(), wishes)


def ht(token: str, wishes: str = AGENT) -> str:
    proof = hmac.digest(token.encode(), b"Initiator", "sha256")
    return said("HT-SHA-256-NONE", b"ann\0" + proof, f"<fast xmlns='{FAST}'/>{wishes}")


async def open_stream(here: World) -> FakeClient:
    client = here.connect("plain")
    await client.send(HEADER)
    client.read()
    return client


async def ask(here: World, what: str) -> tuple[FakeClient, Element]:
    """Log in on a new connection; the answer, once the threads have worked it out."""
    client = await open_stream(here)
    return client, await answer(client, what)


async def answer(client: FakeClient, what: str) -> Element:
    await client.send(what)
    while not (client.transport.reading and client.transport.unread) and not client.gone:
        await client.world.settle()
    return client.read()[0]


def name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def condition(element: Element) -> str:
    assert name(element) == "failure", element.tag
    return name(element[0])


def identifier(success: Element) -> str:
    assert name(success) == "success", success[0].tag
    return success.findtext(f"{{{SASL2}}}authorization-identifier", "")


def token(success: Element) -> str:
    found = success.find(f"{{{FAST}}}token")
    assert found is not None
    return found.get("token", "")


async def test_a_resource_is_the_same_each_time_and_tells_nothing():
    async with world("ann", "bob") as here:
        first = identifier((await ask(here, plain(AGENT + BIND)))[1])
        assert identifier((await ask(here, plain(AGENT + BIND)))[1]) == first
        resource = first.partition("/")[2]
        assert resource.startswith("T/")
        assert len(resource) == len("T/") + STABLE_CHARACTERS
        other = identifier((await ask(here, plain(AGENT.replace("c1", "c2") + BIND)))[1])
        assert other != first
        without = f"<bind xmlns='{BIND2}'/>"
        assert "T/" not in identifier((await ask(here, plain(without)))[1])


@pytest.mark.parametrize("tag", ["", "a\u0007b", "x" * 65, "\u00ad"])
async def test_a_tag_that_may_not_be_in_a_resource_is_left_out(tag: str):
    async with world("ann") as here:
        shown = tag.replace("\u0007", "&#9;")
        bind = f"<bind xmlns='{BIND2}'><tag>{shown}</tag></bind>"
        resource = identifier((await ask(here, plain(AGENT + bind)))[1]).partition("/")[2]
        assert len(resource) == STABLE_CHARACTERS


async def test_a_store_that_cannot_answer_refuses_the_log_in_and_it_may_be_tried_again():
    async with world("ann") as here:
        client = await open_stream(here)
        await answer(client, plain(BIND, "wrong"))  # now the keys are in memory
        here.database.fail_next_read(UnavailableError("the disk is gone"))
        assert condition(await answer(client, plain(BIND))) == "temporary-auth-failure"
        assert len(here.door.lifecycle) == 0
        assert "/T/" in identifier(await answer(client, plain(BIND)))


async def test_who_was_disabled_meanwhile_is_not_let_in():
    async with world("ann") as here:
        begin = here.door.lifecycle.begin

        async def disabled(*args: object) -> object:
            await here.directory.disable("ann@corp.example")
            return await begin(*args)  # type: ignore[arg-type]  # as they came

        here.door.lifecycle.begin = disabled  # type: ignore[method-assign,assignment]
        _, refused = await ask(here, plain(BIND))
        assert condition(refused) == "not-authorized"
        assert len(here.door.lifecycle) == 0


@pytest.mark.parametrize("wishes", [BIND, f"<resume xmlns='{SM}' previd='x' h='0'/>{BIND}", ""])
async def test_a_client_that_is_gone_leaves_no_session(wishes: str):
    async with world("ann") as here:
        client = await open_stream(here)
        settled, enter = here.archive.settled, here.people.enter

        async def gone(*args: object) -> None:
            await settled(*args)  # type: ignore[arg-type]  # as they came
            client.transport.close()
            await here.settle()

        async def gone_entering(person: Person) -> PersonEntity:
            await gone()
            return await enter(person)

        here.archive.settled = gone  # type: ignore[method-assign,assignment]
        here.people.enter = gone_entering  # type: ignore[method-assign]
        with capture_logs() as lines:
            await client.send(plain(wishes))
            for _ in range(200):
                await here.settle()
        client.transport.close()
        await here.settle()
        assert [line for line in lines if line["log_level"] == "error"] == []
        assert len(here.door.lifecycle) == 0


async def test_wrong_tokens_are_slowed_like_wrong_passwords():
    async with world("ann", limits=LimitsConfig(login_failures_person=2)) as here:
        for _ in range(2):
            assert condition((await ask(here, ht("x" * 70)))[1]) == "not-authorized"
        client = await open_stream(here)
        await client.send(ht("x" * 70))
        assert client.read() == []
        await here.advance(1)
        assert condition(client.read()[0]) == "not-authorized"


async def test_a_token_that_was_good_once_is_no_guess():
    async with world("ann", limits=LimitsConfig(login_failures_person=1)) as here:
        given = token((await ask(here, plain(AGENT + WANTED)))[1])
        await here.advance(22 * 86_400)
        for _ in range(3):
            assert condition((await ask(here, ht(given)))[1]) == "credentials-expired"


async def test_a_store_that_cannot_say_which_tokens_there_are():
    async with world("ann") as here:
        here.database.fail_next_read(UnavailableError("the disk is gone"))
        _, refused = await ask(here, ht("x" * 70))
        assert condition(refused) == "temporary-auth-failure"


async def test_a_token_keeps_what_the_password_may_do():
    async with world("ann") as here:
        person = here.directory.person("ann@corp.example")
        assert person is not None
        password = await here.identity.new_app_password(person, "phone")
        given = token((await ask(here, plain(AGENT + WANTED, password)))[1])
        client, success = await ask(here, ht(given, AGENT + BIND))
        identifier(success)
        assert client.connection.context is not None
        assert client.connection.context.session.label == "phone"


async def test_who_asks_while_letting_go_gets_a_new_one():
    async with world("ann") as here:
        given = token((await ask(here, plain(AGENT + WANTED)))[1])
        use = ht(given, AGENT + WANTED).replace(
            f"xmlns='{FAST}'/>", f"xmlns='{FAST}' invalidate='1'/>", 1
        )
        new = token((await ask(here, use))[1])
        assert new != given
        identifier((await ask(here, ht(new)))[1])
        assert condition((await ask(here, ht(given)))[1]) == "not-authorized"


async def test_a_password_that_is_being_changed_gives_no_token():
    async with world("ann") as here:
        client = await open_stream(here)
        await answer(client, plain(AGENT, "wrong"))  # now the keys are in memory
        person = here.directory.person("ann@corp.example")
        assert person is not None
        async with here.identity._lock(person):
            success = await answer(client, plain(AGENT + WANTED))
        assert success.find(f"{{{FAST}}}token") is None


async def test_without_tokens_none_are_offered_given_or_taken():
    async with world("ann") as here:
        here.tokens._lifetime = 0
        client = here.connect("plain")
        await client.send(HEADER)
        features = client.read()[0]
        assert features.find(f".//{{{FAST}}}fast") is None
        assert condition(await answer(client, ht("x" * 70))) == "invalid-mechanism"
        success = await answer(client, plain(AGENT + WANTED))
        assert success.find(f"{{{FAST}}}token") is None
