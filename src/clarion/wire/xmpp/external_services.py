"""Services that are not XMPP, told to clients: STUN and TURN for calls (XEP-0215 1.0.0)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.stamps import utc

NS: Final = "urn:xmpp:extdisco:2"
SERVICES: Final = f"{{{NS}}}services"
CREDENTIALS: Final = f"{{{NS}}}credentials"
_SERVICE: Final = f"{{{NS}}}service"


@dataclass(frozen=True, slots=True)
class Service:
    """One service, as one client is told of it.

    Attributes:
        kind: ``stun``, ``turn`` and so on.
        host: A name or an address.
        port: Of the host's.
        transport: ``udp`` or ``tcp``.
        username: ``""``: none is needed.
        password: Goes with it.
        expires: UNIX seconds until when they hold; 0: always.

    """

    kind: str
    host: str
    port: int
    transport: str
    username: str = ""
    password: str = field(default="", repr=False)
    expires: float = 0.0

    @property
    def place(self) -> tuple[str, str, int, str]:
        """What tells it from others."""
        return self.kind, self.host, self.port, self.transport


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which service somebody wants credentials (section 3.3).

    Attributes:
        kind: ``turn``, mostly.
        host: As in ``Service``, in lower case.
        port: ``""``: any.

    """

    kind: str
    host: str
    port: str

    def names(self, service: Service) -> bool:
        """Say whether this service is meant."""
        same = (service.kind, service.host.lower()) == (self.kind, self.host)
        return same and self.port in {"", str(service.port)}


def limited(secret: str, name: str, until: int) -> tuple[str, str]:
    """Return a user name and password that hold for a time, as coturn checks them.

    What coturn calls ``use-auth-secret``: the user name says until when, and
    the password is its HMAC with the secret that both sides know.

    Args:
        secret: coturn's ``static-auth-secret``.
        name: Who it is for; coturn writes it into its log.
        until: UNIX seconds.

    """
    username = f"{until}:{name}"
    proof = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return username, base64.b64encode(proof).decode()


def parse_wanted(element: Element) -> Wanted:
    """Read ``<credentials/>``.

    Raises:
        StanzaError: It does not say which service.

    """
    service = element.find(_SERVICE)
    host, kind = ("", "") if service is None else (service.get("host", ""), service.get("type", ""))
    if service is None or not host or not kind:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "host and type say which service")
    return Wanted(kind, host.lower(), service.get("port", ""))


def write_services(
    services: Iterable[Service], kind: str = "", actions: Iterable[str] = ()
) -> bytes:
    """Write the answer to ``<services/>``, or with actions a push (sections 3.1 and 3.2).

    Args:
        services: What there is.
        kind: The only kind that was asked for; ``""``: all.
        actions: What has become of each; none: it is an answer.

    """
    typed = f" type='{escape(kind)}'" if kind else ""
    done = list(actions)
    found = list(services)
    listed = "".join(
        _element(service, action)
        for service, action in zip(found, done or [""] * len(found), strict=True)
    )
    return f"<services xmlns='{NS}'{typed}>{listed}</services>".encode()


def write_credentials(services: Iterable[Service]) -> bytes:
    """Write the answer to ``<credentials/>`` (section 3.3)."""
    listed = "".join(_element(service) for service in services)
    return f"<credentials xmlns='{NS}'>{listed}</credentials>".encode()


def _element(service: Service, action: str = "") -> str:
    told = f" action='{action}'" if action else ""
    login = ""
    if service.username and action != "delete":
        login = f" username='{escape(service.username)}' password='{escape(service.password)}'"
        if service.expires:
            login += f" expires='{utc(service.expires)}'"
    return (
        f"<service{told} type='{service.kind}' host='{escape(service.host)}'"
        f" port='{service.port}' transport='{service.transport}'{login}/>"
    )
