"""Who is connected, and from where: so many connections of one address, and no more.

Those that have not logged in yet are strangers, of whom there may be fewer.
"""

import asyncio
from collections import Counter

from clarion.config.server import LimitsConfig
from clarion.core.throttle import network_of
from clarion.lib.clock import Clock
from clarion.lib.log import RateLimited
from clarion.xmpp.tally import Tally
from clarion.xmpp.ways import Carrier


class Turnstile:
    """Counts the connections of the door; for one loop.

    Args:
        limits: ``connections_per_address`` and ``strangers_per_address`` count.
        tally: Told of those that are cut.
        noise: Where that is logged.
        clock: Says when.

    Attributes:
        limits: See ``Args``; replaced at a reload.
        connections: All that are let in.
        closed: Whether nobody more comes in.

    """

    def __init__(
        self, limits: LimitsConfig, tally: Tally, noise: RateLimited, clock: Clock
    ) -> None:
        self.limits = limits
        self.connections: set[Carrier] = set()
        self.closed = False
        self._tally = tally
        self._noise = noise
        self._clock = clock
        self._by_host: Counter[str] = Counter()
        self._strangers: set[Carrier] = set()
        self._strangers_by_host: Counter[str] = Counter()
        self._parted = asyncio.Event()  # set when a connection has gone

    @property
    def strangers(self) -> int:
        """How many connections have not logged in yet."""
        return len(self._strangers)

    def joined(self, connection: Carrier) -> bool:
        """Count a new connection; ``False``: its host has too many, or the door closes."""
        if self.closed:
            return False  # it came through the listener at the last moment
        host, limits = network_of(connection.host), self.limits
        if self._by_host[host] >= limits.connections_per_address:
            self._too_many(host, "connections_per_address")
            return False
        if self._strangers_by_host[host] >= limits.strangers_per_address:
            self._too_many(host, "strangers_per_address")
            return False
        self._by_host[host] += 1
        self._strangers_by_host[host] += 1
        self.connections.add(connection)
        self._strangers.add(connection)
        return True

    def carries(self, connection: Carrier) -> None:
        """Note that a connection has logged in and carries a session."""
        if connection in self._strangers:
            self._strangers.discard(connection)
            _count_down(self._strangers_by_host, network_of(connection.host))

    def left(self, connection: Carrier) -> None:
        """Note that a connection has gone."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self._parted.set()
        self.carries(connection)
        _count_down(self._by_host, network_of(connection.host))

    async def empty(self) -> None:
        """Wait until everybody has gone."""
        while self.connections:
            self._parted.clear()
            await self._parted.wait()

    def _too_many(self, host: str, limit: str) -> None:
        self._tally.cut[limit] += 1
        self._noise.warning(
            limit,
            "too many connections from one address; the new one was cut",
            now=self._clock.monotonic(),
            peer=host,
            limit=f"limits.{limit}",
            most=getattr(self.limits, limit),
        )


def _count_down(counts: Counter[str], host: str) -> None:
    counts[host] -= 1
    if not counts[host]:
        del counts[host]
