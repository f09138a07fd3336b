"""Stands before one HTTP connection: lets it in, or cuts it off, and tells when it has gone."""

import asyncio
from collections.abc import Callable


class Doorkeeper(asyncio.Protocol):
    """Hands everything on to aiohttp's protocol, once the connection may stay.

    Args:
        inner: Makes that protocol.
        enter: Given the peer's address; ``False``: the connection is cut.
        leave: Given the same when a connection that was let in has gone.

    """

    __slots__ = ("_enter", "_host", "_inner", "_leave", "_make")

    def __init__(
        self,
        inner: Callable[[], asyncio.Protocol],
        enter: Callable[[str], bool],
        leave: Callable[[str], None],
    ) -> None:
        self._make = inner
        self._enter = enter
        self._leave = leave
        self._host = ""
        self._inner: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        peer = transport.get_extra_info("peername")
        self._host = str(peer[0]) if peer else "local"
        if not self._enter(self._host):
            assert isinstance(transport, asyncio.WriteTransport), "a stream has both ways"
            transport.abort()
            return
        self._inner = self._make()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        inner, self._inner = self._inner, None
        if inner is not None:
            self._leave(self._host)
            inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """See ``asyncio.Protocol``."""
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        if self._inner is not None:
            self._inner.resume_writing()
