"""Who waits for whom at the proxy, and for how long; without sockets."""

import asyncio
import hashlib

import pytest
from structlog.testing import capture_logs

from clarion.lib.log import RateLimited, get_logger
from clarion.wire.socks5 import EARLY_LIMIT
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.xmpp import bytestreams
from clarion.xmpp.bytestreams import (
    GREETING_SECONDS,
    PAIRING_SECONDS,
    STREAMS_PER_PERSON,
    WAITING_PER_ADDRESS,
    Bytestreams,
    stream_hash,
)
from fakes.clock import FakeClock
from fakes.world import FakeTransport

ANN, BOB = "ann@corp.example", "bob@corp.example/desk"
NAME = stream_hash("s1", f"{ANN}/phone", BOB)
READY = b"\x05\x00\x05\x00\x00\x03\x28"


def asks(name: str) -> bytes:
    return b"\x05\x01\x00\x05\x01\x00\x03\x28" + name.encode() + b"\0\0"


class Proxy:
    """A proxy, and connections that come to it."""

    def __init__(self, host: str = "") -> None:
        self.clock = FakeClock()
        self.noise = RateLimited(get_logger("test"), 5)
        self.streams = Bytestreams(self.clock, "proxy.corp.example", host)

    def comes(self, data: bytes, host: str = "192.0.2.1") -> FakeTransport:
        transport = FakeTransport(asyncio.Protocol(), host)
        self.streams.take(transport, host, data, self.noise)
        return transport

    def pair(self, name: str = NAME) -> tuple[FakeTransport, FakeTransport]:
        one, two = self.comes(asks(name)), self.comes(asks(name))
        one.unread.clear()
        two.unread.clear()
        return one, two

    def refusal(self, name: str = NAME) -> StanzaCondition:
        with pytest.raises(StanzaError) as caught:
            self.streams.begin(name, ANN, BOB)
        return caught.value.condition


def test_the_hash_is_that_of_the_specification():
    text = "vxf9n471bn46requester@example.com/footarget@example.org/bar"
    wanted = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    got = stream_hash("vxf9n471bn46", "requester@example.com/foo", "target@example.org/bar")
    assert got == wanted


async def test_two_that_ask_for_the_same_are_joined_when_the_requester_says_so():
    proxy = Proxy()
    one, two = proxy.comes(asks(NAME)), proxy.comes(asks(NAME)[:5])
    assert bytes(one.unread).startswith(READY)
    assert proxy.refusal() is StanzaCondition.NOT_ALLOWED  # one party alone
    two.connection.data_received(asks(NAME)[5:])
    two.connection.data_received(b"too soon, and so passed over")
    assert proxy.streams.waiting == 2
    proxy.streams.begin(NAME, ANN, BOB)
    assert (proxy.streams.waiting, len(proxy.streams)) == (0, 1)
    one.unread.clear()
    two.unread.clear()
    one.connection.data_received(b"file")
    assert bytes(two.unread) == b"file"
    with capture_logs() as lines:
        one.close()
        await asyncio.sleep(0.01)
    assert (two.closed, len(proxy.streams), proxy.clock.pending) == (True, 0, 0)
    (line,) = [line for line in lines if line["event"] == "bytestream"]
    assert (line["bytes"], line["requester"], line["target"]) == (4, ANN, BOB)
    assert (proxy.streams.begun, proxy.streams.relayed_bytes) == (1, 4)


async def test_what_names_no_connection_is_refused():
    proxy = Proxy()
    proxy.pair()
    other = stream_hash("s1", "eve@corp.example/phone", BOB)
    assert proxy.refusal(other) is StanzaCondition.ITEM_NOT_FOUND
    proxy.streams.begin(NAME, ANN, BOB)
    assert proxy.refusal() is StanzaCondition.ITEM_NOT_FOUND  # it has begun already


async def test_a_third_one_may_not_listen():
    proxy = Proxy()
    proxy.pair()
    third = proxy.comes(asks(NAME))
    assert bytes(third.unread).startswith(b"\x05\x00\x05\x02\x00\x03\x28")
    assert third.closed
    assert proxy.streams.waiting == 2


async def test_who_hangs_up_is_no_party():
    proxy = Proxy()
    one, _ = proxy.pair()
    assert not one.connection.eof_received()
    one.close()
    assert proxy.refusal() is StanzaCondition.NOT_ALLOWED
    await asyncio.sleep(0)
    assert proxy.streams.waiting == 1
    again = proxy.comes(asks(NAME))
    assert not again.closed
    proxy.streams.begin(NAME, ANN, BOB)


async def test_what_is_not_socks5_is_cut():
    proxy = Proxy()
    assert proxy.comes(b"\x05\x01\x02").closed
    assert proxy.comes(asks(NAME) + b"x" * (EARLY_LIMIT + 1)).closed
    await asyncio.sleep(0)
    assert (proxy.streams.waiting, proxy.clock.pending) == (0, 0)
    assert proxy.refusal() is StanzaCondition.ITEM_NOT_FOUND


