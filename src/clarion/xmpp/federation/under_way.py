"""What came over one connection, taken in order, until it is done (RFC 6120 section 10.1).

Presence that must ask the store holds back what is behind it; messages only
have to be committed, and requests to be answered. Reading stops while too much
is under way.
"""

from asyncio import Future
from collections import deque
from functools import partial
from typing import Any, Final

from clarion.lib.crew import Crew
from clarion.wire.xmpp.names import PRESENCE
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.federation.arrivals import Arrivals
from clarion.xmpp.federation.connection import PeerConnection

UNDER_WAY_LIMIT: Final = 200  # LIMIT: stanzas of one connection that are not done yet
UNDER_WAY_LIMIT_BYTES: Final = 1 << 20  # LIMIT: the same in bytes


class UnderWay:
    """The stanzas of one connection.

    Args:
        crew: Runs what takes longer.
        connection: Where they come from.
        arrivals: Takes them.

    """

    def __init__(self, crew: Crew, connection: PeerConnection, arrivals: Arrivals) -> None:
        self._crew = crew
        self._connection = connection
        self._arrivals = arrivals
        self._queue: deque[Stanza] = deque()
        self._busy = False
        self._count = 0
        self._bytes = 0

    def add(self, stanza: Stanza) -> None:
        """Take a stanza, now or behind those that are not done."""
        self._count += 1
        self._bytes += len(stanza.raw)
        if self._busy:
            self._queue.append(stanza)
        else:
            self._take(stanza)
        if self._full:
            self._connection.hold_reading(hold=True)

    def _take(self, stanza: Stanza) -> None:
        size = len(stanza.raw)
        work = self._arrivals.take(stanza)
        if work is None or (isinstance(work, Future) and work.done()):
            self._done(size)
        elif isinstance(work, Future):
            work.add_done_callback(partial(self._done, size))
        else:
            task = self._crew.errand(work, name=f"stanza from {self._connection.host}")
            if stanza.tag == PRESENCE:
                self._busy = True
                task.add_done_callback(self._go_on)
            task.add_done_callback(partial(self._done, size))

    def _go_on(self, _: Future[Any]) -> None:
        self._busy = False
        while self._queue and not self._busy:
            self._take(self._queue.popleft())

    def _done(self, size: int, _: Future[Any] | None = None) -> None:
        held = self._full
        self._count -= 1
        self._bytes -= size
        if held and not self._full:
            self._connection.hold_reading(hold=False)

    @property
    def _full(self) -> bool:
        return self._count > UNDER_WAY_LIMIT or self._bytes > UNDER_WAY_LIMIT_BYTES
