"""The listeners' ports: are they the server's, free for it, or somebody else's."""

import errno
import ipaddress
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

from clarion.cli.health.finding import Finding, bad, doubtful, good
from clarion.config.model import Config
from clarion.config.values import Endpoint

PART: Final = "ports"
TIME_LIMIT: Final = 2.0
"""LIMIT: seconds to connect; the server is on this machine."""


def look(config: Config, status: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Connect to every listener of a running server; without one, see whether it could listen.

    Args:
        config: Says where the listeners are.
        status: What the running server says of itself; ``None`` when none runs.

    """
    for kind, endpoint in _listeners(config):
        where = f"{kind} {endpoint}"
        if status is None:
            yield from _free(where, endpoint)
        else:
            yield _answers(where, kind, endpoint, status)


def _listeners(config: Config) -> Iterator[tuple[str, Endpoint]]:
    for kind, endpoints in (
        ("starttls", config.xmpp.listen),
        ("tls", config.xmpp.listen_tls),
        ("plain", config.xmpp.listen_plain),
        ("server", config.xmpp.listen_server),
        ("server-tls", config.xmpp.listen_server_tls),
        ("component", config.xmpp.listen_component),
        ("metrics", config.metrics.listen),
        ("https", () if config.web is None else config.web.listen),
        ("http", () if config.web is None else config.web.listen_plain),
    ):
        for endpoint in endpoints:
            yield kind, endpoint


def _answers(where: str, kind: str, endpoint: Endpoint, status: Mapping[str, Any]) -> Finding:
    told = [one["address"] for one in status.get("listening", ()) if one["kind"] == kind]
    ports = {int(address.rpartition(":")[2]) for address in told}
    if endpoint.port not in ports | {0} or not ports:
        return doubtful(
            PART, f"{where}: the running server does not listen there", "restart the server"
        )
    port = endpoint.port or min(ports)
    host = _reachable(endpoint.host)
    try:
        with socket.create_connection((host, port), TIME_LIMIT):
            pass
    except OSError as error:
        return bad(
            PART,
            f"{where}: the server listens, and cannot be reached at {host}: {_why(error)}",
            "look at this machine's firewall and its number of open files",
        )
    return good(PART, f"{where}: the server answers")


def _free(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    try:
        found = socket.getaddrinfo(
            endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        advice = "change the address in the configuration"
        if error.errno == errno.EADDRINUSE:
            advice = "`ss -ltnp` shows who has it: stop that, or take another port"
        elif isinstance(error, PermissionError):
            advice = "ports below 1024 need root or CAP_NET_BIND_SERVICE"
        yield bad(PART, f"{where}: {_why(error)}", advice)
    else:
        yield good(PART, f"{where}: free for the server")


def _reachable(host: str) -> str:
    """Return where a listener on all addresses is found on this machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "::1" if address.version == 6 else "127.0.0.1"
    return host


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
