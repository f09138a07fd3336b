"""The door to other servers and components: its listeners, and everything behind them joined."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from clarion.config.server import LimitsConfig
from clarion.core.ports import Parcel
from clarion.core.throttle import network_of
from clarion.lib.log import RateLimited, get_logger
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.server_events import PeerRules
from clarion.xmpp.federation.arrivals import Arrivals
from clarion.xmpp.federation.components import Components
from clarion.xmpp.federation.connection import PeerConnection
from clarion.xmpp.federation.guest import Guest, GuestWays
from clarion.xmpp.federation.keep_alive import keep_alive
from clarion.xmpp.federation.links import Links
from clarion.xmpp.federation.policy import Contexts
from clarion.xmpp.ports import TakenPort, refusal
from clarion.xmpp.services import Services

GUESTS_LIMIT: Final = 20  # LIMIT: connections of servers from one network address
BACKLOG: Final = 256
SWEEP_SECONDS: Final = 5.0

log = get_logger("federation")


class OutsideDoor:
    """Serves other servers and components; an ``Outside``.

    Args:
        services: The house.
        limits: How much anybody may take.
        links: The ways out.
        arrivals: The way in.
        components: Those that there are.
        peers: What streams of servers keep to, and TLS; ``None``: there are none.
        log_lines: LIMIT: lines of one kind a second that strangers can cause.

    """

    def __init__(
        self,
        services: Services,
        limits: LimitsConfig,
        links: Links,
        arrivals: Arrivals,
        components: Components,
        peers: tuple[PeerRules, Contexts] | None,
        log_lines: int = 5,
    ) -> None:
        self._services = services
        self._limits = limits
        self._links = links
        self._arrivals = arrivals
        self._components = components
        self._peers = peers
        self._noise = RateLimited(log, log_lines)
        self._guests: set[Guest] = set()
        self._by_host: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self.addresses: list[tuple[str, str]] = []

    def reaches(self, domain: str) -> bool:
        """See ``Outside``."""
        return self._components.knows(domain) or self._links.reaches(domain)

    def take(self, domain: str, parcel: Parcel) -> None:
        """Take a parcel for another domain; a ``Take`` of the router."""
        if self._components.knows(domain):
            self._components.take(domain, parcel)
        else:
            self._links.take(domain, parcel)

    @asynccontextmanager
    async def serve(self, ports: Sequence[TakenPort]) -> AsyncGenerator[None, None]:
        """See ``Service``; on the way out every stream is closed.

        Args:
            ports: Of the kinds ``server``, ``server-tls`` and ``component``.

        Raises:
            UsageError: Somebody else began to listen at one of them meanwhile.

        """
        for port in ports:
            await self._listen(port)
        sweeper = self._services.crew.spawn(self._sweep(), name="federation sweep")
        try:
            yield
        finally:
            sweeper.cancel()
            for server in self._servers:
                server.close()
            goodbye = StreamError(StreamCondition.SYSTEM_SHUTDOWN, "the server is stopping")
            for guest in list(self._guests):
                guest.connection.end(goodbye)
            self._components.close()
            self._links.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.drain_time):
                    while self._guests:  # noqa: ASYNC110  # for a moment, at the very end
                        await asyncio.sleep(0.01)
            for guest in list(self._guests):
                guest.connection.cut()

    async def _listen(self, port: TakenPort) -> None:
        make: Callable[[], PeerConnection] = self._components.connection
        context = None
        if port.kind != "component":
            assert self._peers is not None, "a listener for servers comes with what it needs"
            context = self._peers[1].begun if port.kind == "server-tls" else None
            make = partial(self._guest, *self._peers)
        keep_alive(port.socket)
        try:
            server = await asyncio.get_running_loop().create_server(
                make,
                sock=port.socket,
                ssl=context,
                ssl_handshake_timeout=None if context is None else self._limits.login_time,
                backlog=BACKLOG,
            )
        except OSError as error:
            raise refusal(port.endpoint, error) from None
        self._servers.append(server)
        host, number = port.socket.getsockname()[:2]
        where = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
        self.addresses.append((port.kind, where))
        log.info("listening", kind=port.kind, address=where)

    def _guest(self, rules: PeerRules, contexts: Contexts) -> PeerConnection:
        ways = GuestWays(
            rules,
            contexts,
            self._links,
            self._arrivals,
            self._services,
            self._noise,
            self._joined,
            self._left,
        )
        return Guest(ways).connection

    def _joined(self, guest: Guest) -> bool:
        host = network_of(guest.host)
        if self._by_host[host] >= GUESTS_LIMIT:
            self._noise.warning(
                "guests",
                "too many connections of servers from one address; the new one was cut",
                now=self._services.clock.monotonic(),
                peer=host,
                most=GUESTS_LIMIT,
            )
            return False
        self._by_host[host] += 1
        self._guests.add(guest)
        return True

    def _left(self, guest: Guest) -> None:
        if guest in self._guests:
            self._guests.discard(guest)
            host = network_of(guest.host)
            self._by_host[host] -= 1
            if not self._by_host[host]:
                del self._by_host[host]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._noise.flush(self._services.clock.monotonic())
