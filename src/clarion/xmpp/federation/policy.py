"""Which domains this server talks to, and the keys that it proves itself with."""

import ipaddress
from ssl import SSLContext
from typing import Final

from clarion.config.chat import FederationConfig
from clarion.config.server import LimitsConfig
from clarion.wire.xmpp.dialback import dialback_key
from clarion.wire.xmpp.server_events import PeerRules


class Policy:
    """What the operator says about other servers.

    Args:
        config: ``[xmpp.federation]``.
        ours: Domains that are ours, so that no other server can be one of them.
        served: Those among them that other servers may write to.

    """

    def __init__(
        self, config: FederationConfig, ours: frozenset[str], served: frozenset[str]
    ) -> None:
        self._allow = frozenset(config.allow)
        self._deny = frozenset(config.deny)
        self._ours = ours
        self._served = served

    def serves(self, domain: str) -> bool:
        """Whether other servers may write to a domain here."""
        return domain in self._served

    def admits(self, domain: str) -> bool:
        """Whether we talk to a domain; an address is none, for no certificate names it."""
        if not domain or domain in self._ours or _is_address(domain):
            return False
        return domain not in self._deny and (not self._allow or domain in self._allow)


def peer_rules(policy: Policy, limits: LimitsConfig, secret: bytes) -> PeerRules:
    """Return what streams keep to.

    Args:
        policy: Whom we talk to.
        limits: Those of clients; a server before it is proven is a stranger as well.
        secret: Of our dialback keys.

    """

    def key(receiving: str, originating: str, stream: str) -> str:
        return dialback_key(secret, receiving, originating, stream)

    return PeerRules(
        serves=policy.serves,
        admits=policy.admits,
        key=key,
        early_stanza_bytes=limits.login_stanza_bytes,
        early_total_bytes=limits.login_total_bytes,
        stanza_bytes=limits.stanza_bytes,
        negotiation_seconds=limits.login_time,
    )


class Contexts:
    """TLS in each direction.

    Attributes:
        listening: For whoever connects to us and turns to TLS.
        begun: For whoever connects to us with TLS (XEP-0368).
        connecting: For STARTTLS.
        direct: For TLS at once, where we connect.

    """

    __slots__ = ("begun", "connecting", "direct", "listening")

    def __init__(
        self, listening: SSLContext, begun: SSLContext, connecting: SSLContext, direct: SSLContext
    ) -> None:
        self.listening = listening
        self.begun = begun
        self.connecting = connecting
        self.direct = direct

    @property
    def all(self) -> tuple[SSLContext, ...]:
        """All of them."""
        return self.listening, self.begun, self.connecting, self.direct


SECRET_BYTES: Final = 32


def _is_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        return False
    return True
