"""The HTTP listener: routes of other doors, behind limits of its own.

A door hands in its routes as values and sees requests only: ``remote`` and
``secure`` say who the client is and whether TLS protects it, also where a
trusted proxy stands between. Whatever a handler raises becomes a short text.
"""

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from clarion.config.server import LimitsConfig
from clarion.config.web import WebConfig
from clarion.core.throttle import network_of
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.clock import Clock
from clarion.lib.errors import ClarionError, DeniedError, UnavailableError
from clarion.lib.log import RateLimited, get_logger
from clarion.lib.sockets import written
from clarion.web.doorkeeper import Doorkeeper
from clarion.web.forwarding import client_of, is_among
from clarion.web.ports import WebPort, refusal

BACKLOG: Final = 1024  # connections that may wait to be accepted; everybody comes back at once
IDLE_SECONDS: Final = 75.0
"""LIMIT: of a connection without a whole request; ordinary proxies keep theirs for 60."""
LINE_LIMIT: Final = 8190
"""LIMIT: bytes of a request's first line, and of one header field."""
HEADERS_LIMIT: Final = 64
"""LIMIT: header fields of a request; browsers send some 20."""
BODY_LIMIT: Final = 1024 * 1024
"""LIMIT: bytes of a body that a handler reads as a whole and gives no other limit for."""
LINGER_SECONDS: Final = 5.0
"""LIMIT: for the rest of a body that nobody reads, so that the client sees the refusal."""

log = get_logger("web")


