"""One TCP connection with another server, opened by either: bytes in and out of its engine.

The thin driver of ``wire/xmpp/server_incoming.py`` and ``server_outgoing.py``.
What the stream tells goes to its owner (``guest.py``, ``link.py``).
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from clarion.lib.clock import Alarm, Clock
from clarion.lib.log import get_logger
from clarion.wire.xmpp.errors import StreamError

HANDSHAKE_SECONDS: Final = 30.0  # LIMIT: of a TLS handshake
GOODBYE_SECONDS: Final = 2.0  # LIMIT: for the other side to take what was written before the cut
UNREAD_LIMIT_BYTES: Final = 4 << 20  # LIMIT: what waits for a server that does not read

log = get_logger("federation")


class Engine(Protocol):
    """What the connection needs of a stream."""

    closed: bool
    waiting: bool

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes; ``b""`` is the end."""
        ...

    def wake(self, now: float) -> None:
        """Look at the time."""
        ...

    def events(self) -> Sequence[Any]:
        """Return, once, what has come."""
        ...

    def outbox(self) -> bytes:
        """Return, once, what is to be sent."""
        ...

    def deadline(self) -> float | None:
        """Return when to call ``wake``."""
        ...

    def let_go(self) -> None:
        """Free the parser."""
        ...

    def fail(self, error: StreamError) -> None:
        """End the stream with an error."""
        ...

    def close(self) -> None:
        """End the stream in an orderly way."""
        ...


class Owner(Protocol):
    """Whose connection it is."""

    def begin(self, connection: "PeerConnection") -> Engine | None:
        """Make the stream; ``None``: the connection may not stay."""
        ...

    def heard(self, event: Any) -> None:
        """Take what the stream tells."""
        ...

    def gone(self) -> None:
        """Take note that the connection is no more; told once."""
        ...


class PeerConnection(asyncio.Protocol):
    """Our end of it.

    Args:
        clock: Rings when the stream must look at the time.
        owner: Makes the stream, and hears it.

    Attributes:
        host: Who is at the other end.
        transport: What it speaks through, while it is there.

    """

    def __init__(self, clock: Clock, owner: Owner) -> None:
        self.host = ""
        self.transport: asyncio.Transport | None = None
        self._clock = clock
        self._owner = owner
        self._engine: Engine | None = None
        self._alarm: Alarm | None = None
        self._pending: list[bytes] = []
        self._closing = False

    # -- the transport's calls ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if peer else "local"
        self._engine = self._owner.begin(self)
        if self._engine is None:
            self.cut()
            return
        self._set_alarm(self._engine)
        self.pump()

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._engine is not None:
            self._engine.receive(data, self._clock.monotonic())
            self.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        if self.transport is None:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        if self._engine is not None:
            self._engine.let_go()
        self._engine = self.transport = None
        self._pending.clear()
        self._owner.gone()

    # -- for the owner ----------------------------------------------------------------------

    def pump(self) -> None:
        """Let what the stream has seen take effect, and send what it says."""
        engine = self._engine
        if engine is None:
            return
        while True:
            self._say(engine)
            events = engine.events()
            if not events:
                break
            for event in events:
                self._owner.heard(event)
        if engine.closed and not self._closing:
            self._part()

    def end(self, error: StreamError | None = None) -> None:
        """Close the stream."""
        engine = self._engine
        if engine is None or self._closing:
            return
        if engine.waiting:
            self.cut()  # nothing can be said in the middle of a handshake
            return
        if error is not None:
            engine.fail(error)
        else:
            engine.close()
        self.pump()

    def cut(self) -> None:
        """End the connection without another word."""
        self._closing = True
        transport = self.transport
        if transport is not None:
            transport.abort()
            # The loop tells nobody of a connection that is lost within a handshake.
            self.connection_lost(None)

    def hold_reading(self, *, hold: bool) -> None:
        """Stop or go on reading."""
        if self.transport is None or self._closing:
            return
        if hold and self.transport.is_reading():
            self.transport.pause_reading()
        elif not hold and not self.transport.is_reading():
            self.transport.resume_reading()

    async def secure(
        self, context: ssl.SSLContext, *, name: str | None = None
    ) -> ssl.SSLObject | None:
        """Do the TLS handshake, as the server unless ``name`` is whom we connect to.

        Returns:
            ``None``: it failed, and the connection is no more.

        """
        self.flush()
        transport = self.transport
        if transport is None:
            return None
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                self,
                context,
                server_side=name is None,
                server_hostname=name,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except (OSError, ssl.SSLError) as error:
            log.info("TLS handshake with another server failed", peer=self.host, why=str(error))
            self.cut()
            return None
        if secured is None or self.transport is None:
            return None
        self.transport = secured
        return self.tls

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS of the connection, if there is any."""
        if self.transport is None:
            return None
        found: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object")
        return found

    def flush(self) -> None:
        """Write what is queued in one piece."""
        data = b"".join(self._pending)
        self._pending.clear()
        transport = self.transport
        if not data or transport is None or transport.is_closing():
            return
        transport.write(data)
        waiting = transport.get_write_buffer_size()
        if waiting > UNREAD_LIMIT_BYTES:
            log.warning("a server does not read; connection cut", peer=self.host, bytes=waiting)
            self.cut()

    # -- inside -----------------------------------------------------------------------------

    def _say(self, engine: Engine) -> None:
        said = engine.outbox()
        if said:
            if not self._pending:
                asyncio.get_running_loop().call_soon(self.flush)
            self._pending.append(said)

    def _part(self) -> None:
        self._closing = True
        self.flush()
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.close()
            self._clock.call_later(GOODBYE_SECONDS, transport.abort)

    def _set_alarm(self, engine: Engine) -> None:
        deadline = engine.deadline()
        if deadline is not None:
            left = max(deadline - self._clock.monotonic(), 0.001)
            self._alarm = self._clock.call_later(left, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        if self._engine is not None:
            self._engine.wake(self._clock.monotonic())
            self.pump()
        if self._engine is not None:
            self._set_alarm(self._engine)
