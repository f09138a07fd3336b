"""A connection, as those see it who let its client in."""

import asyncio
from typing import Any, Protocol

from clarion.wire.xmpp.stream import ServerStream
from clarion.xmpp.context import Context
from clarion.xmpp.session import Line


class Entering(Line, Protocol):
    """The connection, until it carries a session.

    Attributes:
        transport: What it speaks through; ``None``: it is gone.

    """

    transport: asyncio.Transport | None

    @property
    def host(self) -> str:
        """Where the client connects from."""
        ...

    @property
    def over(self) -> bool:
        """Whether the stream has ended, or the connection is broken."""
        ...

    @property
    def log(self) -> Any:
        """The log, with whose connection it is."""
        ...

    def say(self, engine: ServerStream) -> None:
        """Queue what the stream has to say."""
        ...

    def pump(self, engine: ServerStream) -> None:
        """Let what the stream has seen take effect."""
        ...

    def flush(self) -> None:
        """Write what is queued."""
        ...

    def carry(self, context: Context) -> None:
        """Begin to carry a session; the client is in."""
        ...

    def complain(self, what: str, why: str, **values: object) -> None:
        """Log what went wrong."""
        ...

    def give_up_handshake(self) -> None:
        """End a connection whose TLS handshake failed or takes too long."""
        ...
