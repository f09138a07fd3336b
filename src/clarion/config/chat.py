"""Settings of chat: the XMPP door, other servers, components and push."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, SecretStr, ValidationInfo, field_validator

from clarion.config.section import Section, always, many, setting
from clarion.config.values import (
    Domain,
    Domains,
    Endpoint,
    Listeners,
    OptionalDomain,
    OptionalHost,
    OptionalLocation,
    PlainListeners,
    Secret,
    Uris,
    as_rows,
)


class FederationConfig(Section):
    """Which other servers may talk to this one."""

    allow: Domains = setting((), "The only domains to talk to; empty: all but those in deny.")
    deny: Domains = setting((), "Domains never to talk to.")
    authorities: OptionalLocation = setting(
        None, "PEM file of issuers to trust for other servers, beside those of the system."
    )
    ask_certificates: bool = setting(
        default=False,
        help_line="Ask servers that connect for a certificate (SASL EXTERNAL). Those whose "
        "certificate is not made for that are then refused; without, dialback over TLS is asked.",
    )
    resolvers: Listeners = setting(
        (), 'DNS servers to ask, e.g. ["127.0.0.1:53"]; empty: those of the machine.'
    )


class ComponentConfig(Section):
    """A service that connects as a part of this server (XEP-0114)."""

    domain: Domain = setting("gateway.localhost", "The component's own domain.")
    secret: Secret = setting(
        SecretStr(""), "What the component proves that it knows; must be given."
    )

    @field_validator("secret")
    @classmethod
    def _given(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError('must be given, e.g. "file:component.secret"')
        return value


class ServiceConfig(Section):
    """A STUN or TURN server that people's clients are told of, for calls (XEP-0215)."""

    type: Literal["stun", "stuns", "turn", "turns"] = setting("stun", "What it is.")
    host: OptionalHost = setting("", "Its name or address; must be given.")
    port: int = setting(3478, "Its port.", unit="port", ge=1, le=65_535)
    transport: Literal["udp", "tcp"] = setting("udp", "How it is spoken to.")
    username: str = setting("", "What everybody logs in with; empty: no log-in, or secret is set.")
    password: Secret = setting(SecretStr(""), "What goes with username.")
    secret: Secret = setting(
        SecretStr(""),
        "What Clarion and the server both know (coturn's static-auth-secret with use-auth-secret): "
        "everybody gets a log-in of their own that expires.",
    )
    lifetime: float = setting(
        86_400, "For how long such a log-in holds.", unit="seconds", ge=60, le=2_592_000
    )

    @field_validator("host")
    @classmethod
    def _given(cls, value: str) -> str:
        if not value:
            raise ValueError("must be given")
        return value

    @field_validator("password")
    @classmethod
    def _together(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if bool(value.get_secret_value()) != bool(info.data.get("username")):
            raise ValueError("username and password go together")
        return value

    @field_validator("secret")
    @classmethod
    def _alone(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if value.get_secret_value() and info.data.get("username"):
            raise ValueError("goes without username and password")
        return value


class ContactConfig(Section):
    """Whom people and other servers can turn to; every list that is set is told to all (XEP-0157).

    Each entry is a URI such as "mailto:abuse@corp.example" or "xmpp:help@corp.example".
    """

    abuse: Uris = setting((), "About abuse, such as unwanted messages.")
    admin: Uris = setting((), "The administrators of this server.")
    feedback: Uris = setting((), "Praise and blame.")
    sales: Uris = setting((), "Sales and marketing.")
    security: Uris = setting((), "About security, such as a hole in it.")
    status: Uris = setting((), "Where it is shown whether the service works, usually a web page.")
    support: Uris = setting((), "Help for users.")


class XmppConfig(Section):
    """Chat: any XMPP client."""

    listen: Listeners = setting(
        (Endpoint("0.0.0.0", 5222),),  # noqa: S104 - a server's ordinary listener
        "Clients that begin in the clear and must turn to TLS (STARTTLS).",
        door="xmpp",
    )
    listen_tls: Listeners = setting(
        (Endpoint("0.0.0.0", 5223),),  # noqa: S104 - a server's ordinary listener
        "Clients that begin with TLS (XEP-0368).",
        door="xmpp",
    )
    listen_plain: PlainListeners = setting(
        (), "No TLS, and PLAIN allowed; loopback addresses only, for tests.", door="xmpp"
    )
    listen_server: Listeners = setting(
        (), 'Other servers, usually ["0.0.0.0:5269"].', door="server-to-server"
    )
    listen_server_tls: Listeners = setting(
        (),
        'Other servers that begin with TLS (XEP-0368), e.g. ["0.0.0.0:5270"].',
        door="server-to-server",
    )
    listen_component: PlainListeners = setting(
        (),
        'Components (XEP-0114), usually ["127.0.0.1:5347"]; no TLS, loopback addresses only.',
        door="component",
    )
    registration: Literal["off", "password", "open"] = setting(
        "off",
        "What clients may do about accounts themselves (XEP-0077): nothing, change one's own "
        "password, or also make and end accounts.",
    )
    invitations: bool = setting(
        default=True,
        help_line="Who is invited by an administrator may make an account (XEP-0401, XEP-0445), "
        "also where registration is off.",
    )
    proxy: bool = setting(
        default=True,
        help_line="Help clients that cannot reach each other to send files (XEP-0065), on the "
        "ports of listen and listen_plain; it is found as proxy.DOMAIN.",
    )
    proxy_host: OptionalHost = setting(
        "",
        "Where clients are told to connect for that, a name or an address; empty: the address that "
        "they are connected to already. To be set where that is not the public one.",
    )
    rooms: OptionalDomain = setting("", 'The domain of rooms; empty: "rooms." + domain.')
    contact: ContactConfig = always("Whom people and other servers can turn to (XEP-0157).")
    federation: FederationConfig = always(
        "Which other servers may talk to this one.", door="server-to-server"
    )
    services: Annotated[tuple[ServiceConfig, ...], BeforeValidator(as_rows)] = many(
        "STUN and TURN servers that people's clients are told of, for calls (XEP-0215)."
    )
    components: Annotated[tuple[ComponentConfig, ...], BeforeValidator(as_rows)] = many(
        "Services that connect as parts of this server (XEP-0114).", door="component"
    )


class PushConfig(Section):
    """Notifications to telephones whose client sleeps (XEP-0357)."""

    enabled: bool = setting(
        default=True,
        help_line="Tell the push services that people's clients name when something waits.",
    )
    show: Literal["nothing", "sender", "text"] = setting(
        "nothing", "What of a message the push service of a client's maker gets to see."
    )
