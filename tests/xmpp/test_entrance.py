"""The way in: log-in and binding, slowed or cut off where that is due; without sockets."""

import asyncio
import base64
import contextlib
import gc
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from clarion.config.server import LimitsConfig
from clarion.lib.errors import UnavailableError
from clarion.xmpp.entrance import Entrance
from clarion.xmpp.login import LogIn
from fakes.world import DOMAIN, HEADER, FakeClient, World, world

BOB = f"bob@{DOMAIN}"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
PING = "<iq type='get' id='{}'><ping xmlns='urn:xmpp:ping'/></iq>"


def plain(name: str, password: str = "secret", authzid: str = "") -> str:
    text = base64.b64encode(f"{authzid}\0{name}\0{password}".encode()).decode()
    return f"<auth xmlns='{SASL}' mechanism='PLAIN'>{text}</auth>"


def names(elements: list[Element]) -> list[str]:
    """Return what came: a condition for failures and errors, else the element's name."""
    told = []
    for element in elements:
        name = element.tag.rpartition("}")[2]
        told.append(element[0].tag.rpartition("}")[2] if name in {"failure", "error"} else name)
    return told


async def knock(here: World, chunk: int = 4096) -> FakeClient:
    """Connect a client and open its stream."""
    client = here.connect(chunk=chunk)
    await client.send(HEADER)
    client.read()
    return client


async def hashed(here: World, client: FakeClient) -> None:
    """Wait until a password that came was hashed, in a thread of its own, and answered."""
    for _ in range(500):
        await here.settle()
        if (client.transport.reading and client.transport.unread) or client.gone:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no answer to a password")


async def test_a_password_in_the_clear_is_taken_where_that_is_allowed():
    async with world("bob") as here:
        client = await knock(here)
        await client.send(plain("bob"))
        await hashed(here, client)
        assert names(client.read()) == ["success"]


@pytest.mark.parametrize(
    ("name", "password", "authzid", "told"),
    [
        ("bob", "wrong", "", "not-authorized"),
        ("nobody", "secret", "", "not-authorized"),
        ("@@", "secret", "", "not-authorized"),
        ("bob", "secret", f"ann@{DOMAIN}", "invalid-authzid"),
        ("bob", "secret", "@@", "invalid-authzid"),
        ("bob", "secret", BOB, "success"),
        (BOB, "secret", "bob", "success"),
        ("BOB", "secret", "", "success"),
    ],
)
async def test_who_logs_in_as_whom(name: str, password: str, authzid: str, told: str):
    async with world("ann", "bob") as here:
        client = await knock(here)
        await client.send(plain(name, password, authzid))
        await hashed(here, client)
        assert names(client.read()) == [told]


async def test_a_store_that_cannot_answer_refuses_a_scram_log_in_for_now():
    async with world("bob") as here:
        client = await knock(here)
        here.database.fail_next_read(UnavailableError("the disk is broken"))
        first = base64.b64encode(b"n,,n=bob,r=0123456789abcdef").decode()
        with capture_logs() as lines:
            await client.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{first}</auth>")
        assert names(client.read()) == ["temporary-auth-failure"]
        assert [line["why"] for line in lines] == ["the disk is broken"]
        assert not client.gone
        assert (await client.authenticate("bob")).tag == f"{{{SASL}}}success"


async def test_a_store_that_cannot_answer_refuses_a_password_for_now():
    async with world("bob") as here:
        client = await knock(here)
        here.database.fail_next_read(UnavailableError("the disk is broken"))
        await client.send(plain("bob"))
        assert names(client.read()) == ["temporary-auth-failure"]
        # It did not count as a failed attempt.
        await client.send(plain("bob"))
        await hashed(here, client)
        assert names(client.read()) == ["success"]


async def test_a_fault_at_log_in_ends_this_stream_only(monkeypatch: pytest.MonkeyPatch):
    async with world("bob") as here:
        other = await here.log_in("bob")

        async def fail(address: str, hash_name: str) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(here.identity, "scram", fail)
        client = await knock(here)
        with capture_logs() as lines:
            await client.authenticate("bob")
        assert [line["log_level"] for line in lines if line["log_level"] == "error"] == ["error"]
        assert client.gone
        await other.send(PING.format(1))
        assert names(other.read()) == ["iq"]


async def test_failed_log_ins_are_answered_later_and_later():
    limits = LimitsConfig(login_failures_person=2)
    async with world("bob", limits=limits) as here:
        for _ in range(2):
            assert names([await (await knock(here)).authenticate("bob", "wrong")]) == [
                "not-authorized"
            ]
        waits = []
        for _ in range(3):
            client, began = await attempt(here), here.clock.monotonic()
            while not names(client.read()):
                await here.advance(0.5)
            waits.append(here.clock.monotonic() - began)
        assert waits == [1, 2, 4]


