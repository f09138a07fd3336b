"""Settings of calls: the SIP door, its media ports and its trunks."""

from typing import Annotated

from pydantic import BeforeValidator, SecretStr, field_validator

from clarion.config.section import Section, many, setting
from clarion.config.values import Endpoint, Listeners, Phones, PortRange, Ports, Secret, as_rows


def _everywhere(port: int) -> tuple[Endpoint, ...]:
    return (Endpoint("0.0.0.0", port),)  # noqa: S104 - a server's ordinary listener


class TrunkConfig(Section):
    """A line to the telephone network."""

    name: str = setting("", "How logs and rules call this trunk; must be given.")
    server: str = setting("", 'The provider\'s host, or "host:port"; must be given.')
    user: str = setting("", "The account's name; empty: the provider knows our address.")
    password: Secret = setting(SecretStr(""), "The account's password.")
    numbers: Phones = setting((), 'Our numbers on this trunk, e.g. ["+441632960001"].')

    @field_validator("name", "server")
    @classmethod
    def _given(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must be given")
        return value


class SipConfig(Section):
    """Calls: any SIP telephone."""

    listen_udp: Listeners = setting(_everywhere(5060), "Telephones over UDP.", door="sip")
    listen_tcp: Listeners = setting(_everywhere(5060), "Telephones over TCP.", door="sip")
    listen_tls: Listeners = setting(_everywhere(5061), "Telephones over TLS.", door="sip")
    rtp_ports: Ports = setting(PortRange(20000, 29999), "UDP ports for sound and pictures.")
    trunk: Annotated[tuple[TrunkConfig, ...], BeforeValidator(as_rows)] = many(
        "Lines to the telephone network."
    )
