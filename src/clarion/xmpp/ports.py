"""The door's ports, taken before anything else is opened or written.

So a busy port, or one that needs more rights, is told while nothing has been
touched. The sockets listen only once ``XmppDoor.serve`` is ready for clients.
"""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from clarion.config.chat import XmppConfig
from clarion.config.values import Endpoint
from clarion.lib import sockets
from clarion.lib.errors import UsageError
from clarion.lib.sockets import bound


@dataclass(frozen=True, slots=True)
class TakenPort:
    """A bound socket that does not listen yet.

    Attributes:
        kind: ``starttls``, ``tls``, ``plain``, ``server``, ``server-tls`` or ``component``.
        endpoint: As configured, for what is said about it.
        socket: Non-blocking.

    """

    kind: str
    endpoint: Endpoint
    socket: socket.socket

    @property
    def written(self) -> str:
        """Where it is bound, as in the configuration."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if self.socket.family == socket.AF_INET6 else f"{host}:{port}"


@contextmanager
def take_ports(config: XmppConfig) -> Generator[tuple[TakenPort, ...], None, None]:
    """Bind a socket for every address of every listener; on the way out they are closed.

    Raises:
        UsageError: One cannot be bound; one line, and none is left bound.

    """
    with ExitStack() as stack:
        ports: list[TakenPort] = []
        for kind, endpoints in (
            ("starttls", config.listen),
            ("tls", config.listen_tls),
            ("plain", config.listen_plain),
            ("server", config.listen_server),
            ("server-tls", config.listen_server_tls),
            ("component", config.listen_component),
        ):
            for endpoint in endpoints:
                try:
                    ports += [
                        TakenPort(kind, endpoint, stack.enter_context(one))
                        for one in bound(endpoint.host, endpoint.port)
                    ]
                except OSError as error:
                    raise refusal(endpoint, error) from None
        yield tuple(ports)


def refusal(endpoint: Endpoint, error: OSError) -> UsageError:
    """Return why this door cannot listen there."""
    return sockets.refusal("xmpp", str(endpoint), error)