async def attempt(here: World, name: str = "bob", password: str = "wrong") -> FakeClient:
    """Send a proof over a new connection; does not wait for the answer's time."""
    client = await knock(here)
    with contextlib.suppress(IndexError):  # there is no answer yet
        await client.authenticate(name, password)
    return client


async def test_attempts_in_parallel_are_held_one_behind_the_other():
    limits = LimitsConfig(login_failures_person=1)
    async with world("bob", limits=limits) as here:
        await attempt(here)  # the free one
        held = [await attempt(here) for _ in range(3)]
        assert [names(client.read()) for client in held] == [[], [], []]
        answered: list[float] = []
        for second in range(1, 15):
            await here.advance(1)
            answered += [second for client in held if "not-authorized" in names(client.read())]
        assert len(answered) == 3
        assert answered == sorted(set(answered))
        # Nobody else waits.
        assert (await attempt(here, "nobody")).transport.reading


async def test_a_connection_lost_while_its_log_in_is_held_counts_and_hurts_nobody():
    limits = LimitsConfig(login_failures_person=1)
    async with world("bob", limits=limits) as here:
        await attempt(here)
        client = await attempt(here, password="secret")
        assert client.read() == []
        await client.hang_up()
        with capture_logs() as lines:
            await here.advance(30)
        assert [line for line in lines if line["log_level"] in ("error", "warning")] == []
        assert len(here.door.lifecycle) == 0
        assert client.connection not in here.door.connections


@pytest.mark.parametrize("password", ["secret", "wrong"])
async def test_a_log_in_held_beyond_the_time_for_it_ends_and_stays_ended(password: str):
    limits = LimitsConfig(login_failures_person=1, login_time=1)
    async with world("bob", limits=limits) as here:
        await attempt(here)
        for _ in range(2):
            client = await attempt(here, password=password)
        await here.advance(1)
        assert "connection-timeout" in names(client.read())
        assert client.gone
        with capture_logs() as lines:
            await here.advance(40)
        assert [line for line in lines if line["log_level"] == "error"] == []
        assert len(here.door.lifecycle) == 0


async def test_too_many_held_attempts_are_refused_unseen():
    limits = LimitsConfig(login_failures_person=1)
    async with world("bob", limits=limits) as here:
        await attempt(here)
        for _ in range(7):
            await attempt(here, password="secret")
        last = await knock(here)
        assert names([await last.authenticate("bob")]) == ["temporary-auth-failure"]


async def test_too_many_failed_log_ins_end_the_stream():
    async with world("bob", limits=LimitsConfig(login_attempts=2)) as here:
        client = await knock(here)
        await client.authenticate("bob", "wrong")
        await client.authenticate("bob", "wrong")
        assert client.gone


async def test_who_takes_too_long_to_log_in_is_cut():
    async with world("bob") as here:
        client = await knock(here)
        await here.advance(here.limits.login_time)
        assert names(client.read()) == ["connection-timeout"]
        assert client.gone
        # Who has logged in has all the time of the world.
        bob = await here.log_in("bob")
        await here.advance(here.limits.login_time)
        assert not bob.gone


async def test_a_client_that_pipelines_is_served_in_order():
    async with world("bob") as here:
        client = await knock(here)
        await client.authenticate("bob")
        await client.send(
            HEADER
            + "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
            + PING.format("p")
            + "</stream:stream>"
        )
        elements = client.read()
        assert [element.get("id") for element in elements if element.get("id")] == ["b", "p"]
        assert client.over
        assert client.gone


async def test_who_is_in_needs_nothing_of_the_way_in_any_more():
    async with world("bob") as here:
        stranger = await knock(here)
        assert on_the_way_in() == {Entrance: 1, LogIn: 1}
        bob = await here.log_in("bob")
        assert on_the_way_in() == {Entrance: 1, LogIn: 1}
        await stranger.hang_up()
        assert on_the_way_in() == {Entrance: 0, LogIn: 0}
        await bob.send(PING.format(1))
        assert names(bob.read()) == ["iq"]


def on_the_way_in() -> dict[type, int]:
    """Count what is in memory of connections that carry no session yet."""
    gc.collect()
    kinds = [type(each) for each in gc.get_objects()]
    return {kind: kinds.count(kind) for kind in (Entrance, LogIn)}
