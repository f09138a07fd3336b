"""What every connection of a listener shares."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from clarion.core.throttle import Throttle
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.errors import DeniedError
from clarion.lib.log import RateLimited
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.stream_events import StreamRules
from clarion.xmpp.bytestreams import Bytestreams
from clarion.xmpp.context import Context
from clarion.xmpp.extension import BindHandler
from clarion.xmpp.inbox import Inbox
from clarion.xmpp.lifecycle import Lifecycle
from clarion.xmpp.services import Services

WITHOUT_TLS: Final = frozenset({"plain", "http"})
"""Kinds of listener where log-in is offered without TLS; others cannot reach them."""


def web_kind(remote: str | None, *, secure: bool) -> str:
    """Return the kind of listener that a browser came through.

    Args:
        remote: The client's address, also where it came through a proxy.
        secure: Whether TLS protects it, perhaps as far as that proxy.

    Raises:
        DeniedError: It comes from elsewhere, and nothing would protect its password.

    """
    if secure:
        return "https"
    try:
        near = ipaddress.ip_address((remote or "").partition("%")[0]).is_loopback
    except ValueError:
        near = False
    if not near:
        raise DeniedError(
            "this needs TLS: use https or wss; a proxy has to say X-Forwarded-Proto: https"
        )
    return "http"


class Carrier(Protocol):
    """A connection, as those see it who count connections and let them write."""

    @property
    def host(self) -> str:
        """Where the client connects from."""
        ...

    def flush(self) -> None:
        """Write what is queued."""
        ...

    def end(self, error: StreamError | None) -> None:
        """Close the stream, with an error or in an orderly way."""
        ...

    def cut(self) -> None:
        """End the connection without another word."""
        ...

    def sweep(self, now: float) -> None:
        """Ask a silent client for a sign of life; give up one that sends none."""
        ...


@dataclass(frozen=True, slots=True)
class DoorWays:
    """What every connection of a listener shares.

    Attributes:
        rules: What its streams keep to.
        certificate: What TLS shows; ``None`` on plain listeners.
        direct: TLS comes first (XEP-0368).
        bytestreams: Takes connections that speak SOCKS5; ``None``: nobody does.
        services: The house.
        lifecycle: Sessions.
        throttle: Slows failed log-ins.
        binds: What can be on when a resource is bound, by the element that asks for it.
        inbox: Makes the inbox of a session.
        flush_soon: Queues a connection for the flush at the end of this turn.
        noise: Writes what strangers can cause as often as they like.
        joined: Told of a new connection; ``False``: it may not stay.
        carries: Told when a connection carries a session, and is no stranger's any more.
        left: Told when a connection is gone.

    """

    rules: StreamRules
    certificate: CertificateHolder | None
    direct: bool
    bytestreams: Bytestreams | None
    services: Services
    lifecycle: Lifecycle
    throttle: Throttle
    binds: Mapping[str, BindHandler]
    inbox: Callable[[Context], Inbox]
    flush_soon: Callable[[Carrier], None]
    noise: RateLimited
    joined: Callable[[Carrier], bool]
    carries: Callable[[Carrier], None]
    left: Callable[[Carrier], None]
