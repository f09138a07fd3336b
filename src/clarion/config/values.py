"""The kinds of value that settings have beyond TOML's own: endpoints, paths, secrets, ports.

Each is parsed by a function that raises ``ValueError`` with a text for the
operator, or ``wrong_kind()`` when the TOML type itself is wrong.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, PlainValidator, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from clarion.lib.errors import ClarionError
from clarion.wire.address import normalise_domain

SECRET_LIMIT: Final = 64 * 1024
"""Bytes of a secret's file: a wrong path must not pull a disk image into memory."""
_LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*"
)
_RANGE: Final = re.compile(r"(\d{1,5})-(\d{1,5})")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
URI_LIMIT: Final = 1024
"""Characters of a URI; what is longer is a mistake."""
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a value may depend on besides itself.

    Attributes:
        folder: Where the file lies; relative paths start there.
        environment: Variables that ``"env:NAME"`` may name.

    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a listener listens.

    Attributes:
        host: A name or an address, IPv6 without its brackets.
        port: 0 to 65,535; 0 lets the system choose a free one.

    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it: 127.0.0.0/8, ::1 or localhost."""
        if self.host.lower() == "localhost":
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return any(address in network for network in _LOOPBACK)


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from ``first`` to ``last``, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def wrong_kind() -> PydanticCustomError:
    """Return the error that says: not of this setting's type."""
    return PydanticCustomError("wrong_kind", "wrong kind")


def text_of(value: object) -> str:
    """Return ``value`` if it is a text.

    Raises:
        PydanticCustomError: It is none.

    """
    if not isinstance(value, str):
        raise wrong_kind()
    return value


def _shown(text: str) -> str:
    """Quote what the operator wrote, as TOML would, cut to one readable line."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in short) + '"'


def parse_endpoint(value: object) -> Endpoint:
    """Read ``"host:port"``; IPv6 addresses stand in brackets.

    Raises:
        ValueError: It is no such text; the message says what is missing.
        PydanticCustomError: It is no text at all.

    """
    if isinstance(value, Endpoint):
        return value
    text = text_of(value)
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = _ipv6(host[1:-1], text)
    elif ":" in host or text.startswith("[") or text.count(":") > 1:
        raise ValueError(f'{_shown(text)}: an IPv6 address stands in brackets: "[::1]:5222"')
    elif not colon:
        raise ValueError(f'{_shown(text)} has no port; write "host:port", e.g. "0.0.0.0:5222"')
    elif not host:
        raise ValueError(f'{_shown(text)} has no host; write "0.0.0.0:{port}" for every address')
    elif not _is_host(host):
        raise ValueError(f"{_shown(text)}: {_shown(host)} is neither an address nor a host name")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError(f"{_shown(text)}: the port must be 0 to 65535")
    return Endpoint(host, int(port))


def _ipv6(host: str, text: str) -> str:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError(f"{_shown(text)}: {_shown(host)} is no IPv6 address") from None
    return host


def _is_host(host: str) -> bool:
    if re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return False
        return True
    return _HOST.fullmatch(host) is not None


def _only_loopback(endpoint: Endpoint) -> Endpoint:
    if not endpoint.is_loopback:
        raise ValueError(
            f'"{endpoint}" can be reached by others, and passwords would cross the network '
            f"unencrypted; listen on loopback (127.0.0.1, [::1], localhost)"
        )
    return endpoint


def as_rows(value: object) -> object:
    """Take TOML's list as the tuple that a frozen section keeps."""
    return tuple(value) if isinstance(value, list) else value


def resolve_path(value: object, info: ValidationInfo) -> Path:
    """Read a path; a relative one starts where the file lies.

    Raises:
        ValueError: It is empty or holds a NUL.
        PydanticCustomError: It is no text at all.

    """
    if not isinstance(value, str | Path):
        raise wrong_kind()
    if not str(value) or "\0" in str(value):
        raise ValueError("must be a path in quotes, got an empty text or a NUL character")
    around = info.context
    return around.folder / value if isinstance(around, Surroundings) else Path(value)


def optional_path(value: object, info: ValidationInfo) -> Path | None:
    """Read a path; an empty text stands for none.

    Raises:
        ValueError: It holds a NUL.
        PydanticCustomError: It is no text at all.

    """
    return None if value in (None, "") else resolve_path(value, info)


def resolve_secret(value: object, info: ValidationInfo) -> SecretStr:
    """Read a secret, or fetch it as ``"file:PATH"`` or ``"env:NAME"`` says.

    One line end at the end of a file is not part of the secret.

    Raises:
        ValueError: The file or variable is missing or empty.
        PydanticCustomError: It is no text at all.

    """
    if isinstance(value, SecretStr):
        return value
    text = text_of(value)
    around = info.context if isinstance(info.context, Surroundings) else Surroundings(Path())
    kind, _, name = text.partition(":")
    if kind == "file":
        return SecretStr(_from_file(around.folder / name))
    if kind == "env":
        if not around.environment.get(name):
            raise ValueError(f"the environment variable {name} is not set")
        return SecretStr(around.environment[name])
    return SecretStr(text)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(SECRET_LIMIT + 1)
    except OSError as error:
        raise ValueError(f"{path}: {reason(error)}") from None
    except ValueError:
        raise ValueError("the path of the secret's file holds a NUL character") from None
    if len(data) > SECRET_LIMIT:
        raise ValueError(f"{path}: larger than {SECRET_LIMIT} bytes, so hardly a secret")
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not UTF-8 text") from None
    if not text:
        raise ValueError(f"{path}: is empty")
    return text


