"""The web door's ports, taken before anything else is opened or written."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from clarion.config.values import Endpoint
from clarion.config.web import WebConfig
from clarion.lib import sockets
from clarion.lib.errors import UsageError
from clarion.lib.sockets import bound


@dataclass(frozen=True, slots=True)
class WebPort:
    """A bound socket that does not listen yet.

    Attributes:
        kind: ``https`` or ``http``.
        endpoint: As configured, for what is said about it.
        socket: Non-blocking.

    """

    kind: str
    endpoint: Endpoint
    socket: socket.socket


@contextmanager
def take_ports(config: WebConfig | None) -> Generator[tuple[WebPort, ...], None, None]:
    """Bind a socket for every address; without a section for none.

    Raises:
        UsageError: One cannot be bound; one line, and none is left bound.

    """
    wanted = () if config is None else (("https", config.listen), ("http", config.listen_plain))
    with ExitStack() as stack:
        ports: list[WebPort] = []
        for kind, endpoints in wanted:
            for endpoint in endpoints:
                try:
                    ports += [
                        WebPort(kind, endpoint, stack.enter_context(one))
                        for one in bound(endpoint.host, endpoint.port)
                    ]
                except OSError as error:
                    raise refusal(endpoint, error) from None
        yield tuple(ports)


def refusal(endpoint: Endpoint, error: OSError) -> UsageError:
    """Return why this door cannot listen there."""
    return sockets.refusal("web", str(endpoint), error)
