"""A connection that another server made to us: lets it prove itself, and takes what it brings.

The stream is ``wire/xmpp/server_incoming.py``, the order of stanzas ``under_way.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from clarion.lib.errors import ClarionError
from clarion.lib.log import RateLimited, get_logger
from clarion.lib.peer_tls import proves
from clarion.wire.xmpp.dialback import Dialback
from clarion.wire.xmpp.errors import StanzaError
from clarion.wire.xmpp.server_events import (
    DialbackWanted,
    PeerClosed,
    PeerProven,
    PeerRules,
    PeerSecureWanted,
)
from clarion.wire.xmpp.server_incoming import IncomingStream
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.federation.arrivals import Arrivals
from clarion.xmpp.federation.connection import PeerConnection
from clarion.xmpp.federation.links import Links
from clarion.xmpp.federation.policy import Contexts
from clarion.xmpp.federation.under_way import UnderWay
from clarion.xmpp.services import Services

log = get_logger("federation")


@dataclass(frozen=True, slots=True)
class GuestWays:
    """What all connections of other servers share.

    Attributes:
        rules: What their streams keep to.
        contexts: TLS.
        links: Asks other servers about keys.
        arrivals: Takes stanzas.
        services: The house.
        noise: Writes what strangers can cause as often as they like.
        joined: Told of a new connection; ``False``: it may not stay.
        left: Told when one is gone.

    """

    rules: PeerRules
    contexts: Contexts
    links: Links
    arrivals: Arrivals
    services: Services
    noise: RateLimited
    joined: Callable[["Guest"], bool]
    left: Callable[["Guest"], None]


class Guest:
    """Owner of one such connection."""

    def __init__(self, ways: GuestWays) -> None:
        self._ways = ways
        self._engine: IncomingStream | None = None
        self.connection = PeerConnection(ways.services.clock, self)
        self._under_way = UnderWay(ways.services.crew, self.connection, ways.arrivals)

    @property
    def host(self) -> str:
        """Where it connects from."""
        return self.connection.host

    def begin(self, connection: PeerConnection) -> IncomingStream | None:
        """See ``connection.Owner``."""
        ways = self._ways
        if not ways.joined(self):
            return None
        services = ways.services
        tls = connection.tls
        certificate = None if tls is None else tls.getpeercert(binary_form=True)
        self._engine = IncomingStream(
            ways.rules,
            token=services.token,
            now=services.clock.monotonic(),
            secure=tls is not None,
            certifies=lambda domain: proves(certificate, domain),
        )
        return self._engine

    def heard(self, event: object) -> None:
        """See ``connection.Owner``."""
        match event:
            case Stanza():
                self._under_way.add(event)
            case PeerSecureWanted():
                self.connection.hold_reading(hold=True)
                self._ways.services.crew.errand(self._secure(), name=f"TLS with {self.host}")
            case DialbackWanted():
                self._ways.links.verify(event.asked, partial(self._verified, event.asked))
            case PeerProven():
                log.info("a server is in", domain=event.sender, peer=self.host, by=event.how)
            case PeerClosed() if event.error is not None:
                self._ways.noise.info(
                    "stream ended",
                    "a server's stream ended",
                    now=self._ways.services.clock.monotonic(),
                    peer=self.host,
                    condition=event.error.condition,
                    why=str(event.error),
                )

    def gone(self) -> None:
        """See ``connection.Owner``."""
        self._ways.left(self)

    def _verified(self, asked: Dialback, kind: str, error: StanzaError | None) -> None:
        if kind != "valid":
            self._ways.noise.info(
                "dialback",
                "a server could not prove its domain",
                now=self._ways.services.clock.monotonic(),
                domain=asked.sender,
                peer=self.host,
                why=error.condition.value if error is not None else "the key is wrong",
            )
        if self._engine is not None:
            self._engine.verified(asked, valid=kind == "valid", error=error)
            self.connection.pump()

    async def _secure(self) -> None:
        engine = self._engine
        try:
            tls = await self.connection.secure(self._ways.contexts.listening)
        except ClarionError:
            self.connection.cut()
            raise
        if tls is None or engine is None:
            return
        certificate = tls.getpeercert(binary_form=True)
        engine.secured(lambda domain: proves(certificate, domain))
        self.connection.hold_reading(hold=False)
        self.connection.pump()
