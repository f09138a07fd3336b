"""The proxy for files between two clients that cannot reach each other (XEP-0065 section 6).

It has no port of its own: a connection to a port that begins in the clear and
whose first byte is that of SOCKS5 is handed over by ``connection.py``. Two
connections that ask for the same hash wait for each other; the requester's
request makes them one bytestream, and from then on what comes from one goes
to the other as it came. Nobody reads faster than the other side takes it.
"""

import asyncio
import hashlib
import ipaddress
from collections import Counter
from typing import Final

from clarion.core.throttle import network_of
from clarion.lib.clock import Alarm, Clock
from clarion.lib.log import RateLimited, get_logger
from clarion.wire.socks5 import Over, Reply, Socks5, Wanted
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.xmpp.relay import Relay

GREETING_SECONDS: Final = 30.0  # LIMIT: from the connection to the request for a bytestream
PAIRING_SECONDS: Final = 120.0  # LIMIT: from there to its beginning; clients try other ways first
WAITING_LIMIT: Final = 2_000  # LIMIT: connections whose bytestream has not begun
WAITING_PER_ADDRESS: Final = 100  # LIMIT: the same from one network address, perhaps an office's
STREAMS_LIMIT: Final = 2_000  # LIMIT: bytestreams at a time, of two open files each
STREAMS_PER_PERSON: Final = 20  # LIMIT: bytestreams at a time that one person has begun
PARTIES: Final = 2  # to a bytestream; a third one may not listen (section 10.1)

log = get_logger("proxy")

Address = tuple[str, int]
"""Host, or its address, and port."""


def stream_hash(sid: str, requester: str, target: str) -> str:
    """Return what names a bytestream (section 6.3.2); ``requester`` and ``target`` are JIDs."""
    text = f"{sid}{requester}{target}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Bytestreams:
    """Connections that wait for each other, and the bytestreams that they have become.

    Args:
        clock: Time.
        jid: The proxy's own JID.
        host: What clients are told to connect to (``[xmpp] proxy_host``);
            ``""``: what they are connected to already.

    Attributes:
        doors: Where listeners begin in the clear, that of the operator's first choice first.
        begun: Bytestreams so far; only grows.
        relayed_bytes: Of those that are over; only grows.

    """

    def __init__(self, clock: Clock, jid: str, host: str = "") -> None:
        self.jid = jid
        self.doors: list[Address] = []
        self.begun = 0
        self.relayed_bytes = 0
        self._clock = clock
        self._host = host
        self._arrivals: set[Arrival] = set()
        self._by_network: Counter[str] = Counter()
        self._waiting: dict[str, list[Arrival]] = {}
        self._relays: set[Relay] = set()
        self._by_person: Counter[str] = Counter()
        self._closed = False

    def __len__(self) -> int:
        """Return how many bytestreams there are."""
        return len(self._relays)

    @property
    def waiting(self) -> int:
        """How many connections belong to no bytestream yet."""
        return len(self._arrivals)

    # -- what the connection and the extension ask ---------------------------------------

    def take(
        self, transport: asyncio.Transport, host: str, data: bytes, noise: RateLimited
    ) -> None:
        """Take over a connection that speaks SOCKS5.

        Args:
            transport: Nobody else's from now on.
            host: Where the client connects from.
            data: What it has sent.
            noise: Writes what strangers can cause.

        """
        network = network_of(host)
        if (
            self._closed
            or len(self._arrivals) >= WAITING_LIMIT
            or self._by_network[network] >= WAITING_PER_ADDRESS
        ):
            now = self._clock.monotonic()
            noise.warning("proxy", "too many wait for bytestreams; cut", now=now, peer=network)
            transport.abort()
            return
        arrival = Arrival(self, transport, network, self._clock)
        self._arrivals.add(arrival)
        self._by_network[network] += 1
        transport.set_protocol(arrival)
        arrival.data_received(data)

    def streamhost(self, local: Address | None) -> Address | None:
        """Return where clients are to connect for SOCKS5; ``None``: nowhere.

        Args:
            local: The server's end of the requester's connection, if it is known.

        """
        if not self.doors:
            return None
        if local is None or not local[1]:
            return self._host or self.jid.partition(".")[2], self.doors[0][1]
        if self._host:
            return self._host, self.doors[0][1]
        host = _address(local[0])
        ports = [door[1] for door in self.doors if door[0] in {host, _anywhere(host)}]
        if not ports:
            return self.doors[0]  # the requester came by another address, with TLS at once
        return host, local[1] if local[1] in ports else ports[0]

    def begin(self, name: str, person: str, target: str) -> None:
        """Make one bytestream of the two connections that wait for it (section 6.3.5).

        Args:
            name: Its hash, from what the requester says, its own JID among it.
            person: The requester's bare JID.
            target: For the log.

        Raises:
            StanzaError: It cannot begin.

        """
        waiting = self._waiting.get(name, [])
        pair = [arrival for arrival in waiting if not arrival.transport.is_closing()]
        if not pair:
            raise StanzaError(
                StanzaCondition.ITEM_NOT_FOUND,
                "nobody is connected for this stream id, sent by you to this target",
            )
        if len(pair) < PARTIES:
            raise StanzaError(
                StanzaCondition.NOT_ALLOWED, "only one of the two is connected to the proxy"
            )
        if self._by_person[person] >= STREAMS_PER_PERSON or len(self._relays) >= STREAMS_LIMIT:
            raise StanzaError(
                StanzaCondition.RESOURCE_CONSTRAINT, "there are too many bytestreams; wait"
            )
        for arrival in pair:
            self._arrivals.discard(arrival)
            arrival.leave()
            self._count_down(arrival.network)
        del self._waiting[name]
        self._by_person[person] += 1
        self.begun += 1
        relay = Relay(self._clock, person, target, self._over)
        self._relays.add(relay)
        relay.begin(*(arrival.transport for arrival in pair))

    def cut_off(self, person: str) -> None:
        """End the bytestreams that somebody has begun."""
        for relay in [one for one in self._relays if one.person == person]:
            relay.cut("its person is not welcome any more")

    def close(self) -> None:
        """End everything, and take nothing more."""
        self._closed = True
        for arrival in list(self._arrivals):
            arrival.transport.abort()
        for relay in list(self._relays):
            relay.cut("the server is stopping")

    # -- what arrivals and relays tell -------------------------------------------------------

    def wanted(self, arrival: "Arrival", name: str) -> bool:
        """Let a connection wait for the other one; ``False``: there are two already."""
        pair = self._waiting.setdefault(name, [])
        if len(pair) >= PARTIES:
            return False
        arrival.name = name
        pair.append(arrival)
        return True

    def gone(self, arrival: "Arrival") -> None:
        """Forget a connection that waits no more."""
        if arrival not in self._arrivals:
            return
        self._arrivals.discard(arrival)
        self._count_down(arrival.network)
        pair = self._waiting.get(arrival.name, [])
        if arrival in pair:
            pair.remove(arrival)
            if not pair:
                del self._waiting[arrival.name]

    def _count_down(self, network: str) -> None:
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]

    def _over(self, relay: Relay, why: str) -> None:
        self._relays.discard(relay)
        self.relayed_bytes += relay.bytes
        self._by_person[relay.person] -= 1
        if not self._by_person[relay.person]:
            del self._by_person[relay.person]
        log.info(
            "bytestream",
            requester=relay.person,
            target=relay.target,
            bytes=relay.bytes,
            seconds=round(self._clock.monotonic() - relay.began, 3),
            end=why,
        )


