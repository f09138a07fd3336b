"""The components that are connected, and what is for them (XEP-0114)."""

from collections.abc import Mapping
from typing import Final

from clarion.config.server import LimitsConfig
from clarion.core.ports import Parcel
from clarion.lib.log import get_logger
from clarion.wire.xmpp.component_stream import ComponentStream, Joined, Parted
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.renaming import for_stream
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.federation.arrivals import Arrivals
from clarion.xmpp.federation.connection import PeerConnection
from clarion.xmpp.federation.links import Links
from clarion.xmpp.federation.under_way import UnderWay
from clarion.xmpp.services import Services

UNPROVEN_LIMIT: Final = 16  # LIMIT: connections that have not done the handshake

log = get_logger("federation")


class Components:
    """One connection per component.

    Args:
        services: The house.
        limits: Of stanzas and of the handshake.
        secrets: Of each component, by its domain.
        arrivals: Takes what they send.
        links: Sends errors for what cannot be delivered.

    """

    def __init__(
        self,
        services: Services,
        limits: LimitsConfig,
        secrets: Mapping[str, str],
        arrivals: Arrivals,
        links: Links,
    ) -> None:
        self.services = services
        self.arrivals = arrivals
        self._limits = limits
        self._secrets = secrets
        self._links = links
        self._joined: dict[str, _Component] = {}
        self._all: set[_Component] = set()

    def knows(self, domain: str) -> bool:
        """Whether a domain is a component's, connected or not."""
        return domain in self._secrets

    def take(self, domain: str, parcel: Parcel) -> None:
        """Take a parcel for a component."""
        component = self._joined.get(domain)
        raw = for_stream(parcel.stanza)
        if component is None or raw is None:
            why = f"{domain} is not connected"
            self._links.bounce(parcel, StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, why))
        else:
            component.send(raw)

    def connection(self) -> PeerConnection:
        """Return a connection for somebody who has just come."""
        return _Component(self).connection

    def close(self) -> None:
        """End every stream."""
        goodbye = StreamError(StreamCondition.SYSTEM_SHUTDOWN, "the server is stopping")
        for component in list(self._all):
            component.connection.end(goodbye)

    # -- what connections tell ------------------------------------------------------------

    def came(self, component: "_Component") -> ComponentStream | None:
        """Make the stream of a new connection, if there is room."""
        if len(self._all) - len(self._joined) >= UNPROVEN_LIMIT:
            return None
        self._all.add(component)
        limits = self._limits
        return ComponentStream(
            self._secrets.get,
            token=self.services.token,
            now=self.services.clock.monotonic(),
            early_bytes=limits.login_stanza_bytes,
            stanza_bytes=limits.stanza_bytes,
            negotiation_seconds=limits.login_time,
        )

    def joined(self, domain: str, component: "_Component") -> None:
        """Take note that a component is there; an older connection of it stays."""
        if domain in self._joined:
            component.connection.end(
                StreamError(StreamCondition.CONFLICT, "this component is connected already")
            )
            return
        self._joined[domain] = component
        log.info("component connected", domain=domain)

    def left(self, component: "_Component") -> None:
        """Take note that a connection is gone."""
        self._all.discard(component)
        for domain, one in list(self._joined.items()):
            if one is component:
                del self._joined[domain]
                log.info("component disconnected", domain=domain)


class _Component:
    """Owner of one connection."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._engine: ComponentStream | None = None
        self.connection = PeerConnection(components.services.clock, self)
        self._under_way = UnderWay(components.services.crew, self.connection, components.arrivals)

    def send(self, raw: bytes) -> None:
        if self._engine is not None:
            self._engine.send(raw)
            self.connection.pump()

    def begin(self, connection: PeerConnection) -> ComponentStream | None:
        self._engine = self._components.came(self)
        return self._engine

    def heard(self, event: object) -> None:
        match event:
            case Stanza():
                self._stanza(event)
            case Joined():
                self._components.joined(event.domain, self)
            case Parted() if event.error is not None:
                log.info("a component's stream ended", why=str(event.error))

    def gone(self) -> None:
        self._components.left(self)

    def _stanza(self, stanza: Stanza) -> None:
        components = self._components
        try:
            recipient = parse_jid(stanza.attributes["to"])
        except JidError as error:
            why = StanzaError(StanzaCondition.JID_MALFORMED, str(error))
            components.arrivals.refuse(stanza, why)
            return
        services = components.services
        if recipient.domain != services.domain and not services.is_outside(recipient.bare):
            why = StanzaError(StanzaCondition.REMOTE_SERVER_NOT_FOUND, "no way leads there")
            components.arrivals.refuse(stanza, why)
            return
        self._under_way.add(stanza)
