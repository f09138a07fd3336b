"""What the verbs work on: the parts of the house that an operator may reach."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clarion.core.book import Ledger
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.seal import Seal

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much; on the loop, often."""


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

    """

    directory: Directory
    identity: Identity
    ledger: Ledger
    seal: Seal
    facts: Callable[[], Mapping[str, Any]] = no_facts
