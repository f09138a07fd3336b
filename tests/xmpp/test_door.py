"""The door: how many may come in, who gets what, and how it closes."""

import asyncio
import socket
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from clarion.config.server import LimitsConfig
from clarion.config.values import Endpoint
from clarion.core.ports import Parcel, SessionId
from clarion.lib.errors import UsageError
from clarion.xmpp.door import token
from clarion.xmpp.ports import TakenPort
from fakes.world import DOMAIN, HEADER, FakeClient, world

BOB = f"bob@{DOMAIN}"
CUT = "too many connections from one address; the new one was cut"


def cuts(lines: list[Any]) -> list[str]:
    return [line["limit"] for line in lines if line["event"] == CUT]


# -- how many may come in ------------------------------------------------------------------------


async def test_one_address_has_so_many_connections_and_no_more():
    limits = LimitsConfig(connections_per_address=3, strangers_per_address=3)
    async with world("bob", limits=limits) as here:
        clients = [await here.log_in("bob", str(number)) for number in range(3)]
        with capture_logs() as lines:
            refused = here.connect()
            other = FakeClient(here, "plain", 4096, "192.0.2.2")
        assert cuts(lines) == ["limits.connections_per_address"]
        assert refused.gone
        assert not other.gone
        await here.settle()
        await clients[0].hang_up()
        assert not here.connect().gone


async def test_strangers_from_one_address_are_fewer_and_who_logs_in_is_none():
    limits = LimitsConfig(connections_per_address=10, strangers_per_address=2)
    async with world("bob", limits=limits) as here:
        strangers = [here.connect() for _ in range(2)]
        with capture_logs() as lines:
            refused = here.connect()
        assert cuts(lines) == ["limits.strangers_per_address"]
        assert (lines[-1]["peer"], lines[-1]["most"]) == ("192.0.2.1", 2)
        assert refused.gone
        assert not FakeClient(here, "plain", 4096, "192.0.2.2").gone
        # Whoever gets a session makes room for another stranger; so does who leaves.
        await strangers[0].log_in("bob")
        strangers.append(here.connect())
        assert here.connect().gone
        await strangers[1].hang_up()
        assert not here.connect().gone
        # A session that ends frees no place of a stranger.
        await strangers[0].hang_up()
        assert here.connect().gone


async def test_who_resumes_is_no_stranger_either():
    limits = LimitsConfig(strangers_per_address=1)
    async with world("bob", limits=limits) as here:
        client = await here.log_in("bob")
        await client.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        previous = client.read()[-1].get("id")
        await client.hang_up()
        again = here.connect()
        await again.send(HEADER)
        await again.authenticate("bob")
        assert here.connect().gone
        await again.send(HEADER + f"<resume xmlns='urn:xmpp:sm:3' previd='{previous}' h='0'/>")
        assert again.read()[-1].tag.endswith("resumed")
        assert not here.connect().gone


async def test_strangers_do_not_fill_the_log():
    limits = LimitsConfig(strangers_per_address=1)
    async with world(limits=limits) as here:
        here.connect()
        with capture_logs() as lines:
            for _ in range(20):
                here.connect()
            await here.advance(1)
            here.connect()
        assert len(cuts(lines)) == 6
        assert [line["left_out"] for line in lines if "left_out" in line] == [15]
        with capture_logs() as lines:
            for number in range(20):
                client = FakeClient(here, "plain", 4096, f"192.0.2.{number + 10}")
                await client.send("no xml")
                assert client.gone
        assert [line["event"] for line in lines if line["log_level"] == "info"] == [
            "stream ended"
        ] * 5


async def test_when_all_have_left_nothing_is_counted_any_more():
    async with world("bob") as here:
        clients = [here.connect(), await here.log_in("bob")]
        for client in clients:
            await client.hang_up()
        assert here.door.connections == set()
        assert not here.door._turnstile._by_host
        assert not here.door._turnstile._strangers_by_host
        assert not here.door._turnstile._strangers


# -- who gets what --------------------------------------------------------------------------------


async def test_parcels_for_nobody_and_for_resources_that_are_gone_are_dropped():
    async with world("bob") as here:
        bob = await here.log_in("bob")
        for address, resource in (("nobody@corp.example", ""), (BOB, "gone")):
            for name in ("message", "presence", "iq"):
                parcel = Parcel(name, "", f"ann@{DOMAIN}", resource, b"<dropped/>")
                here.door._take(address, parcel)
        here.door._take(BOB, Parcel("iq", "get", f"ann@{DOMAIN}", "phone", b"<iq id='1'/>"))
        await here.settle()
        assert [element.get("id") for element in bob.read()] == ["1"]


