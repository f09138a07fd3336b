"""The door's ports, taken before anything else is opened or written.

So a busy port, or one that needs more rights, is told while nothing has been
touched. The sockets listen only once ``XmppDoor.serve`` is ready for clients.
"""

import errno
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from clarion.config.chat import XmppConfig
from clarion.config.values import Endpoint
from clarion.lib.errors import UsageError


@dataclass(frozen=True, slots=True)
class TakenPort:
    """A bound socket that does not listen yet.

    Attributes:
        kind: ``starttls``, ``tls`` or ``plain``.
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
        ):
            for endpoint in endpoints:
                try:
                    ports += [TakenPort(kind, endpoint, one) for one in _bound(endpoint, stack)]
                except OSError as error:
                    raise refusal(endpoint, error) from None
        yield tuple(ports)


def refusal(endpoint: Endpoint, error: OSError) -> UsageError:
    """Return why nothing can listen there."""
    if isinstance(error, PermissionError):
        return UsageError(
            f"xmpp: no right to listen on {endpoint}: ports below 1024 need root or "
            "CAP_NET_BIND_SERVICE"
        )
    why = (error.strerror or str(error)).lower()
    if error.errno == errno.EADDRINUSE:
        why += "; is Clarion running already? `ss -ltnp` shows by whom"
    return UsageError(f"xmpp: cannot listen on {endpoint}: {why}")


def _bound(endpoint: Endpoint, stack: ExitStack) -> Generator[socket.socket, None, None]:
    found = socket.getaddrinfo(
        endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, kind, protocol, _, address in dict.fromkeys(found):
        bound = stack.enter_context(socket.socket(family, kind, protocol))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or a restart waits minutes
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has its own
        bound.setblocking(False)  # noqa: FBT003  # the loop's
        bound.bind(address)
        yield bound