class Arrival(asyncio.Protocol):
    """A connection until its bytestream begins: the driver of ``wire/socks5.py``.

    Attributes:
        name: The hash that it waits for, or ``""``.
        network: Where it comes from.
        transport: Its bytes.

    """

    def __init__(
        self, proxy: Bytestreams, transport: asyncio.Transport, network: str, clock: Clock
    ) -> None:
        self.name = ""
        self.network = network
        self.transport = transport
        self._proxy = proxy
        self._clock = clock
        self._engine = Socks5(clock.monotonic(), GREETING_SECONDS, PAIRING_SECONDS)
        self._alarm: Alarm | None = None
        self._wake()

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self._engine.receive(data, self._clock.monotonic())
        self._pump()

    def eof_received(self) -> bool:
        """See ``asyncio.Protocol``; who hangs up now wants no bytestream."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self.leave()
        self._proxy.gone(self)

    def leave(self) -> None:
        """Look after the connection no more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _wake(self) -> None:
        now = self._clock.monotonic()
        self._engine.wake(now)
        self._pump()
        deadline = self._engine.deadline()
        if deadline is not None:
            self._alarm = self._clock.call_later(max(deadline - now, 0.001), self._wake)

    def _pump(self) -> None:
        over = False
        for event in self._engine.events():
            match event:
                case Wanted():
                    if self._proxy.wanted(self, event.name):
                        self._engine.accept()
                    else:
                        self._engine.refuse(Reply.NOT_ALLOWED, "two are connected already")
                        over = True
                case Over():
                    over = True
        said = self._engine.outbox()
        if said and not self.transport.is_closing():
            self.transport.write(said)
        if over:
            self.leave()
            self._proxy.gone(self)
            self.transport.close()


def _address(host: str) -> str:
    """Return an address as others may use it: no scope, and IPv4 as IPv4."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _anywhere(host: str) -> str:
    """Return the address of a listener that is reached by every address of this family."""
    return "::" if ":" in host else "0.0.0.0"  # noqa: S104  # compared, not bound
