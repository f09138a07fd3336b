"""Bytes between two connections: order, back pressure, ends; without sockets."""

import asyncio
from typing import Any

import pytest

from clarion.xmpp.relay import IDLE_SECONDS, QUEUE_BYTES, TURN_BYTES, Relay, Side
from fakes.clock import FakeClock
from fakes.world import FakeTransport


class Pair:
    """A bytestream between two connections; ``ends`` says how it ended."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ends: list[str] = []
        self.relay = Relay(self.clock, "ann@x", "bob@x/1", lambda _, why: self.ends.append(why))
        self.one, self.two = FakeTransport(None, "192.0.2.1"), FakeTransport(None, "192.0.2.2")
        self.relay.begin(self.one, self.two)

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.one.connection, self.two.connection


async def test_what_comes_from_one_goes_to_the_other():
    pair = Pair()
    ann, bob = pair.sides
    ann.data_received(b"file")
    bob.data_received(b"thanks")
    ann.data_received(b" and more")
    assert (bytes(pair.two.unread), bytes(pair.one.unread)) == (b"file and more", b"thanks")
    assert pair.relay.bytes == len("file and morethanks")


async def test_nobody_is_read_faster_than_the_other_takes():
    pair = Pair()
    _, bob = pair.sides
    limits: list[Any] = []
    pair.one.set_write_buffer_limits = lambda **given: limits.append(given)  # type: ignore[method-assign]  # watched
    pair.relay.begin(pair.one, pair.two)
    assert limits == [{"high": QUEUE_BYTES}]
    ann, bob = pair.sides
    bob.pause_writing()
    assert (pair.one.reading, pair.two.reading) == (False, True)
    bob.resume_writing()
    assert pair.one.reading
    ann.pause_writing()
    assert not pair.two.reading


async def test_others_get_their_turn():
    pair = Pair()
    ann, bob = pair.sides
    ann.data_received(bytes(TURN_BYTES - 1))
    assert pair.one.reading
    ann.data_received(bytes(TURN_BYTES))
    assert not pair.one.reading
    await asyncio.sleep(0)
    assert pair.one.reading
    # But not before the other side has taken it.
    ann.data_received(bytes(TURN_BYTES))
    bob.pause_writing()
    await asyncio.sleep(0)
    assert not pair.one.reading
    bob.resume_writing()
    assert pair.one.reading


async def test_who_is_done_sending_still_gets_the_answer():
    pair = Pair()
    ann, bob = pair.sides
    ann.data_received(b"file")
    assert ann.eof_received()
    assert pair.two.ended
    assert not pair.two.closed
    bob.data_received(b"thanks")
    assert bytes(pair.one.unread) == b"thanks"
    # who is done is not read again
    bob.pause_writing()
    bob.resume_writing()
    assert pair.one.reading
    assert not bob.eof_received()
    assert pair.ends == []


async def test_a_side_that_goes_takes_the_other_with_it():
    pair = Pair()
    pair.one.close()
    await asyncio.sleep(0)
    assert pair.two.closed
    _, bob = pair.sides
    bob.data_received(b"into the void")
    bob.pause_writing()
    bob.resume_writing()
    assert not bob.eof_received()
    await asyncio.sleep(0)
    assert pair.ends == ["done"]
    assert pair.clock.pending == 0


async def test_a_broken_connection_is_told_as_such():
    pair = Pair()
    ann, _ = pair.sides
    ann.connection_lost(ConnectionResetError())
    await asyncio.sleep(0)
    assert pair.ends == ["a connection broke"]


async def test_a_silent_bytestream_is_given_up():
    pair = Pair()
    ann, _ = pair.sides
    pair.clock.advance(IDLE_SECONDS - 1)
    ann.data_received(b"still here")
    pair.clock.advance(IDLE_SECONDS - 1)
    assert not pair.one.closed
    pair.clock.advance(1)
    assert (pair.one.closed, pair.two.closed) == (True, True)
    await asyncio.sleep(0)
    assert pair.ends == ["nothing came for a long time"]


async def test_it_ends_once():
    pair = Pair()
    pair.relay.cut("enough")
    pair.relay.cut("more than enough")
    await asyncio.sleep(0)
    assert len(pair.ends) == 1


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_bytes_arrive_as_they_came(size: int):
    pair = Pair()
    ann, _ = pair.sides
    data = bytes(range(256)) * 64
    for start in range(0, len(data), size):
        ann.data_received(data[start : start + size])
    assert bytes(pair.two.unread) == data