async def test_nobody_waits_for_ever():
    proxy = Proxy()
    silent, alone = proxy.comes(b"\x05"), proxy.comes(asks(NAME))
    proxy.clock.advance(GREETING_SECONDS)
    assert (silent.closed, alone.closed) == (True, False)
    proxy.clock.advance(PAIRING_SECONDS - GREETING_SECONDS - 1)
    assert not alone.closed
    proxy.clock.advance(1)
    await asyncio.sleep(0)
    assert alone.closed
    assert (proxy.streams.waiting, proxy.clock.pending) == (0, 0)


async def test_one_address_may_not_fill_the_waiting_room():
    proxy = Proxy()
    for number in range(WAITING_PER_ADDRESS):
        assert not proxy.comes(asks(f"{number:040x}")).closed
    with capture_logs() as lines:
        assert proxy.comes(asks(NAME)).closed
    assert [line["event"] for line in lines] == ["too many wait for bytestreams; cut"]
    assert not proxy.comes(asks(NAME), "198.51.100.7").closed


async def test_all_together_may_not_either(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bytestreams, "WAITING_LIMIT", 2)
    proxy = Proxy()
    one = proxy.comes(asks(NAME))
    proxy.comes(asks(NAME), "198.51.100.7")
    assert proxy.comes(asks(NAME), "198.51.100.8").closed
    one.close()
    await asyncio.sleep(0)
    assert not proxy.comes(asks(NAME), "198.51.100.8").closed


async def test_a_person_has_so_many_bytestreams_at_a_time(monkeypatch: pytest.MonkeyPatch):
    proxy = Proxy()
    names = [f"{number:040x}" for number in range(STREAMS_PER_PERSON + 1)]
    pairs = [proxy.pair(name) for name in names]
    for name in names[:-1]:
        proxy.streams.begin(name, ANN, BOB)
    assert proxy.refusal(names[-1]) is StanzaCondition.RESOURCE_CONSTRAINT
    pairs[0][0].close()
    await asyncio.sleep(0.01)
    monkeypatch.setattr(bytestreams, "STREAMS_LIMIT", STREAMS_PER_PERSON - 1)
    assert proxy.refusal(names[-1]) is StanzaCondition.RESOURCE_CONSTRAINT
    monkeypatch.undo()
    proxy.streams.begin(names[-1], ANN, BOB)


async def test_who_is_thrown_out_relays_nothing():
    proxy = Proxy()
    one, two = proxy.pair()
    proxy.streams.begin(NAME, ANN, BOB)
    proxy.streams.cut_off("cai@corp.example")
    assert not one.closed
    proxy.streams.cut_off(ANN)
    assert (one.closed, two.closed) == (True, True)


async def test_the_end_of_the_server_ends_everything():
    proxy = Proxy()
    begun, waits = proxy.pair(), proxy.comes(asks("0" * 40))
    proxy.streams.begin(NAME, ANN, BOB)
    proxy.streams.close()
    assert all(one.closed for one in (*begun, waits))
    assert proxy.comes(asks(NAME)).closed


@pytest.mark.parametrize(
    ("doors", "local", "told"),
    [
        ([], ("192.0.2.9", 5222), None),
        ([("0.0.0.0", 5222)], ("192.0.2.9", 5222), ("192.0.2.9", 5222)),
        ([("0.0.0.0", 5222)], ("192.0.2.9", 5223), ("192.0.2.9", 5222)),  # direct TLS
        ([("0.0.0.0", 5222), ("127.0.0.1", 25222)], ("127.0.0.1", 25222), ("127.0.0.1", 25222)),
        ([("::", 5222)], ("2001:db8::1", 5223), ("2001:db8::1", 5222)),
        ([("::", 5222)], ("fe80::1%eth0", 5222), ("fe80::1", 5222)),
        ([("0.0.0.0", 5222)], ("::ffff:192.0.2.9", 5222), ("192.0.2.9", 5222)),
        ([("192.0.2.8", 5222)], ("192.0.2.9", 5223), ("192.0.2.8", 5222)),
        ([("0.0.0.0", 5222)], None, ("corp.example", 5222)),
        ([("0.0.0.0", 5222)], ("", 0), ("corp.example", 5222)),
        ([("192.0.2.8", 5222)], ("socket", 5223), ("192.0.2.8", 5222)),
    ],
)
def test_where_clients_are_told_to_connect(
    doors: list[tuple[str, int]], local: tuple[str, int] | None, told: tuple[str, int] | None
):
    proxy = Proxy()
    proxy.streams.doors += doors
    assert proxy.streams.streamhost(local) == told


@pytest.mark.parametrize("local", [None, ("127.0.0.1", 25222), ("10.0.0.5", 5223)])
def test_the_operator_may_say_where(local: tuple[str, int] | None):
    proxy = Proxy("files.example")
    proxy.streams.doors += [("10.0.0.5", 5222), ("127.0.0.1", 25222)]
    assert proxy.streams.streamhost(local) == ("files.example", 5222)
