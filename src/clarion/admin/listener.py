"""The administration door: the command line's way into a running server."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from clarion.admin.audited import local_actor
from clarion.admin.desk import Desk
from clarion.admin.lines import LINE_LIMIT, parse_request, refusal, write
from clarion.admin.unix import close_socket, open_socket
from clarion.admin.verbs import perform
from clarion.lib.crew import Crew, crew
from clarion.lib.errors import ClarionError, PeerError, UnavailableError
from clarion.lib.log import get_logger

CONNECTIONS_LIMIT: Final = 32
"""LIMIT: connections at once; each may hold a line of ``LINE_LIMIT``."""

log = get_logger("admin")


class AdminListener:
    """Answers requests on a Unix socket.

    Whoever can open the socket (mode 0600: the server's user and root) may do
    everything; there is no further log-in.

    Args:
        path: Where the socket is made.
        desk: What the verbs work on.

    """

    def __init__(self, path: Path, desk: Desk) -> None:
        self._path = path
        self._desk = desk
        self._connections = 0

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``.

        Raises:
            UsageError: The socket cannot be made, or a server listens there.

        """
        listener = open_socket(self._path)
        try:
            async with crew() as hands:
                server = await asyncio.start_unix_server(
                    self._connected(hands), sock=listener, limit=LINE_LIMIT
                )
                try:
                    yield
                finally:
                    server.close()
        finally:
            close_socket(self._path, listener)

    def _connected(
        self, hands: Crew
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            hands.errand(self._talk(reader, writer), name="admin connection")

        return connected

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > CONNECTIONS_LIMIT:
                full = UnavailableError(f"at most {CONNECTIONS_LIMIT} connections at once")
                writer.write(write(refusal(full)))
            else:
                await self._answer_all(reader, writer)
        except OSError:  # the other side went away; whatever it asked for is done
            pass
        finally:
            self._connections -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # the rest of the line cannot be told from the next request
                too_long = PeerError(f"a line has at most {LINE_LIMIT} bytes")
                writer.write(write(refusal(too_long)))
                await writer.drain()
                return
            if not line:
                return
            writer.write(write(await self._answer(line, writer)))
            await writer.drain()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> dict[str, Any]:
        told = -1

        def progress(done: int, total: int) -> None:
            nonlocal told
            percent = done * 100 // max(1, total)
            if percent != told and not writer.is_closing():
                told = percent
                writer.write(write({"progress": [done, total]}))

        verb = ""
        try:
            request = parse_request(line)
            verb = request.verb
            result = await perform(
                self._desk, verb, request.arguments, progress, local_actor(_user(writer))
            )
        except ClarionError as error:
            log.info("refused", verb=verb[:64], reason=str(error)[:512])
            return refusal(error)
        except Exception:  # a fault of ours must not end the server
            log.exception("failed", verb=verb[:64])
            return {"error": {"kind": "internal", "text": "the server failed; see its log"}}
        log.info("done", verb=verb)
        return {"result": result}


def _user(writer: asyncio.StreamWriter) -> int:
    """Return the number of the user at the other end; where the system does not say, our own.

    Only root and the server's own user can open the socket.
    """
    option = getattr(socket, "SO_PEERCRED", None)  # Linux
    connection = writer.get_extra_info("socket")
    if option is None or connection is None:
        return os.getuid()
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, size))
    return int(uid)
