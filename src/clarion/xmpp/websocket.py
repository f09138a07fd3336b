"""RFC 7395: XMPP over a WebSocket, at ``/xmpp-websocket``.

A ``Connection`` like any other, above a transport that cuts what it writes
into frames. aiohttp does the handshake, reads frames and answers pings; TLS is
the web listener's.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from aiohttp import WSMsgType, web

from clarion.lib.errors import UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.websocket import close_frame, text_frame
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.framing import CLOSE, SUBPROTOCOL, close_code, to_frames, to_stream
from clarion.xmpp.connection import Connection
from clarion.xmpp.lifecycle import Lifecycle
from clarion.xmpp.services import Services
from clarion.xmpp.ways import web_kind

PATH: Final = "/xmpp-websocket"
FRAME_SLACK_BYTES: Final = 65_536
"""LIMIT: above the largest stanza. A frame up to there gets the stream's own refusal, a larger
one is cut off while it comes (status 1009)."""

log = get_logger("xmpp")


class FrameTransport(asyncio.Transport):
    """What a ``Connection`` speaks through: its bytes leave as frames.

    Args:
        socket: Prepared.
        request: Says who the client is.
        below: The TCP or TLS transport.
        spawn: Runs an errand.

    """

    def __init__(
        self,
        socket: web.WebSocketResponse[Any],
        request: web.Request,
        below: asyncio.Transport,
        spawn: Callable[..., object],
    ) -> None:
        super().__init__()
        self._socket = socket
        self._request = request
        self._below = below
        self._spawn = spawn
        self._last = b""  # the last frame, which may say why there is no other
        self._closing = False
        self._full = False
        self._reading = asyncio.Event()
        self._reading.set()
        self.connection: Connection | None = None

    # -- asyncio.Transport, as far as a connection uses it ------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See ``asyncio.BaseTransport``; the peer is the client, also behind a proxy."""
        if name == "peername":
            return (self._request.remote or "local", 0)
        return self._below.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write elements and stream headers, a frame each."""
        frames: list[bytes] = []
        for frame in to_frames(bytes(data)):
            frames.append(text_frame(frame))
            if frame != CLOSE:
                self._last = frame if frame.startswith(b"<stream:error") else b""
        self._below.write(b"".join(frames))
        if self._request.protocol.writing_paused and not self._full:
            self._full = True
            if self.connection is not None:
                self.connection.pause_writing()
                self._spawn(self._relieved(self.connection), name="websocket that is full")

    async def _relieved(self, connection: Connection) -> None:
        with suppress(ConnectionError):
            await self._socket.pong()  # returns when there is room again (writer_limit)
        self._full = False
        connection.resume_writing()

    def get_write_buffer_size(self) -> int:
        """See ``asyncio.WriteTransport``."""
        return self._below.get_write_buffer_size()

    def is_closing(self) -> bool:
        """See ``asyncio.BaseTransport``."""
        return self._closing or self._below.is_closing()

    def is_reading(self) -> bool:
        """See ``asyncio.ReadTransport``."""
        return self._reading.is_set()

    def pause_reading(self) -> None:
        """See ``asyncio.ReadTransport``; what came already waits."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """See ``asyncio.ReadTransport``."""
        self._reading.set()

    def close(self) -> None:
        """Say goodbye; the client is to close as well (RFC 6455 section 7.1.2)."""
        if not self.is_closing():
            self._closing = True
            self._reading.set()
            self._below.write(close_frame(close_code(self._last)))

    def abort(self) -> None:
        """See ``asyncio.WriteTransport``."""
        self._closing = True
        self._reading.set()
        self._below.abort()

    # -- for the reader -----------------------------------------------------------------

    async def readable(self) -> None:
        """Wait until the connection wants to be handed more."""
        await self._reading.wait()

    def end(self) -> None:
        """Close what is below; answers the client's goodbye if it came first."""
        if not self.is_closing():
            self._below.write(close_frame(1000))
        self._closing = True
        self._below.close()


class WebSockets:
    """The way in for WebSockets.

    Args:
        connection: Makes a connection, given ``https`` or ``http``.
        services: The house.
        lifecycle: Ends sessions.

    Attributes:
        open: The connections that are there.

    """

    def __init__(
        self, connection: Callable[[str], Connection], services: Services, lifecycle: Lifecycle
    ) -> None:
        self._connection = connection
        self._services = services
        self._lifecycle = lifecycle
        self._over = False
        self.open: set[Connection] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return what the web listener is to serve."""
        return [web.get(PATH, self._take)]

    def goodbye(self) -> None:
        """End every stream; nobody is let in any more."""
        self._over = True
        error = StreamError(StreamCondition.SYSTEM_SHUTDOWN, "the server is stopping")
        for connection in list(self.open):
            if connection.context is not None:
                self._lifecycle.end(connection.context.session, error)
            else:
                connection.end(error)
            connection.flush()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it is gone."""
        if self._over:
            raise UnavailableError("the server is stopping")
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if SUBPROTOCOL not in [name.strip() for name in offered.split(",")]:
            raise web.HTTPBadRequest(
                text=f"this is for WebSockets with the subprotocol {SUBPROTOCOL}"
            )
        kind = web_kind(request.remote, secure=request.secure)
        socket = web.WebSocketResponse(
            autoclose=False,
            compress=False,
            decode_text=False,
            max_msg_size=self._services.limits.stanza_bytes + FRAME_SLACK_BYTES,
            protocols=(SUBPROTOCOL,),
            writer_limit=0,
        )
        await socket.prepare(request)
        below = request.transport
        if below is None:
            return socket
        transport = FrameTransport(socket, request, below, self._services.crew.errand)
        connection = self._connection(kind)
        transport.connection = connection
        self.open.add(connection)
        try:
            connection.connection_made(transport)
            await self._read(socket, transport, connection)
        except Exception:  # the answer has begun, so nobody else can tell
            log.exception("a connection met a fault of the server", peer=connection.host)
            transport.abort()
        finally:
            self.open.discard(connection)
            connection.connection_lost(None)
            transport.end()
        return socket

    async def _read(
        self, socket: web.WebSocketResponse[Any], transport: FrameTransport, connection: Connection
    ) -> None:
        while True:
            await transport.readable()
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                try:
                    said = to_stream(message.data)
                except StreamError as error:
                    connection.end(error)
                else:
                    connection.data_received(said)
            elif message.type is WSMsgType.BINARY:
                connection.end(StreamError(StreamCondition.BAD_FORMAT, "frames are text"))
            else:
                return