class WebListener:
    """Serves HTTP/1.1.

    Args:
        config: Proxies that are trusted.
        limits: How much one address may take.
        certificate: What TLS shows; ``None`` when no listener has TLS.
        clock: For what is logged.
        log_lines: LIMIT: lines of one kind a second that strangers can cause.

    Attributes:
        addresses: Kind (``https``, ``http``) and ``host:port`` of every listener.

    """

    def __init__(
        self,
        config: WebConfig,
        limits: LimitsConfig,
        certificate: CertificateHolder | None,
        clock: Clock,
        log_lines: int,
    ) -> None:
        self._trusted = config.trusted_proxies
        self._limits = limits
        self._certificate = certificate
        self._clock = clock
        self._noise = RateLimited(log, log_lines)
        self._servers: list[asyncio.Server] = []
        self._by_host: Counter[str] = Counter()
        self._connections = 0
        self._under_way = 0
        self._answers: Counter[tuple[str, str]] = Counter()
        self._cut = 0
        self.addresses: list[tuple[str, str]] = []

    @asynccontextmanager
    async def serve(
        self,
        ports: Sequence[WebPort],
        routes: Iterable[web.AbstractRouteDef],
        goodbyes: Iterable[Callable[[], None]] = (),
    ) -> AsyncGenerator[None, None]:
        """Answer on ``ports``; on the way out what is under way gets the drain time.

        Args:
            ports: Where to listen; closed here in the end.
            routes: Of all doors.
            goodbyes: Called when nobody is let in any more; a door ends what it
                would hold open without end.

        Raises:
            UsageError: Somebody else began to listen at one of them meanwhile.

        """
        runner = self._runner(routes)
        await runner.setup()
        try:
            for port in ports:
                await self._listen(port, runner)
            yield
        finally:
            for server in self._servers:
                server.close()
            for goodbye in goodbyes:
                goodbye()
            await runner.cleanup()
            self._noise.flush(self._clock.monotonic())

    def limit(self, limits: LimitsConfig) -> None:
        """Use other limits for connections and requests from now on."""
        self._limits = limits

    def figures(self) -> Iterable[Metric]:
        """See ``lib.metrics.Source``."""
        yield GaugeMetricFamily(
            "clarion_http_connections", "Connections of HTTP clients.", self._connections
        )
        yield GaugeMetricFamily(
            "clarion_http_requests_under_way", "Requests being answered.", self._under_way
        )
        answers = CounterMetricFamily(
            "clarion_http_requests", "Requests answered.", labels=["route", "status"]
        )
        for (route, status), count in sorted(self._answers.items()):
            answers.add_metric([route, status], count)
        yield answers
        yield CounterMetricFamily(
            "clarion_http_refused", "Connections and requests above a limit.", self._cut
        )

    # -- listening ------------------------------------------------------------------------

    def _runner(self, routes: Iterable[web.AbstractRouteDef]) -> web.AppRunner:
        app = web.Application(middlewares=[self._answer()], client_max_size=BODY_LIMIT)
        app.add_routes(routes)
        app.on_response_prepare.append(_sign)
        # Not in the tree, where what strangers send would fill the log.
        complaints = logging.Logger("http")  # noqa: LOG001  # for the reason above
        complaints.addHandler(_Complaints(self._noise, self._clock))
        return web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,  # what a body is, its door says
            logger=complaints,
            handler_cancellation=True,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            max_line_size=LINE_LIMIT,
            max_field_size=LINE_LIMIT,
            max_headers=HEADERS_LIMIT,
            shutdown_timeout=self._limits.drain_time,
        )

    async def _listen(self, port: WebPort, runner: web.AppRunner) -> None:
        secure = port.kind == "https"
        assert runner.server is not None, "it was set up"
        make: Any = runner.server
        enter = self._enter if secure else self._enter_plain
        certificate = self._certificate
        assert certificate is not None or not secure, "config.check.needs_tls() knows"
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: Doorkeeper(make, enter, self._leave),
                sock=port.socket,
                ssl=certificate.https if secure and certificate is not None else None,
                ssl_handshake_timeout=self._limits.login_time if secure else None,
                backlog=BACKLOG,
            )
        except OSError as error:
            raise refusal(port.endpoint, error) from None
        self._servers.append(server)
        where = written(port.socket)
        self.addresses.append((port.kind, where))
        log.info("listening", kind=port.kind, address=where)

    # -- who may come in ------------------------------------------------------------------

    def _enter(self, host: str) -> bool:
        """Count a connection; ``False``: its host has too many. Proxies stand for many hosts."""
        if not is_among(host, self._trusted) and not self._count(host):
            return False
        self._connections += 1
        return True

    def _enter_plain(self, host: str) -> bool:
        """Let in who is on this machine or a trusted proxy: nothing else protects the bytes."""
        if not (_is_loopback(host) or is_among(host, self._trusted)):
            self._cut += 1
            self._noise.warning(
                "plain",
                "a connection without TLS was cut; its address is not in web.trusted_proxies",
                now=self._clock.monotonic(),
                peer=host,
            )
            return False
        return self._enter(host)

    def _leave(self, host: str) -> None:
        self._connections -= 1
        if not is_among(host, self._trusted):
            self._discount(host)

    def _count(self, host: str) -> bool:
        network, most = network_of(host), self._limits.connections_per_address
        if self._by_host[network] >= most:
            self._cut += 1
            self._noise.warning(
                "connections_per_address",
                "too many connections from one address; the new one was cut",
                now=self._clock.monotonic(),
                peer=network,
                limit="limits.connections_per_address",
                most=most,
            )
            return False
        self._by_host[network] += 1
        return True

    def _discount(self, host: str) -> None:
        network = network_of(host)
        self._by_host[network] -= 1
        if not self._by_host[network]:
            del self._by_host[network]

    # -- requests ---------------------------------------------------------------------------

    def _answer(self) -> Any:
        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            route = "none" if resource is None else resource.canonical
            self._under_way += 1
            status = 499  # the client went away before there was an answer
            try:
                response = await self._known(request, handler)
                status = response.status
            finally:
                self._under_way -= 1
                self._answers[route, f"{status // 100}xx"] += 1
            return response

        return answer

    async def _known(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request whose client is known, also behind a proxy."""
        peer = request.remote or ""
        if not is_among(peer, self._trusted):
            return await _answered(request, handler)
        headers = request.headers
        client = client_of(peer, headers.getall(hdrs.X_FORWARDED_FOR, ()), self._trusted)
        scheme = headers.get(hdrs.X_FORWARDED_PROTO, request.scheme).strip().lower()
        if not self._count(client):
            return _text(429, "too many requests at once from this address; try again later")
        try:
            known = request.clone(remote=client, scheme="https" if scheme == "https" else "http")
            return await _answered(known, handler)
        finally:
            self._discount(client)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Map whatever a handler raises; the only place that does."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        return _refused(refusal)
    except DeniedError as error:
        return _text(403, str(error))
    except UnavailableError as error:
        return _text(503, str(error))
    except ClarionError as error:
        return _text(400, str(error))
    except TimeoutError:
        return _text(408, "the request came too slowly")
    except (ConnectionError, web.RequestPayloadError):
        raise  # nobody is there to be told
    except Exception:  # one client's bad luck is nobody else's
        log.exception("a request met a fault of the server", peer=request.remote)
        return _text(500, "the server failed; its log says more")


def _refused(refusal: web.HTTPException) -> web.StreamResponse:
    if refusal.status == 404:
        return _text(404, "there is nothing here")
    if refusal.status < 400 or refusal.empty_body:
        raise refusal
    words = {405: "this can not be done here", 413: "the body is too large"}
    text = words.get(refusal.status) or (refusal.text or refusal.reason).strip()
    response = _text(refusal.status, text)
    for name, value in refusal.headers.items():
        if name not in {hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH}:
            response.headers.add(name, value)
    return response


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = "Clarion"
    response.headers.setdefault("X-Content-Type-Options", "nosniff")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Complaints(logging.Handler):
    """Takes what aiohttp says of requests that cannot be read."""

    def __init__(self, noise: RateLimited, clock: Clock) -> None:
        super().__init__(logging.WARNING)
        self._noise = noise
        self._clock = clock

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        why = record.getMessage() if error is None else f"{type(error).__name__}: {error}"
        self._noise.info(
            "http", "a request could not be read", now=self._clock.monotonic(), why=why[:200]
        )
