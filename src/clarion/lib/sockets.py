"""Listening sockets, bound before anybody is let in."""

import errno
import socket
from collections.abc import Iterator

from clarion.lib.errors import UsageError


def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a TCP socket for every address of ``host``; they do not listen yet.

    Args:
        host: A name or an address, IPv6 without its brackets.
        port: 0 lets the system choose.

    Yields:
        Non-blocking sockets; the caller closes them.

    Raises:
        OSError: One cannot be bound; those before it stay with the caller.

    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in dict.fromkeys(found):
        one = socket.socket(family, kind, protocol)
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or a restart waits minutes
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has its own
            one.setblocking(False)  # noqa: FBT003  # the loop's
            one.bind(address)
        except OSError:
            one.close()
            raise
        yield one


def refusal(door: str, endpoint: str, error: OSError) -> UsageError:
    """Return why nothing can listen there, and what to do.

    Args:
        door: Who wanted to, the section's name in the configuration.
        endpoint: Where, as configured.
        error: What the system said.

    """
    if isinstance(error, PermissionError):
        return UsageError(
            f"{door}: no right to listen on {endpoint}: ports below 1024 need root or "
            "CAP_NET_BIND_SERVICE"
        )
    why = (error.strerror or str(error)).lower()
    if error.errno == errno.EADDRINUSE:
        why += "; is Clarion running already? `ss -ltnp` shows by whom"
    return UsageError(f"{door}: cannot listen on {endpoint}: {why}")


def written(listening: socket.socket) -> str:
    """Return where a socket listens, ``host:port``, IPv6 in brackets."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if listening.family == socket.AF_INET6 else f"{host}:{port}"
