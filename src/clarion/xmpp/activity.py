"""When people were last here: the port that keeps it (XEP-0012)."""

from asyncio import Future
from dataclasses import dataclass
from typing import Any, Final, Protocol

from clarion.core.model import PersonNumber

STATUS_LIMIT: Final = 1024
"""LIMIT: characters kept of what somebody said on leaving; clients show one line of it."""


@dataclass(frozen=True, slots=True)
class LastActivity:
    """How somebody left.

    Attributes:
        at: UNIX seconds at which the person's last session ended.
        status: The status of the last unavailable presence, or ``""``.

    """

    at: float
    status: str


class ActivityStore(Protocol):
    """What last activity asks of a store; raises ``UnavailableError`` like every port."""

    async def last(self, person: PersonNumber) -> LastActivity | None:
        """Return how the person left the last time; ``None``: never was here."""
        ...

    def left(self, person: PersonNumber, how: LastActivity) -> Future[Any]:
        """Note that the person left; the future need not be awaited."""
        ...
