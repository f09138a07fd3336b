"""The transport that cuts into frames, above a fake of what is below."""

import asyncio
from typing import Any

from clarion.wire.websocket import close_frame, text_frame
from clarion.xmpp.websocket import FrameTransport


class Below:
    """TCP, aiohttp's protocol, its request and its socket in one."""

    def __init__(self) -> None:
        self.remote: str | None = "192.0.2.7"
        self.written = b""
        self.closed = False
        self.aborted = False
        self.writing_paused = False
        self.room = asyncio.Event()
        self.spawned: list[Any] = []
        self.paused = 0
        self.resumed = 0

    @property
    def protocol(self) -> "Below":
        return self

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("192.0.2.1", 443)}.get(name, default)

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = self.closed = True

    async def pong(self) -> None:
        await self.room.wait()

    def spawn(self, work: Any, *, name: str) -> None:
        self.spawned.append(work)

    def pause_writing(self) -> None:
        self.paused += 1

    def resume_writing(self) -> None:
        self.resumed += 1


def above(below: Any) -> FrameTransport:
    transport = FrameTransport(below, below, below, below.spawn)
    transport.connection = below
    return transport


async def test_each_element_is_a_frame():
    below = Below()
    transport = above(below)
    transport.write(b"<presence/><r xmlns='urn:xmpp:sm:3'/>")
    assert below.written == (
        text_frame(b"<presence xmlns='jabber:client'/>") + text_frame(b"<r xmlns='urn:xmpp:sm:3'/>")
    )
    assert transport.get_write_buffer_size() == len(below.written)
    assert transport.get_extra_info("peername") == ("192.0.2.7", 0)
    assert transport.get_extra_info("sockname") == ("192.0.2.1", 443)
    assert transport.get_extra_info("other", 5) == 5


async def test_the_goodbye_says_why():
    below = Below()
    transport = above(below)
    transport.write(
        b"<stream:error><system-shutdown xmlns='urn:e'/></stream:error></stream:stream>"
    )
    transport.close()
    transport.close()
    assert below.written.endswith(b"/>" + close_frame(1001))
    assert transport.is_closing()
    assert not below.closed  # the client goes first
    transport.end()
    assert below.closed
    assert below.written.count(close_frame(1001)) == 1


async def test_a_goodbye_of_the_clients_is_answered():
    below = Below()
    transport = above(below)
    transport.end()
    assert below.written == close_frame(1000)
    assert below.closed


async def test_a_full_socket_stops_writing_until_there_is_room():
    below = Below()
    transport = above(below)
    below.writing_paused = True
    transport.write(b"<presence/>")
    transport.write(b"<presence/>")
    assert (below.paused, below.resumed, len(below.spawned)) == (1, 0, 1)
    below.room.set()
    await below.spawned[0]
    assert below.resumed == 1


async def test_reading_is_held():
    below = Below()
    transport = above(below)
    transport.pause_reading()
    assert not transport.is_reading()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(transport.readable())
        await asyncio.sleep(0)
        assert not waiting.done()
        transport.resume_reading()
    transport.pause_reading()
    transport.abort()
    await transport.readable()  # or nobody would see that it has gone
    assert below.aborted
