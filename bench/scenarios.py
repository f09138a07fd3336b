"""What is measured: each scenario with its load, its servers and its columns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """Which mode of the load generator a scenario runs."""

    CHAT = "chat"
    LOGIN = "login"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a scenario's table.

    Attributes:
        title: Its head, with the unit.
        key: Where the figure stands in a round's result, names joined by dots.
        places: Decimal places.
        scale: What the figure is multiplied by.

    """

    title: str
    key: str
    places: int = 1
    scale: float = 1.0


CHAT_COLUMNS: Final = (
    Column("CPU µs a message", "server_cpu_us_per_message"),
    Column("messages/s", "complete_per_s", 0),
    Column("delivery p50 ms", "delivery.p50_us", 2, 1e-3),
    Column("delivery p99 ms", "delivery.p99_us", 1, 1e-3),
    Column("acknowledgement p99 ms", "acknowledgement.p99_us", 1, 1e-3),
    Column("CPU %", "server_cpu_percent", 0),
    Column("RSS MiB", "server_rss_mib", 0),
    Column("generator CPU µs", "generator_cpu_us_per_message"),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load, put on every server in turn.

    Attributes:
        name: On the command line, and of the file of results.
        title: Of its section on the page.
        kind: How it is driven.
        peers: Who takes part beside Clarion, "name:archive".
        columns: Of its table.
        rounds: How often at most; memory needs no more than one.
        persons: People with an account; for chat even, two and two talk.
        rate: Chat: messages a second of all together; 0 is saturation.
        seconds: Measured window.
        warm_up: Seconds of load before it.
        window: Saturation: undelivered messages per pair.
        answers: Every message is answered by a receipt and a mark.
        resources: Sessions a person; more than one switch carbons on.
        contacts: People in everybody's roster.
        says: What the load is, for the page's reader.

    """

    name: str
    title: str
    kind: Kind
    peers: tuple[str, ...]
    columns: tuple[Column, ...]
    says: str
    rounds: int = 100
    persons: int = 60
    rate: float = 0.0
    seconds: float = 8.0
    warm_up: float = 1.5
    window: int = 8
    answers: bool = False
    resources: int = 1
    contacts: int = 0


PLAIN: Final = ("ejabberd:off", "prosody:off")
LOGGED_IN: Final = (
    "60 people log in with SCRAM-SHA-256 without TLS, switch XEP-0198 on and talk in 30 pairs, in "
    "stanzas of 200 bytes to the bare address"
)

SCENARIOS: Final = (
    Scenario(
        name="rate",
        title="Chat at 1,000 messages a second",
        kind=Kind.CHAT,
        peers=(*PLAIN, "ejabberd:sqlite"),
        columns=CHAT_COLUMNS,
        rate=1000,
        says=f"{LOGGED_IN}: 1,000 messages a second in all, one message a write.",
    ),
    Scenario(
        name="answers",
        title="The same, answered, on two devices each",
        kind=Kind.CHAT,
        peers=PLAIN,
        columns=(*CHAT_COLUMNS, Column("answers/s", "answers_read_per_s", 0)),
        rate=1000,
        answers=True,
        resources=2,
        says="As above, but everybody has two sessions with carbons (XEP-0280), and every message "
        "asks for, and gets, a receipt (XEP-0184) and a mark (XEP-0333). The figures are for a "
        "message with all that belongs to it.",
    ),
    Scenario(
        name="slow-rate",
        title="Chat at 100 messages a second, with the archives of the peers",
        kind=Kind.CHAT,
        peers=(*PLAIN, "ejabberd:sqlite", "prosody:internal", "prosody:sqlite"),
        columns=CHAT_COLUMNS,
        rate=100,
        says=f"{LOGGED_IN}: 100 messages a second in all, which every archive keeps up with.",
    ),
    Scenario(
        name="saturation",
        title="Chat at saturation",
        kind=Kind.CHAT,
        peers=PLAIN,
        columns=CHAT_COLUMNS,
        says=f"{LOGGED_IN}: a closed loop with 8 messages a pair under way.",
    ),
    Scenario(
        name="login",
        title="Logging in",
        kind=Kind.LOGIN,
        peers=PLAIN,
        columns=(
            Column("CPU µs a log-in", "server_cpu_us_per_login", 0),
            Column("log-ins/s", "login_per_s", 0),
            Column("generator CPU µs", "generator_cpu_us_per_login", 0),
        ),
        persons=1000,
        says="1,000 people log in, 16 at a time: stream, SCRAM-SHA-256 without TLS, binding, "
        "XEP-0198, presence, and one ping, which shows that all of it is done.",
    ),
    Scenario(
        name="idle",
        title="Idle sessions",
        kind=Kind.IDLE,
        peers=PLAIN,
        columns=(
            Column("KiB a session, plain", "plain.server_rss_kib_per_session_after"),
            Column("KiB a session, TLS", "tls.server_rss_kib_per_session_after"),
            Column("RSS MiB, plain", "plain.server_rss_mib_after", 0),
            Column("RSS MiB, TLS", "tls.server_rss_mib_after", 0),
            Column("idle CPU %, plain", "plain.server_idle_cpu_percent", 2),
            Column("CPU µs a log-in, TLS", "tls.login.server_cpu_us_per_login", 0),
        ),
        rounds=1,
        persons=2000,
        contacts=50,
        says="2,000 people with 50 contacts each, subscribed both ways, are on line with roster, "
        "presence, carbons and XEP-0198, and say nothing. Resident memory of a process tree that "
        "was started for this, less what it took before the first log-in.",
    ),
)
BY_NAME: Final[Mapping[str, Scenario]] = MappingProxyType({one.name: one for one in SCENARIOS})


def quick(scenario: Scenario) -> Scenario:
    """Return a small copy that shows whether everything works; its figures mean nothing."""
    few = {Kind.CHAT: 20, Kind.LOGIN: 60, Kind.IDLE: 60}[scenario.kind]
    return replace(
        scenario,
        rounds=1,
        persons=few,
        contacts=min(scenario.contacts, 10),
        rate=min(scenario.rate, 200),
        seconds=2.0,
        warm_up=0.5,
    )
