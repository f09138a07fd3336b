"""XEP-0124 and XEP-0206: XMPP over ordinary HTTP requests, at ``/http-bind``.

A ``Connection`` like any other, above a transport that hands its elements to a
BOSH session (``wire/xmpp/bosh.py``); this file carries requests to sessions
and answers back, and rings their alarms.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from clarion.lib.clock import Alarm
from clarion.wire.xmpp.bosh import BoshSession, fatal
from clarion.wire.xmpp.bosh_body import Body, BodyError, read_body
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.xmpp.connection import Connection
from clarion.xmpp.lifecycle import Lifecycle
from clarion.xmpp.services import Services
from clarion.xmpp.ways import web_kind

PATH: Final = "/http-bind"
BODY_SLACK_BYTES: Final = 16_384
"""LIMIT: of a request, above the largest stanza that the client may send now: the ``<body/>``."""
BODY_SECONDS: Final = 30.0
"""LIMIT: for a request to come whole."""
HIGH_BYTES: Final = 65_536
"""What may wait for requests before the connection is told to write no more."""
_CONTENT: Final = "text/xml; charset=utf-8"
_CONTENTS: Final = re.compile(
    r"(?:text/xml|application/xml|text/plain)(?: ?; ?charset=utf-8)?", re.IGNORECASE
)
"""Content types that a client may ask for. What a browser would run is not among them."""
_SID: Final = re.compile(rb"\ssid=['\"]([0-9a-f]{8,64})['\"]")
_ANYBODY: Final = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT: Final = {
    **_ANYBODY,
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}

Reply = asyncio.Future[tuple[int, bytes]]


class BoshTransport(asyncio.Transport):
    """What a ``Connection`` speaks through: its bytes wait for requests.

    Args:
        session: Which has just begun.
        host: Where the client is.
        content: See below.
        services: The clock.
        gone: Called when the session is over.

    Attributes:
        content: The content type of its answers.

    """

    def __init__(
        self,
        session: BoshSession[Reply],
        host: str,
        content: str,
        services: Services,
        gone: Callable[[], None],
    ) -> None:
        super().__init__()
        self.content = content
        self._session = session
        self._host = host
        self._clock = services.clock
        self._gone = gone
        self._alarm: Alarm | None = None
        self._closing = False
        self._is_reading = True
        self._full = False
        self._unread: list[bytes] = []
        self._connection: Connection | None = None

    @property
    def is_known(self) -> bool:
        """Whether the client has logged in, and may send more at once."""
        return self._connection is not None and self._connection.context is not None

    def begin(self, connection: Connection) -> None:
        """Let the connection begin, and read what the first request says."""
        self._connection = connection
        connection.connection_made(self)
        self._turn()

    def take(self, body: Body, reply: Reply) -> None:
        """Take a request of the client's."""
        self._session.take(body, reply, self._clock.monotonic())
        self._turn()

    # -- asyncio.Transport, as far as a connection uses it ------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See ``asyncio.BaseTransport``; there is no one TLS connection to be bound to."""
        return (self._host, 0) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See ``asyncio.WriteTransport``."""
        self._session.say(bytes(data), self._clock.monotonic())
        if self._session.waiting_bytes > HIGH_BYTES and not self._full and self._connection:
            self._full = True
            self._connection.pause_writing()
        self._turn()

    def get_write_buffer_size(self) -> int:
        """See ``asyncio.WriteTransport``."""
        return self._session.waiting_bytes

    def is_closing(self) -> bool:
        """See ``asyncio.BaseTransport``."""
        return self._closing

    def is_reading(self) -> bool:
        """See ``asyncio.ReadTransport``."""
        return self._is_reading

    def pause_reading(self) -> None:
        """See ``asyncio.ReadTransport``."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """See ``asyncio.ReadTransport``."""
        self._is_reading = True
        asyncio.get_running_loop().call_soon(self._hand_on)

    def close(self) -> None:
        """Let the connection go; the session's last word waits for a request."""
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._lose)

    def abort(self) -> None:
        """See ``asyncio.WriteTransport``."""
        self._unread.clear()
        self._session.abandon()
        self.close()
        self._turn()

    # -- one turn -------------------------------------------------------------------------

    def _turn(self) -> None:
        """Carry out what the session has come to."""
        session = self._session
        received = session.received()
        if received:
            self._unread.append(received)
            self._hand_on()
        for answer in session.answers():
            if not answer.ticket.done():
                answer.ticket.set_result((answer.status, answer.body))
        if self._full and session.waiting_bytes <= HIGH_BYTES // 2 and self._connection:
            self._full = False
            self._connection.resume_writing()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        deadline = session.deadline()
        if deadline is not None:
            delay = max(deadline - self._clock.monotonic(), 0.001)
            self._alarm = self._clock.call_later(delay, self._wake)
        else:
            self._gone()
            self.close()

    def _wake(self) -> None:
        self._alarm = None
        self._session.wake(self._clock.monotonic())
        self._turn()

    def _hand_on(self) -> None:
        while self._unread and self._is_reading and self._connection is not None:
            self._connection.data_received(self._unread.pop(0))
        if self._closing and not self._unread:
            self._lose()

    def _lose(self) -> None:
        """Tell the connection, once it has read what came before the end."""
        if self._unread and self._connection is not None:
            return
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.connection_lost(None)


