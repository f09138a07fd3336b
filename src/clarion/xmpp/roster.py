"""A person's roster as values, and the port that keeps it (RFC 6121 section 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from clarion.core.model import PersonNumber


@dataclass(frozen=True, slots=True)
class RosterItem:
    """One contact in one person's roster.

    Attributes:
        contact: Bare JID, normalised.
        name: The handle the owner gave; may be empty.
        subscription: ``none``, ``to``, ``from`` or ``both``.
        ask: Whether a subscription request to the contact is open
            (``ask='subscribe'``, "pending out").
        approved: Whether the owner approved the contact beforehand
            (RFC 6121 section 3.4).
        pending_in: The contact's subscription request as bytes while the
            owner has not answered; such an item may be in no roster yet.
        listed: Whether the item is in the roster that clients see. An item
            that only holds a pending request is not.
        groups: Names of groups, sorted.

    """

    contact: str
    name: str = ""
    subscription: str = "none"
    ask: bool = False
    approved: bool = False
    pending_in: bytes | None = None
    listed: bool = True
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """One person's whole roster.

    Attributes:
        version: Counts the changes that clients see (RFC 6121 section 2.6).
        items: By no particular order, unlisted ones too.

    """

    version: int
    items: Sequence[RosterItem]


class RosterStore(Protocol):
    """What the roster asks of a store; raises ``UnavailableError`` like every port."""

    async def load(self, owner: PersonNumber) -> Roster:
        """Return the whole roster."""
        ...

    async def put(self, owner: PersonNumber, item: RosterItem, version: int) -> None:
        """Add or replace one item and set the roster's version, in one transaction."""
        ...

    async def remove(self, owner: PersonNumber, contact: str, version: int) -> None:
        """Remove one item and set the roster's version, in one transaction."""
        ...

    async def changed_since(self, owner: PersonNumber, version: int) -> Sequence[str] | None:
        """Return contacts put or removed after ``version``, in order of change.

        Returns:
            ``None`` when the store no longer knows: the client needs the whole roster.

        """
        ...
