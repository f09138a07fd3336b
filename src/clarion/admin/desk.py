"""What the verbs work on: the parts of the house that an operator may reach."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clarion.core.auditor import Auditor
from clarion.core.book import Ledger
from clarion.core.directory import Directory
from clarion.core.erasure import Erasure
from clarion.core.identity import Identity
from clarion.core.invitations import Invitations
from clarion.core.model import Person
from clarion.core.push import PushDevices
from clarion.core.retention import Retention
from clarion.core.room_book import RoomBook
from clarion.core.seal import Seal
from clarion.core.tokens import Tokens
from clarion.core.upload_book import Uploads

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
        rooms: All rooms; ``None``: there are none.
        devices: Where people's clients are told of what waits.
        invitations: Who may make an account; ``None``: nobody.
        public: Address of the web door; ``""``: there is none.
        uploads: Files that people share; ``None`` when no server runs, or it takes none.
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
    rooms: RoomBook | None = None
    devices: PushDevices | None = None
    invitations: Invitations | None = None
    public: str = ""
    uploads: Uploads | None = None
    tokens: Tokens | None = None
