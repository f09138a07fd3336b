"""The driver of a stream between servers, and the owner of one that came in, without sockets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from clarion.config.server import LimitsConfig
from clarion.lib.peer_tls import connecting_context, listening_context
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.server_outgoing import OutgoingStream
from clarion.xmpp.federation.arrivals import Arrivals
from clarion.xmpp.federation.components import UNPROVEN_LIMIT, Components
from clarion.xmpp.federation.connection import (
    GOODBYE_SECONDS,
    UNREAD_LIMIT_BYTES,
    PeerConnection,
)
from clarion.xmpp.federation.links import Links
from clarion.xmpp.federation.outside import GUESTS_LIMIT, OutsideDoor
from clarion.xmpp.federation.policy import Contexts
from fakes.clock import FakeClock
from fakes.servers import A, B, rules
from fakes.world import FakeTransport, World, world


class Owner:
    """Owns an outgoing stream."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.connection = PeerConnection(self.clock, self)
        self.engine = OutgoingStream(rules(A), A, B, now=self.clock.monotonic())
        self.heard_of: list[object] = []
        self.over = 0
        self.transport = FakeTransport(self.connection, "192.0.2.1")
        self.connection.connection_made(self.transport)

    def begin(self, connection: PeerConnection) -> OutgoingStream:
        return self.engine

    def heard(self, event: object) -> None:
        self.heard_of.append(event)

    def gone(self) -> None:
        self.over += 1


async def test_the_header_goes_out_at_once_and_one_turn_is_one_write():
    owner = Owner()
    await asyncio.sleep(0)
    assert bytes(owner.transport.unread).startswith(b"<?xml version='1.0'?><stream:stream")


async def test_a_negotiation_that_takes_too_long_ends():
    owner = Owner()
    owner.clock.advance(59.9)
    assert not owner.transport.closed
    owner.clock.advance(0.2)
    assert owner.transport.closed
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert owner.over == 1
    owner.clock.advance(GOODBYE_SECONDS)
    assert owner.clock.pending == 0


async def test_a_server_that_does_not_read_is_cut_off():
    owner = Owner()
    await asyncio.sleep(0)
    owner.transport.connection = FakeReader()
    owner.transport.reads = False
    owner.engine.send(b"x" * (UNREAD_LIMIT_BYTES // 2))
    owner.connection.pump()
    await asyncio.sleep(0)
    assert owner.over == 0
    owner.engine.send(b"x" * (UNREAD_LIMIT_BYTES // 2 + 1))
    owner.connection.pump()
    await asyncio.sleep(0)
    assert owner.over == 1


class FakeReader(asyncio.Protocol):
    """Hears that the transport is full, and does not mind."""


async def test_an_end_in_the_middle_of_a_handshake_says_nothing():
    owner = Owner()
    await asyncio.sleep(0)
    owner.transport.unread.clear()
    owner.engine.waiting = True
    owner.connection.end(StreamError(StreamCondition.SYSTEM_SHUTDOWN))
    assert owner.transport.closed
    assert owner.over == 1
    assert not owner.transport.unread


# -- those who come ------------------------------------------------------------------------------


@asynccontextmanager
async def outside() -> AsyncGenerator[tuple[World, OutsideDoor, Components], None]:
    async with world() as here:
        services = here.services
        links = Links(services, None, lambda domain: False)
        arrivals = Arrivals(services, here.people, here.door.switchboard)
        components = Components(
            services, LimitsConfig(), {"gate.example": "secret"}, arrivals, links
        )
        contexts = Contexts(
            listening_context(None, minimum="1.2", ask=False, direct=False),
            listening_context(None, minimum="1.2", ask=False, direct=True),
            connecting_context(None, minimum="1.2", direct=False),
            connecting_context(None, minimum="1.2", direct=True),
        )
        peers = (rules("corp.example"), contexts)
        door = OutsideDoor(services, LimitsConfig(), links, arrivals, components, peers)
        yield here, door, components


def come(connection: PeerConnection, host: str = "192.0.2.1") -> FakeTransport:
    transport = FakeTransport(connection, host)
    connection.connection_made(transport)
    return transport


async def test_only_so_many_servers_connect_from_one_address():
    async with outside() as (here, door, _):
        assert door._peers is not None
        guests = [come(door._guest(*door._peers)) for _ in range(GUESTS_LIMIT)]
        assert not any(guest.closed for guest in guests)
        assert come(door._guest(*door._peers)).closed
        assert not come(door._guest(*door._peers), "198.51.100.1").closed
        guests[0].close()
        await here.settle()
        assert not come(door._guest(*door._peers)).closed


async def test_only_so_many_would_be_components_connect():
    async with outside() as (_, _door, components):
        some = [come(components.connection()) for _ in range(UNPROVEN_LIMIT)]
        assert not any(one.closed for one in some)
        assert come(components.connection()).closed


async def test_a_domain_that_cannot_be_asked_is_told_so():
    async with outside() as (here, door, _):
        assert door._peers is not None
        connection = door._guest(*door._peers)
        transport = come(connection)
        engine = connection._engine
        assert engine is not None
        engine.secured(lambda domain: False)  # type: ignore[attr-defined]  # it is an IncomingStream
        header = (
            f"<stream:stream xmlns='jabber:server' from='{A}' to='corp.example' version='1.0'"
            " xmlns:stream='http://etherx.jabber.org/streams'"
            " xmlns:db='jabber:server:dialback'>"
        )
        connection.data_received(header.encode())
        connection.data_received(f"<db:result from='{A}' to='corp.example'>k</db:result>".encode())
        await here.settle()
        assert b"<remote-server-not-found " in transport.unread
