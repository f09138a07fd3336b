"""One client's connection: bytes in, bytes out, and the session that it carries.

The thin driver of ``wire/xmpp/stream.py``: it owns the transport and writes
once per turn of the loop, however many stanzas were queued. Until there is a
session, ``entrance.py`` answers what the stream wants to know.
"""

import asyncio
from typing import Any, Final, cast

from clarion.lib.clock import Alarm
from clarion.lib.log import get_logger
from clarion.wire.socks5 import VERSION as SOCKS5
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream import ServerStream
from clarion.wire.xmpp.stream_events import Closed, Phase
from clarion.xmpp.asking import Asking
from clarion.xmpp.bytestreams import Bytestreams
from clarion.xmpp.context import Context
from clarion.xmpp.entrance import Entrance
from clarion.xmpp.inbox import Inbox
from clarion.xmpp.ways import DoorWays

GOODBYE_SECONDS: Final = 2.0  # LIMIT: for a client to take what was written before the cut
REST_SECONDS: Final = 3.0  # of silence, after which a stream gives back memory
SETTLE_SECONDS: Final = 0.5
"""After binding, when a stream gives back memory whatever it did: most clients have said all by
then, and where thousands log in at once they do not all take it at the same time."""

log = get_logger("xmpp")


class Connection(asyncio.Protocol):
    """The server's end of one TCP connection.

    Attributes:
        context: The session it carries, once bound.
        host: Where the client connects from.
        transport: What it speaks through, while it is there.

    """

    def __init__(self, ways: DoorWays) -> None:
        self.context: Context | None = None
        self.host = ""
        self._ways = ways
        self._services = ways.services
        self.transport: asyncio.Transport | None = None
        self._engine: ServerStream | None = None
        self._entrance: Entrance | None = None  # until a session is carried
        self._inbox: Inbox | None = None
        self._pending: list[bytes] = []
        self._alarm: Alarm | None = None
        self._asking: Asking | None = None  # there as soon as a session is carried
        self._closing = False
        self._drained: asyncio.Event | None = None
        self._full = False  # the transport asked to write no more
        self._jid = ""  # the full one, once bound
        self._id = ""  # in every line that is logged of this connection
        self._ceiling = 0  # bytes that may wait after something large, until they are taken

    @property
    def log(self) -> Any:
        """Say whose connection it is; made when it is needed, for most have nothing to say."""
        bound = log.bind(connection=self._id, peer=self.host)
        return bound.bind(jid=self._jid) if self._jid else bound

    # -- the transport's calls ------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if peer else "local"
        self._id = self._services.token()[:8]
        if not self._ways.joined(self):
            self.transport.abort()
            return
        self._entrance = Entrance(self, self._ways, self._id)
        self._engine = self._entrance.engine
        self.log.debug("connected")

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        engine = self._engine
        if engine is None:
            return
        now = self._services.clock.monotonic()
        asking = self._asking
        if asking is not None:
            asking.heard = now
            asking.asked = None
        elif data[0] == SOCKS5 and engine.untouched and self._ways.bytestreams is not None:
            self._hand_over(self._ways.bytestreams, data)
            return
        engine.receive(data, now)
        self.pump(engine)

    def _hand_over(self, bytestreams: Bytestreams, data: bytes) -> None:
        """Leave a connection that is no stream to those who relay files (XEP-0065)."""
        transport = self.transport
        self.connection_lost(None)
        if transport is not None:
            bytestreams.take(transport, self.host, data, self._ways.noise)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        if self.transport is None:
            return  # given up before the loop noticed
        if self._alarm is not None:
            self._alarm.cancel()
        if self._asking is not None:
            self._asking.stop()
            self._asking = None
        self._leave_entrance()
        if self._engine is not None:
            self._engine.let_go()
        self._engine = None
        self.transport = None
        self._pending.clear()
        if self._drained is not None:
            self._drained.set()
        self._ways.left(self)
        if self._inbox is not None:
            self._inbox.stop()
        context, self.context = self.context, None
        if context is not None:
            self._ways.lifecycle.lost(context.session, self)
        self.log.debug("disconnected")

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self._full = True

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self._full = False
        self._ceiling = 0
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    # -- Line: what a session asks of its connection ----------------------------------

    @property
    def local(self) -> tuple[str, int] | None:
        """See ``session.Line``."""
        name = None if self.transport is None else self.transport.get_extra_info("sockname")
        return name[:2] if isinstance(name, tuple) else None

    def write(self, data: bytes) -> None:
        """See ``session.Line``."""
        if not self._pending:
            self._ways.flush_soon(self)
        self._pending.append(data)

    async def drained(self) -> None:
        """See ``session.Line``."""
        self.flush()
        if self._full and self.transport is not None:
            if self._drained is None:
                self._drained = asyncio.Event()
            await self._drained.wait()

    def hold_reading(self, *, hold: bool) -> None:
        """See ``session.Line``."""
        if self.transport is None or self._closing:
            return
        if hold and self.transport.is_reading():
            self.transport.pause_reading()
        elif not hold and not self.transport.is_reading():
            self.transport.resume_reading()

    def prove_soon(self) -> None:
        """See ``session.Line``."""
        if self._asking is not None:
            self._asking.prove_soon()

    def ask_about_the_rest(self) -> None:
        """See ``session.Line``."""
        if self._asking is not None:
            self._asking.about_the_rest()

    def end(self, error: StreamError | None) -> None:
        """See ``session.Line``."""
        engine = self._engine
        if engine is None or self._closing:
            return
        if engine.phase is Phase.SECURING:
            self.give_up_handshake()  # nothing can be said in the middle of one
            return
        if error is not None:
            engine.fail(error)
        else:
            engine.close()
        self.pump(engine)

    # -- writing -------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is queued in one piece, and ask for acknowledgements where due."""
        transport = self.transport
        if transport is None or not self._pending:
            return
        if transport.is_closing():
            self._pending.clear()
            return
        if self._asking is not None and not self._closing:  # nothing follows the stream's end
            request = self._asking.behind_flush()
            if request:
                self._pending.append(request)
        data = b"".join(self._pending)
        self._pending.clear()
        before = transport.get_write_buffer_size() if self._full else 0
        transport.write(data)
        if self._full:
            self._check_queue(transport, before, len(data))

    def _check_queue(
        self, transport: asyncio.Transport, before_bytes: int, added_bytes: int
    ) -> None:
        """Cut a client off that does not take what it is sent.

        A resumption or a long answer may be larger than the queue by itself;
        then the client is given the chance to take it.
        """
        limit = self._services.limits.send_queue_bytes
        waiting = transport.get_write_buffer_size()
        if before_bytes <= limit < waiting and added_bytes > limit // 2:
            self._ceiling = waiting + limit
        if waiting <= max(limit, self._ceiling):
            return
        # No goodbye: it would wait behind what the client does not read.
        self.log.warning("client does not read; connection cut", waiting_bytes=waiting)
        self._closing = True
        transport.abort()

    # -- reading -------------------------------------------------------------------------

    def pump(self, engine: ServerStream) -> None:
        """Let what the engine has seen take effect, in order, and send what it says."""
        while True:
            events = engine.events()
            # The end of our stream goes out behind the answers to what came before it.
            closes = bool(events) and type(events[-1]) is Closed
            if not closes:
                self.say(engine)
            if not events:
                break
            stanzas: list[Stanza] = []
            for event in events:
                if type(event) is Stanza:
                    stanzas.append(event)
                else:
                    self._take(stanzas)
                    stanzas = []
                    if closes:
                        self.say(engine)
                    self._event(event)
            self._take(stanzas)
        if self._closing:
            self._part()

    def say(self, engine: ServerStream) -> None:
        """Queue what the engine says."""
        said = engine.outbox()
        if said:
            self.write(said)

    def _take(self, stanzas: list[Stanza]) -> None:
        if stanzas and self._inbox is not None and not self._closing:
            self._inbox.take(stanzas)

    def _event(self, event: object) -> None:
        if isinstance(event, Closed):
            self._closed(event)
        elif self._entrance is not None:
            self._entrance.take(event)

    def _closed(self, event: Closed) -> None:
        if event.error is not None:
            self.complain("stream ended", str(event.error), condition=event.error.condition)
        self._closing = True
        self._leave_entrance()
        context, self.context = self.context, None
        inbox = self._inbox
        if context is None or context.session.line is not self:
            if inbox is not None:
                inbox.stop()
        elif event.clean and inbox is not None and inbox.busy:
            # Whoever says goodbye still wants done what was asked for before.
            context.session.resumable = False
            context.session.line = None
            inbox.finish(lambda: self._ways.lifecycle.end(context.session))
        else:
            self._ways.lifecycle.end(context.session)

    def complain(self, what: str, why: str, **values: object) -> None:
        """Log what went wrong; strangers do not get to fill the log."""
        if self.context is not None:
            self.log.info(what, why=why, **values)
        else:
            now = self._services.clock.monotonic()
            self._ways.noise.info(
                what, what, now=now, connection=self._id, peer=self.host, why=why, **values
            )

    def _part(self) -> None:
        """Close the transport; a client that does not take the rest is cut off."""
        self.flush()
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        transport.close()
        self._services.clock.call_later(GOODBYE_SECONDS, transport.abort)

    # -- Entering: what the way in asks of its connection, until it carries a session ----

    @property
    def over(self) -> bool:
        """Whether the stream has ended, or the connection is broken."""
        return self._closing or self.transport is None

    def carry(self, context: Context) -> None:
        """Begin to carry a session; the client is in."""
        self._leave_entrance()
        self._alarm = self._services.clock.call_later(SETTLE_SECONDS, self._settle)
        self.context = context
        self._jid = context.session.full
        self._asking = Asking(self, context)
        self._inbox = self._ways.inbox(context)
        self._ways.carries(self)

    def _leave_entrance(self) -> None:
        if self._entrance is not None:
            self._entrance.stop()
            self._entrance = None

    def _settle(self) -> None:
        self._alarm = None
        if self._engine is not None:
            self._engine.rest()

    def give_up_handshake(self) -> None:
        """End a connection whose TLS handshake failed or takes too long."""
        self._closing = True
        transport = self.transport
        if transport is not None:
            transport.abort()
            # The loop tells nobody of a connection that is lost within a handshake.
            self.connection_lost(None)

    def cut(self) -> None:
        """End the connection without another word."""
        if self.transport is not None:
            self.transport.abort()

    # -- is the client still there? ---------------------------------------------------

    def sweep(self, now: float) -> None:
        """See ``ways.Carrier``."""
        if self._asking is not None and self.context is not None:
            if self._engine is not None and now - self._asking.heard >= REST_SECONDS:
                self._engine.rest()
            self._asking.sweep(now)

    def give_up(self, silent_seconds: float) -> None:
        """See ``asking.Asked``."""
        self.log.info("client is gone", silent_seconds=round(silent_seconds))
        self._closing = True
        self.cut()
