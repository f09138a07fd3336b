"""Settings of the house itself: certificates, log, limits, directory, ledger, store, metrics."""

import zoneinfo
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr, ValidationInfo, field_validator

from clarion.config.section import Section, setting
from clarion.config.values import Listeners, Location, OptionalLocation, Secret


def _store_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    if url != "sqlite" and not url.startswith(("postgresql://", "postgres://")):
        raise ValueError('must be "sqlite" or "postgresql://..."')
    return secret


class TlsConfig(Section):
    """The certificate that every door shows."""

    certificate: Location = setting(
        Path("certs/server.pem"), "PEM file: the server's certificate, then those of its issuers."
    )
    key: Location = setting(
        Path("certs/server.key"), "PEM file: the certificate's private key, not encrypted."
    )
    minimum: Literal["1.2", "1.3"] = setting("1.2", "The oldest version of TLS that is spoken.")


class LogConfig(Section):
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "The least important lines that are still written."
    )
    format: Literal["text", "json"] = setting(
        "text", "Lines for people to read, or one JSON object a line for collectors."
    )
    repeats: int = setting(
        5,
        "Lines of one kind a second that strangers can cause, such as failed log-ins; "
        "the rest is counted.",
        unit="lines",
        ge=1,
        le=1000,
    )


class LimitsConfig(Section):
    """How much anybody may take. Every limit protects the others from one client."""

    login_stanza_bytes: int = setting(
        10_240,
        "The largest stanza before log-in; strangers get little memory.",
        unit="bytes",
        ge=10_000,
        le=1_048_576,
    )
    login_total_bytes: int = setting(
        262_144,
        "All that a client may send before it has logged in.",
        unit="bytes",
        ge=10_000,
        le=16_777_216,
    )
    login_time: float = setting(
        30,
        "From the connection to the end of log-in; then the server hangs up.",
        unit="seconds",
        ge=1,
        le=3600,
    )
    login_attempts: int = setting(
        5,
        "Failed log-ins on one connection; then the server hangs up (RFC 6120 section 6.4.5).",
        unit="attempts",
        ge=2,
        le=100,
    )
    login_failures_person: int = setting(
        10,
        "Failed log-ins of one person within login_failures_time before the next ones must wait.",
        unit="attempts",
        ge=1,
        le=100_000,
    )
    login_failures_address: int = setting(
        50,
        "Failed log-ins from one network address within login_failures_time before the next ones "
        "must wait.",
        unit="attempts",
        ge=1,
        le=1_000_000,
    )
    login_failures_time: float = setting(
        600,
        "The time over which failed log-ins are counted, and over which they are forgiven.",
        unit="seconds",
        ge=1,
        le=86_400,
    )
    connections_per_address: int = setting(
        5000,
        "Connections from one network address; a whole office may share one.",
        unit="connections",
        ge=1,
        le=1_000_000,
    )
    strangers_per_address: int = setting(
        500,
        "Connections from one network address that have not logged in yet.",
        unit="connections",
        ge=1,
        le=1_000_000,
    )
    sessions_per_person: int = setting(
        20,
        "Sessions of one person, those that wait to be resumed among them; one more ends the "
        "oldest.",
        unit="sessions",
        ge=1,
        le=1000,
    )
    stanza_bytes: int = setting(
        262_144,
        "The largest stanza of a person who has logged in (RFC 6120 section 13.12).",
        unit="bytes",
        ge=10_000,
        le=16_777_216,
    )
    send_queue_bytes: int = setting(
        2_097_152,
        "What waits for a client that does not read; beyond it the stream is closed and its "
        "messages wait in the archive.",
        unit="bytes",
        ge=65_536,
        le=268_435_456,
    )
    unacknowledged_stanzas: int = setting(
        2000,
        "Stanzas kept until the client acknowledges them (XEP-0198); beyond it the stream is "
        "closed.",
        unit="stanzas",
        ge=10,
        le=1_000_000,
    )
    unacknowledged_bytes: int = setting(
        4_194_304,
        "Bytes kept until the client acknowledges them (XEP-0198).",
        unit="bytes",
        ge=65_536,
        le=268_435_456,
    )
    held_stanzas: int = setting(
        500,
        "Presence and chat states held back while a client says that nobody looks at it "
        "(XEP-0352), the newest of each contact; beyond it all of them are sent. 0 holds nothing.",
        unit="stanzas",
        ge=0,
        le=10_000,
    )
    resume_time: float = setting(
        300,
        "How long a session waits to be resumed after its connection broke (XEP-0198).",
        unit="seconds",
        ge=0,
        le=86_400,
    )
    idle_time: float = setting(
        300,
        "Silence after which the server asks a client whether it is still there.",
        unit="seconds",
        ge=5,
        le=86_400,
    )
    ping_time: float = setting(
        60,
        "How long the client may take to answer that; then the connection counts as broken.",
        unit="seconds",
        ge=1,
        le=3600,
    )
    drain_time: float = setting(
        5,
        "How long clients get to take what waits for them when the server stops.",
        unit="seconds",
        ge=0,
        le=300,
    )

    @field_validator("login_total_bytes")
    @classmethod
    def _total(cls, value: int, info: ValidationInfo) -> int:
        return _not_below(value, info, "login_stanza_bytes")

    @field_validator("send_queue_bytes", "unacknowledged_bytes")
    @classmethod
    def _queue(cls, value: int, info: ValidationInfo) -> int:
        return _not_below(value, info, "stanza_bytes")

    @field_validator("strangers_per_address")
    @classmethod
    def _strangers(cls, value: int, info: ValidationInfo) -> int:
        most = info.data.get("connections_per_address", value)
        if value > most:
            raise ValueError(f"must not be above connections_per_address ({most}), got {value}")
        return value


