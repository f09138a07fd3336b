"""``GET /metrics`` for Prometheus: a listener that speaks as much HTTP/1.1 as that takes.

One request a connection, then it is closed. Nothing is read beyond the
request's head, and everything about a scraper is bounded, so that a slow or
odd one costs a connection for ``TIME_LIMIT`` and nothing else.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Final

from clarion.config.values import Endpoint
from clarion.lib.crew import Crew, crew
from clarion.lib.log import get_logger
from clarion.lib.metrics import Exposition
from clarion.lib.sockets import bound, refusal, written

HEAD_LIMIT: Final = 8 * 1024
"""LIMIT: bytes of a request's head; Prometheus sends some 300."""
CONNECTIONS_LIMIT: Final = 16
"""LIMIT: connections at once; one more is closed unheard."""
TIME_LIMIT: Final = 10.0
"""LIMIT: seconds from the connection to its end; Prometheus' own scrape_timeout."""
BACKLOG: Final = 16
PATH: Final = "/metrics"

_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}

log = get_logger("metrics")


@contextmanager
def take_ports(endpoints: Sequence[Endpoint]) -> Generator[tuple[socket.socket, ...], None, None]:
    """Bind a socket for every address, before anything else is opened.

    Raises:
        UsageError: One cannot be bound; one line, and none is left bound.

    """
    with ExitStack() as stack:
        ports: list[socket.socket] = []
        for endpoint in endpoints:
            try:
                ports += [stack.enter_context(one) for one in bound(endpoint.host, endpoint.port)]
            except OSError as error:
                raise refusal("metrics", str(endpoint), error) from None
        yield tuple(ports)


class MetricsListener:
    """Answers scrapers.

    Args:
        ports: Bound sockets.
        exposition: Writes the text.
        time_limit: Seconds of a connection.

    Attributes:
        addresses: Where it listens, ``host:port``.

    """

    def __init__(
        self,
        ports: Sequence[socket.socket],
        exposition: Exposition,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._ports = ports
        self._exposition = exposition
        self._time_limit = time_limit
        self._connections = 0
        self.addresses: list[str] = []

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``."""
        async with crew() as hands:
            servers = [
                await asyncio.start_server(
                    self._connected(hands), sock=port, limit=HEAD_LIMIT, backlog=BACKLOG
                )
                for port in self._ports
            ]
            self.addresses = [written(port) for port in self._ports]
            for port, address in zip(self._ports, self.addresses, strict=True):
                log.info("listening", kind="metrics", address=address)
                if not ipaddress.ip_address(port.getsockname()[0]).is_loopback:
                    log.warning(
                        "metrics can be read by whoever reaches this address; "
                        "a loopback address is safer",
                        address=address,
                    )
            try:
                yield
            finally:
                for server in servers:
                    server.close()

    def _connected(
        self, hands: Crew
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._connections >= CONNECTIONS_LIMIT:
                writer.transport.abort()
                return
            self._connections += 1
            hands.errand(self._talk(reader, writer), name="metrics connection")

        return connected

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._time_limit):
                writer.write(await self._answer(reader))
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # it went away, or took too long
        finally:
            self._connections -= 1
            with suppress(RuntimeError):  # the loop is closing
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response(431, f"a request's head has at most {HEAD_LIMIT} bytes")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _response(400, "this is no HTTP/1.1 request")
        method, target, _ = words
        if target.partition("?")[0] != PATH:
            return _response(404, f"there is only {PATH} here")
        if method not in {"GET", "HEAD"}:
            return _response(405, f"{PATH} can only be read", "Allow: GET, HEAD\r\n")
        try:
            kind, text = self._exposition.text(_header(lines, "accept"))
        except Exception:  # a fault of ours must not end the server
            log.exception("figures cannot be told")
            return _response(500, "the server failed; see its log")
        return _head(200, kind, len(text)) + (text if method == "GET" else b"")


def _header(lines: Sequence[str], name: str) -> str:
    for line in lines[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


def _response(status: int, text: str, more: str = "") -> bytes:
    body = f"{text}\n".encode()
    return _head(status, "text/plain; charset=utf-8", len(body), more) + body


def _head(status: int, kind: str, size_bytes: int, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {size_bytes}\r\n{more}Connection: close\r\n\r\n"
    ).encode("latin-1")
