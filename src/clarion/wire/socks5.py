"""SOCKS5 as bytestreams use it: no log-in, CONNECT to a hash (RFC 1928, XEP-0065 section 10.2).

The server's end, up to the point where the bytestream begins. What is to be
relayed after that never comes here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Final

VERSION: Final = 0x05
"""How every SOCKS5 connection begins; neither XML nor TLS does (0x16)."""
EARLY_LIMIT: Final = 65_536
"""LIMIT: bytes that are passed over before the bytestream begins (XEP-0065 section 10.1)."""

_NO_LOG_IN: Final = 0x00
_NONE_WILL_DO: Final = 0xFF
_CONNECT: Final = 0x01
_DOMAIN_NAME: Final = 0x03
_HASH: Final = re.compile(rb"[0-9a-fA-F]{40}")
_NOWHERE: Final = b"\x01\0\0\0\0\0\0"  # 0.0.0.0, port 0: where there is no address to repeat


class Reply(IntEnum):
    """What a request comes to (RFC 1928 section 6)."""

    SUCCEEDED = 0x00
    FAILED = 0x01
    NOT_ALLOWED = 0x02
    UNREACHABLE = 0x04
    COMMAND_NOT_SUPPORTED = 0x07
    ADDRESS_NOT_SUPPORTED = 0x08


@dataclass(frozen=True, slots=True)
class Wanted:
    """The client asks for a bytestream; answer with ``accept`` or ``refuse``.

    Attributes:
        name: SHA-1 of stream id, requester and target, in lower-case hexadecimal.

    """

    name: str


@dataclass(frozen=True, slots=True)
class Over:
    """The connection has ended, or is to be closed once the outbox is written.

    Attributes:
        why: For the log.

    """

    why: str


Event = Wanted | Over


class Phase(Enum):
    """What the client may send next."""

    GREETING = auto()
    REQUEST = auto()
    ASKED = auto()  # the driver has to say whether it may
    READY = auto()  # until the bytestream begins, nothing counts
    CLOSED = auto()


class Socks5:
    """The server's end of one connection; an ``Engine``.

    Args:
        now: Monotonic seconds.
        greeting_seconds: How long the client may take to ask for a bytestream.
        waiting_seconds: How long it may wait for the bytestream to begin after that.

    Attributes:
        phase: What may come next.

    """

    __slots__ = ("_address", "_deadline", "_early", "_events", "_held", "_out", "_waits", "phase")

    def __init__(self, now: float, greeting_seconds: float, waiting_seconds: float) -> None:
        self.phase = Phase.GREETING
        self._deadline: float | None = now + greeting_seconds
        self._waits = waiting_seconds
        self._held = bytearray()
        self._early = 0
        self._address = b""
        self._events: list[Event] = []
        self._out: list[bytes] = []

    def receive(self, data: bytes, now: float) -> None:
        """See ``Engine``."""
        if self.phase is Phase.CLOSED:
            return
        if not data:
            self._close("the client hung up")
        elif self.phase in {Phase.ASKED, Phase.READY}:
            self._pass_over(len(data))
        else:
            self._held += data
            if self.phase is Phase.GREETING:
                self._greeting()
            if self.phase is Phase.REQUEST:
                self._request(now)

    def wake(self, now: float) -> None:
        """End a connection on which no bytestream begins in time."""
        if self._deadline is not None and now >= self._deadline:
            self._close("no bytestream began in time")

    def events(self) -> Sequence[Event]:
        """See ``Engine``."""
        events, self._events = self._events, []
        return events

    def outbox(self) -> bytes:
        """See ``Engine``."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def deadline(self) -> float | None:
        """See ``Engine``."""
        return self._deadline

    def accept(self) -> None:
        """Tell the client that it is connected, with the address that it named (section 6.3.2)."""
        if self.phase is Phase.ASKED:
            self.phase = Phase.READY
            self._say(Reply.SUCCEEDED, self._address)

    def refuse(self, reply: Reply, why: str) -> None:
        """Tell the client that it gets no bytestream, and end the connection."""
        if self.phase is Phase.ASKED:
            self._say(reply, self._address)
            self._close(why)

    # -- what comes ---------------------------------------------------------------------

    def _greeting(self) -> None:
        """Take version and log-in methods (RFC 1928 section 3)."""
        held = self._held
        if held[0] != VERSION:
            self._close("not SOCKS5")
            return
        if len(held) < 2 or len(held) < (end := 2 + held[1]):
            return
        methods = held[2:end]
        del held[:end]
        if _NO_LOG_IN in methods:
            self._out.append(bytes((VERSION, _NO_LOG_IN)))
            self.phase = Phase.REQUEST
        else:
            self._out.append(bytes((VERSION, _NONE_WILL_DO)))
            self._close("the client insists on a log-in")

    def _request(self, now: float) -> None:
        """Take the request (RFC 1928 section 4); what is wrong is told as soon as it is seen."""
        held = self._held
        if held and held[0] != VERSION:
            self._close("not a SOCKS5 request")
        elif len(held) > 1 and held[1] != _CONNECT:
            self._say(Reply.COMMAND_NOT_SUPPORTED, _NOWHERE)
            self._close("another command than CONNECT")
        elif len(held) > 3 and held[3] != _DOMAIN_NAME:
            self._say(Reply.ADDRESS_NOT_SUPPORTED, _NOWHERE)
            self._close("another address than a name")
        elif len(held) > 4 and len(held) >= (end := 5 + held[4] + 2):
            name, port = bytes(held[5 : end - 2]), bytes(held[end - 2 : end])
            self._address = bytes(held[3:end])
            rest = len(held) - end
            held.clear()
            self._asked(name, port, now)
            if rest and self.phase is Phase.ASKED:
                self._pass_over(rest)

    def _asked(self, name: bytes, port: bytes, now: float) -> None:
        if _HASH.fullmatch(name) is None or port != b"\0\0":
            self._say(Reply.UNREACHABLE, self._address)
            self._close("no bytestream's address")
            return
        self.phase = Phase.ASKED
        self._deadline = now + self._waits
        self._events.append(Wanted(name.decode("ascii").lower()))

    def _pass_over(self, count: int) -> None:
        self._early += count
        if self._early > EARLY_LIMIT:
            self._close("too much was sent before the bytestream began")

    # -- what goes ----------------------------------------------------------------------

    def _say(self, reply: Reply, address: bytes) -> None:
        self._out.append(bytes((VERSION, reply, 0)) + address)

    def _close(self, why: str) -> None:
        self.phase = Phase.CLOSED
        self._deadline = None
        self._held.clear()
        self._events.append(Over(why))