class Bosh:
    """The way in for clients that have nothing but HTTP requests.

    Args:
        connection: Makes a connection, given ``https`` or ``http``.
        services: The house.
        lifecycle: Ends sessions.

    """

    def __init__(
        self, connection: Callable[[str], Connection], services: Services, lifecycle: Lifecycle
    ) -> None:
        self._connection = connection
        self._services = services
        self._lifecycle = lifecycle
        self._over = False
        self._sessions: dict[tuple[str, bool], BoshTransport] = {}
        self._open: dict[tuple[str, bool], Connection] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def routes(self) -> list[web.RouteDef]:
        """Return what the web listener is to serve."""
        return [
            web.post(PATH, self._post),
            web.options(PATH, self._preflight),
            web.get(PATH, self._look),
        ]

    def goodbye(self) -> None:
        """End every stream; nobody is let in any more."""
        self._over = True
        error = StreamError(StreamCondition.SYSTEM_SHUTDOWN, "the server is stopping")
        for connection in list(self._open.values()):
            if connection.context is not None:
                self._lifecycle.end(connection.context.session, error)
            else:
                connection.end(error)
            connection.flush()

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=_PREFLIGHT)

    async def _look(self, request: web.Request) -> web.Response:
        return web.Response(text="XMPP over BOSH (XEP-0124) is spoken here, with POST.\n")

    async def _post(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                raw = await self._whole(request)
            body = read_body(raw)
        except BodyError:
            return _answer(200, fatal("bad-request"))
        reply: Reply = asyncio.get_running_loop().create_future()
        key = (body.sid, request.secure)
        transport = self._sessions.get(key) if body.sid else None
        if transport is not None:
            transport.take(body, reply)
        elif body.sid:
            return _answer(200, fatal("item-not-found"))
        else:
            condition = self._refusal(body)
            if condition:
                return _answer(200, fatal(condition))
            try:
                transport = self._begin(body, request, reply)
            except BodyError:
                return _answer(200, fatal("bad-request"))
        return _answer(*await reply, transport.content)

    async def _whole(self, request: web.Request) -> bytes:
        """Read a request's body; who has not logged in may send less."""
        limits = self._services.limits
        most = limits.login_stanza_bytes + BODY_SLACK_BYTES
        data = bytearray()
        async for piece in request.content.iter_chunked(16_384):
            data += piece
            if len(data) > most and self._is_known(bytes(data[:BODY_SLACK_BYTES]), request.secure):
                most = limits.stanza_bytes + BODY_SLACK_BYTES
            if len(data) > most:
                raise web.HTTPRequestEntityTooLarge(most, len(data))
        return bytes(data)

    def _is_known(self, begin: bytes, secure: bool) -> bool:  # noqa: FBT001  # part of a key
        """Say whether a request that is still coming is one of somebody who has logged in."""
        found = _SID.search(begin)
        transport = None if found is None else self._sessions.get((found[1].decode(), secure))
        return transport is not None and transport.is_known

    def _refusal(self, body: Body) -> str:
        """Return why there can be no session, or nothing."""
        if self._over:
            return "system-shutdown"
        to = body.attributes.get("to", "")
        if not to:
            return "improper-addressing"
        return "" if to.lower().removesuffix(".") == self._services.domain else "host-unknown"

    def _begin(self, body: Body, request: web.Request, reply: Reply) -> BoshTransport:
        kind = web_kind(request.remote, secure=request.secure)
        services = self._services
        key = (services.token(), request.secure)
        session = BoshSession(key[0], services.domain, body, reply, services.clock.monotonic())
        wanted = body.attributes.get("content", _CONTENT)

        def gone() -> None:
            self._sessions.pop(key, None)
            self._open.pop(key, None)

        transport = BoshTransport(
            session,
            request.remote or "local",
            wanted if _CONTENTS.fullmatch(wanted) else _CONTENT,
            services,
            gone,
        )
        self._sessions[key] = transport
        connection = self._open[key] = self._connection(kind)
        transport.begin(connection)
        return transport


def _answer(status: int, body: bytes, content: str = _CONTENT) -> web.Response:
    return web.Response(
        status=status,
        body=body,
        headers={"Content-Type": content, "Cache-Control": "no-store", **_ANYBODY},
    )
