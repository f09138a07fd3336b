"""What the verbs work on: the parts of the house that an operator may reach."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clarion.core.auditor import Auditor
from clarion.core.book import Ledger
from clarion.core.directory import Directory
from clarion.core.erasure import Erasure
from clarion.core.identity import Identity
from clarion.core.model import Person
from clarion.core.retention import Retention
from clarion.core.seal import Seal
from clarion.core.tokens import Tokens

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much; on the loop, often."""


Offer = Callable[[Person, Sequence[Person], str], Awaitable[None]]
"""Suggests to a person to ``add``, ``delete`` or ``modify`` contacts."""


def no_facts() -> Mapping[str, Any]:
    """Know nothing."""
    return {}


@dataclass(frozen=True, slots=True)
class Desk:
    """Made by ``app.py``, or by the command line when no server runs.

    Attributes:
        directory: Persons and departments.
        identity: Their passwords.
        ledger: Who has read what.
        seal: Turns the ids that clients see into items.
        facts: What ``status`` tells besides the counts, as JSON values.
        reload: Reads settings and certificate again; ``None`` when no server runs.
        offer: Sends a person an offer of contacts (XEP-0144); ``None`` when no server runs.
        auditor: Keeps who did what; ``None`` keeps nothing, for tests.
        retention: Deletes what is too old.
        erasure: Erases persons.
        tokens: With which clients log in without a password; ``None``: nobody asks.

    """

    directory: Directory
    identity: Identity
    ledger: Ledger
    seal: Seal
    facts: Callable[[], Mapping[str, Any]] = no_facts
    reload: Callable[[], Any] | None = None
    offer: Offer | None = None
    auditor: Auditor | None = None
    retention: Retention | None = None
    erasure: Erasure | None = None
    tokens: Tokens | None = None
