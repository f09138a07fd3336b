"""One mediated bytestream: what comes from one connection goes to the other (XEP-0065 10.1).

Memory is bounded by back pressure: while one side does not take what it is
sent, the other is not read. A side that ends its half is told on, so that
either may go on sending when the other is done.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from clarion.lib.clock import Alarm, Clock

IDLE_SECONDS: Final = 600.0  # LIMIT: without a byte, after which a bytestream is given up
QUEUE_BYTES: Final = 262_144  # LIMIT: that wait for a side before the other is not read any more
TURN_BYTES: Final = 65_536  # LIMIT: after which a side waits for the loop's next turn, as chat does


class Relay:
    """A bytestream.

    Args:
        clock: Time.
        person: Who asked for it, as a bare JID.
        target: With whom.
        over: Called once, with the reason, when both sides are gone.

    Attributes:
        began: Monotonic seconds.
        bytes: Relayed, in both directions.
        heard: When the last byte came, monotonic seconds.

    """

    __slots__ = (
        "_alarm", "_clock", "_left", "_over", "_sides", "_why", "began", "bytes", "heard",
        "person", "target",
    )  # fmt: skip

    def __init__(
        self, clock: Clock, person: str, target: str, over: Callable[["Relay", str], None]
    ) -> None:
        self.person = person
        self.target = target
        self.bytes = 0
        self.began = self.heard = clock.monotonic()
        self._clock = clock
        self._over = over
        self._why = "done"
        self._left = 2  # sides that are there
        self._sides: tuple[Side, ...] = ()
        self._alarm: Alarm | None = None

    def begin(self, *transports: asyncio.Transport) -> None:
        """Relay between two connections from now on."""
        one, other = (Side(self, transport) for transport in transports)
        one.other, other.other = other, one
        self._sides = (one, other)
        for side in self._sides:
            side.transport.set_write_buffer_limits(high=QUEUE_BYTES)
            side.transport.set_protocol(side)
        self._alarm = self._clock.call_later(IDLE_SECONDS, self._look)

    def cut(self, why: str) -> None:
        """End it at once."""
        self._why = why
        for side in self._sides:
            side.transport.abort()

    def came(self, count: int) -> None:
        """Note that bytes came."""
        self.bytes += count
        self.heard = self._clock.monotonic()

    def lost(self, side: "Side", exc: Exception | None) -> None:
        """Let the other side take the rest, and then go as well."""
        if exc is not None and self._why == "done":
            self._why = "a connection broke"
        self._left -= 1
        if self._left:
            assert side.other is not None, "a bytestream has two sides"
            side.other.transport.close()
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._over(self, self._why)

    def _look(self) -> None:
        left = self.heard + IDLE_SECONDS - self._clock.monotonic()
        if left > 0:
            self._alarm = self._clock.call_later(max(left, 0.001), self._look)
        else:
            self._alarm = None
            self.cut("nothing came for a long time")


class Side(asyncio.Protocol):
    """One of the two connections.

    Attributes:
        ended: It sends nothing any more.
        held: The other side is to take first what it was sent.
        other: The other connection.
        transport: Its bytes.

    """

    def __init__(self, relay: Relay, transport: asyncio.Transport) -> None:
        self.ended = self.held = False
        self.other: Side | None = None
        self.transport = transport
        self._relay = relay

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        other = self.other
        if other is not None and not other.transport.is_closing():
            other.transport.write(data)
            self._relay.came(len(data))
            if len(data) >= TURN_BYTES and not self.transport.is_closing():
                # uvloop would read on for megabytes, and everybody's chat would wait.
                self.transport.pause_reading()
                asyncio.get_running_loop().call_soon(self.read_on)

    def eof_received(self) -> bool:
        """See ``asyncio.Protocol``; the other side may go on sending."""
        other = self.other
        self.ended = True
        if other is None or other.ended or other.transport.is_closing():
            return False  # who is left is closed when this one is gone
        other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self.ended = True
        self._relay.lost(self, exc)

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        other = self.other
        if other is not None:
            other.held = True
            if not (other.ended or other.transport.is_closing()):
                other.transport.pause_reading()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        other = self.other
        if other is not None:
            other.held = False
            other.read_on()

    def read_on(self) -> None:
        """Take more, if the other side can."""
        if not (self.held or self.ended or self.transport.is_closing()):
            self.transport.resume_reading()