async def test_stanzas_for_a_session_reach_it_wherever_it_is():
    async with world("bob") as here:
        bob = await here.log_in("bob")
        (context,) = here.door.lifecycle.contexts()
        here.services.router.to_session(context.session.id, b"<iq id='1'/>")
        here.services.router.to_session(SessionId("gone"), b"<iq id='2'/>")
        await here.settle()
        assert [element.get("id") for element in bob.read()] == ["1"]


async def test_who_is_disabled_is_shown_out():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await here.directory.disable(BOB)
        await here.settle()
        assert bob.read()[-1][0].tag.endswith("not-authorized")
        assert bob.gone
        assert not ann.gone


async def test_sessions_learn_what_changes_about_their_person():
    async with world("bob") as here:
        await here.log_in("bob")
        person = here.directory.person(BOB)
        assert person is not None
        await here.directory.change_person(BOB, name="Robert")
        (context,) = here.door.lifecycle.contexts()
        assert context.person.name == context.entity.person.name == "Robert"


# -- opening and closing ---------------------------------------------------------------------------


async def test_everybody_is_told_when_the_door_closes_and_levels_are_kept():
    async with world("ann", "bob") as here:
        async with here.door.serve(()):
            ann, bob = await here.log_in("ann"), await here.log_in("bob")
            await bob.send("<enable xmlns='urn:xmpp:sm:3'/><presence/>")
            bob.read()
            await ann.send(f"<message to='{BOB}' type='chat'><body>hi</body></message>")
            await bob.send("<a xmlns='urn:xmpp:sm:3' h='2'/>")
            stranger = here.connect()
            await stranger.send(HEADER)
        for client in (ann, bob, stranger):
            assert client.read()[-1][0].tag.endswith("system-shutdown")
            assert client.gone
        assert len(here.door.lifecycle) == 0
        assert here.door.connections == set()
        number = here.directory.person(BOB)
        assert number is not None
        newest = await here.archive.newest()
        assert (await here.archive.received_up_to(number.number)).up_to >= newest


async def test_who_does_not_go_in_time_is_cut():
    async with world("bob", limits=LimitsConfig(drain_time=0)) as here:
        async with here.door.serve(()):
            client = await here.log_in("bob")
            closing = client.transport.close
            client.transport.close = lambda: None  # type: ignore[method-assign]  # goes on for ever
            client.transport.abort = closing  # type: ignore[method-assign]  # but not for ever
        assert client.gone
        await here.settle()


async def test_a_port_that_is_taken_meanwhile_is_one_clear_line(monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: object, **__: object) -> None:
        raise OSError(98, "Address already in use")

    async with world() as here:
        monkeypatch.setattr(asyncio.get_running_loop(), "create_server", fail)
        port = TakenPort("plain", Endpoint("127.0.0.1", 5222), cast("socket.socket", None))
        with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1:5222: address"):
            async with here.door.serve((port,)):
                raise AssertionError


def test_tokens_are_long_and_never_the_same():
    tokens = {token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(text) == 32 for text in tokens)


async def test_a_network_of_ipv6_addresses_counts_as_one():
    limits = LimitsConfig(connections_per_address=2, strangers_per_address=2)
    async with world("bob", limits=limits) as here:
        for host in ("2001:db8::1", "2001:db8::2"):
            assert not FakeClient(here, "plain", 4096, host).gone
        assert FakeClient(here, "plain", 4096, "2001:db8::3").gone
        assert not FakeClient(here, "plain", 4096, "2001:db8:0:1::1").gone


async def test_a_fault_at_one_connection_holds_up_no_other(monkeypatch: pytest.MonkeyPatch):
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        bob.read()

        def breaks(data: Any) -> None:
            raise RuntimeError("the transport is broken")

        monkeypatch.setattr(ann.transport, "write", breaks)
        with capture_logs() as lines:
            ann.connection.write(b" ")  # first in the queue of this turn
            bob.connection.write(b"<message from='corp.example'/>")
            await here.settle()
        assert [line["log_level"] for line in lines if "fault" in line["event"]] == ["error"]
        assert [e.get("from") for e in bob.read()] == ["corp.example"]
        assert ann.gone
        assert not bob.gone


async def test_a_fault_while_looking_for_silent_clients_ends_one_connection_only(
    monkeypatch: pytest.MonkeyPatch,
):
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")

        def breaks(now: float) -> None:
            raise RuntimeError("out of order")

        monkeypatch.setattr(ann.connection, "sweep", breaks)
        swept: list[float] = []
        monkeypatch.setattr(bob.connection, "sweep", swept.append)
        here.door.look_around(5.0)
        await here.settle()
        assert swept == [5.0]
        assert (ann.gone, bob.gone) == (True, False)