def reason(error: OSError) -> str:
    """Return why a file cannot be read, in lower case: ``"no such file or directory"``."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def parse_domain(value: object) -> str:
    """Read a domain and bring it to the one form that addresses use.

    Raises:
        ValueError: It is no domain.
        PydanticCustomError: It is no text at all.

    """
    text = text_of(value)
    try:
        return normalise_domain(text)
    except ClarionError as error:
        raise ValueError(str(error)) from None


def optional_domain(value: object) -> str:
    """Read a domain; an empty text stays empty.

    Raises:
        ValueError: It is no domain.
        PydanticCustomError: It is no text at all.

    """
    return "" if value == "" else parse_domain(value)


def optional_host(value: object) -> str:
    """Read a name or an address, IPv6 with or without brackets; an empty text stays empty.

    Raises:
        ValueError: It is neither.
        PydanticCustomError: It is no text at all.

    """
    text = text_of(value).removeprefix("[").removesuffix("]")
    if ":" in text:
        return str(ipaddress.IPv6Address(_ipv6(text, text)))
    if text and not _is_host(text):
        raise ValueError(f"{_shown(text)} is neither a name nor an address")
    return text


def parse_ports(value: object) -> PortRange:
    """Read ``"first-last"``.

    Raises:
        ValueError: It is no range of unprivileged ports with room for RTP and RTCP.
        PydanticCustomError: It is no text at all.

    """
    if isinstance(value, PortRange):
        return value
    found = _RANGE.fullmatch(text_of(value))
    if not found:
        raise ValueError(f'must be a text such as "20000-29999", got {_shown(text_of(value))}')
    ports = PortRange(int(found[1]), int(found[2]))
    if not 1024 <= ports.first < ports.last <= 65535:
        raise ValueError(f'must run upwards within 1024 to 65535, got "{ports}"')
    return ports


def parse_network(value: object) -> Network:
    """Read an address or a network, e.g. ``"10.0.0.0/8"``.

    Raises:
        ValueError: It is neither.
        PydanticCustomError: It is no text at all.

    """
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    text = text_of(value)
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{_shown(text)} is no address or network: {error}") from None


def parse_uri(value: object) -> str:
    """Read a URI with its scheme (RFC 3986, in ASCII).

    Raises:
        ValueError: It is none; for an address it says how to write that.
        PydanticCustomError: It is no text at all.

    """
    text = text_of(value)
    if len(text) > URI_LIMIT:
        raise ValueError(f"at most {URI_LIMIT} characters, got {len(text)}")
    if _URI.fullmatch(text) is None:
        address = "@" in text and ":" not in text
        how = f'"mailto:{text}" or "xmpp:{text}"' if address else '"https://..." or "mailto:..."'
        raise ValueError(f"{_shown(text)} is no URI; write {how}")
    return text


def parse_phone(value: object) -> str:
    """Read a telephone number in the international form of E.164.

    Raises:
        ValueError: It is none.
        PydanticCustomError: It is no text at all.

    """
    text = text_of(value)
    if not _E164.fullmatch(text):
        raise ValueError(f'{_shown(text)} is no number such as "+441632960001" (E.164)')
    return text


Listeners = Annotated[
    tuple[Annotated[Endpoint, PlainValidator(parse_endpoint)], ...], BeforeValidator(as_rows)
]
PlainListeners = Annotated[
    tuple[Annotated[Endpoint, PlainValidator(parse_endpoint), AfterValidator(_only_loopback)], ...],
    BeforeValidator(as_rows),
]
Location = Annotated[Path, PlainValidator(resolve_path)]
OptionalLocation = Annotated[Path | None, PlainValidator(optional_path)]
Secret = Annotated[SecretStr, PlainValidator(resolve_secret)]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(as_rows)]
Domain = Annotated[str, PlainValidator(parse_domain)]
OptionalDomain = Annotated[str, PlainValidator(optional_domain)]
OptionalHost = Annotated[str, PlainValidator(optional_host)]
Domains = Annotated[tuple[Domain, ...], BeforeValidator(as_rows)]
Uris = Annotated[tuple[Annotated[str, PlainValidator(parse_uri)], ...], BeforeValidator(as_rows)]
Ports = Annotated[PortRange, PlainValidator(parse_ports)]
Networks = Annotated[
    tuple[Annotated[Network, PlainValidator(parse_network)], ...], BeforeValidator(as_rows)
]
Phones = Annotated[
    tuple[Annotated[str, PlainValidator(parse_phone)], ...], BeforeValidator(as_rows)
]