def _not_below(value: int, info: ValidationInfo, other: str) -> int:
    least = info.data.get(other, value)
    if value < least:
        raise ValueError(f"must not be below {other} ({least} bytes), got {value} bytes")
    return value


def _time_zone(name: str) -> str:
    """Check the name where the machine knows time zones at all; UTC is always known."""
    if name == "UTC":
        return name
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('is no time zone this machine knows; write e.g. "Europe/Berlin"') from None
    return name


class DirectoryConfig(Section):
    """People and departments."""

    roster_size: int = setting(
        300,
        "The largest department whose people are in each other's rosters and see each other on "
        "line; larger ones are found by search.",
        unit="people",
        ge=0,
        le=10_000,
    )
    scram_iterations: int = setting(
        10_000,
        "PBKDF2 rounds for new passwords; more is harder to guess and slower to log in (RFC 7677 "
        "asks for 4096 or more).",
        unit="rounds",
        ge=4096,
        le=10_000_000,
    )
    token_days: float = setting(
        21,
        "How long a client that has logged in may come back without the password (XEP-0484); it is "
        "given a new token when it does. 0: never.",
        unit="days",
        ge=0,
        le=366,
    )
    language: str = setting("en", "The language of people who have chosen none (BCP 47).")
    time_zone: Annotated[str, AfterValidator(_time_zone)] = setting(
        "UTC", 'The time zone of people who have chosen none, e.g. "Europe/Berlin".'
    )

    @field_validator("language")
    @classmethod
    def _language(cls, value: str) -> str:
        words = value.split("-")
        fits = all(word.isascii() and word.isalnum() and len(word) <= 8 for word in words)
        if not fits or not words[0].isalpha():
            raise ValueError('must be a language tag such as "en" or "zh-Hans"')
        return value


class LedgerConfig(Section):
    """Who has read what."""

    ask: bool = setting(
        default=True,
        help_line="Ask clients to say what was read (XEP-0333) in messages among local people.",
    )
    sync_counts: bool = setting(
        default=False,
        help_line="Let a reader's own devices' sync (XEP-0490) count as read for the sender; "
        "people are told of it once.",
    )
    relay_marks: int = setting(
        50,
        "People of a room up to which everybody in it is told how far each has read; in larger "
        "ones that is only counted. 0: never told.",
        unit="people",
        ge=0,
        le=1000,
    )


class RetentionConfig(Section):
    """For how long messages are kept."""

    messages: int = setting(
        0,
        "How long a message stays in archives, with its lines in the ledger, once it has reached "
        "its recipient; 0: for ever.",
        unit="days",
        ge=0,
        le=36_500,
    )
    waiting: int = setting(
        0,
        "How long a message waits for a recipient who does not come; then it goes unread. "
        "0: for ever.",
        unit="days",
        ge=0,
        le=36_500,
    )

    @field_validator("waiting")
    @classmethod
    def _waiting(cls, value: int, info: ValidationInfo) -> int:
        messages = info.data.get("messages", 0)
        if value and not messages:
            raise ValueError(f"does nothing while messages is 0, got {value} days")
        if value and value < messages:
            raise ValueError(f"must not be below messages ({messages} days), got {value} days")
        return value


class StoreConfig(Section):
    """Where everything is kept."""

    url: Annotated[Secret, AfterValidator(_store_url)] = setting(
        SecretStr("sqlite"), '"sqlite": DATA/clarion.db; or "postgresql://user:password@host/name".'
    )
    queue: int = setting(
        20_000,
        "Writes that may wait for the disk; beyond it new ones are refused until it catches up.",
        unit="writes",
        ge=100,
        le=10_000_000,
    )

    @property
    def engine(self) -> str:
        """``"sqlite"`` or ``"postgresql"``."""
        return "sqlite" if self.url.get_secret_value() == "sqlite" else "postgresql"


class MetricsConfig(Section):
    """Figures for Prometheus."""

    listen: Listeners = setting(
        (), 'Where GET /metrics is answered, e.g. ["127.0.0.1:9464"].', door="metrics"
    )


class AdminConfig(Section):
    """The socket through which the clarion command talks to a running server."""

    socket: OptionalLocation = setting(
        None, "Path of the Unix socket, at most 107 bytes; empty: DATA/clarion.sock."
    )
