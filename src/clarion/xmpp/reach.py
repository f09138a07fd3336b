"""Up to where everything has reached one of a person's clients (XEP-0160, XEP-0198).

An archived item that came to a person is *in flight* while sessions hold it
unacknowledged, *waiting* when no session took it, and *received* once any
session has acknowledged it or fetched it from the archive. A copy (XEP-0280)
counts as the item where the session takes messages (``copiers.py``). Only the level
below which everything is received is kept; what is above it is delivered
(again) when a session next becomes available, so nothing is lost when the
server dies.
"""

from typing import Final

from clarion.core.ports import SessionId
from clarion.lib.ids import FIRST, ItemId, before

RECEIVED_LIMIT: Final = 10_000
"""LIMIT: received items above the level that are remembered, some 1 MiB a person when all
are used; what is forgotten may be delivered once more."""


class Reach:
    """What has reached one person; pure bookkeeping.

    Args:
        received_up_to: The level kept in the store.
        waiting: Whether the store holds items above that level.

    """

    def __init__(self, received_up_to: ItemId, *, waiting: bool) -> None:
        self._level = received_up_to
        self._highest = received_up_to
        # Everything above this was handed to nobody; None: nothing waits.
        self._waiting_above: ItemId | None = received_up_to if waiting else None
        self._held: dict[ItemId, list[SessionId]] = {}
        # Received above the level: when something older waits again, these do not.
        self._received: set[ItemId] = set()

    @property
    def waiting_above(self) -> ItemId | None:
        """Above which item the store holds what no session has; ``None``: nothing waits."""
        return self._waiting_above

    def holders(self, item: ItemId) -> list[SessionId]:
        """Return the sessions that hold ``item`` unacknowledged."""
        return self._held.get(item, [])

    def oldest_with(self, sessions: frozenset[SessionId]) -> ItemId | None:
        """Return the oldest item that only these sessions hold; ``None``: there is none."""
        only = (item for item, holders in self._held.items() if sessions.issuperset(holders))
        return min(only, default=None)

    def has_received(self, item: ItemId) -> bool:
        """Whether ``item`` is known to have reached a client."""
        return item <= self._level or item in self._received

    def handed(self, item: ItemId, session: SessionId) -> None:
        """Note that ``session`` holds ``item`` now."""
        holders = self._held.setdefault(item, [])
        if session not in holders:
            holders.append(session)
        self._highest = max(self._highest, item)

    def stored(self, item: ItemId) -> None:
        """Note that ``item`` was kept and no session took it."""
        if self._waiting_above is None or item <= self._waiting_above:
            self._waiting_above = before(item)

    def received(self, item: ItemId) -> None:
        """Note that a session has acknowledged or fetched ``item``."""
        self._held.pop(item, None)
        self._highest = max(self._highest, item)
        if item > self._level:
            if len(self._received) >= RECEIVED_LIMIT:
                self._received.clear()
            self._received.add(item)

    def released(self, item: ItemId, session: SessionId) -> None:
        """Note that ``session`` will not deliver ``item``; what only it held waits again."""
        holders = self._held.get(item)
        if holders is None or session not in holders:
            return
        holders.remove(session)
        if not holders:
            del self._held[item]
            self.stored(item)

    def ended(self, session: SessionId) -> None:
        """Note that ``session`` is over; what only it held waits again."""
        for item in list(self._held):
            self.released(item, session)

    def scanned(self, to: ItemId) -> None:
        """Note that of what waited, everything up to ``to`` was handed out or fetched."""
        if self._waiting_above is not None:
            self._waiting_above = max(self._waiting_above, to)
        self._highest = max(self._highest, to)

    def fell_below(self, scanned_to: ItemId) -> bool:
        """Whether something up to ``scanned_to`` waits again since that was scanned."""
        return self._waiting_above is not None and self._waiting_above < scanned_to

    def caught_up(self, scanned_to: ItemId) -> None:
        """Note that all that waited, up to ``scanned_to``, was handed out."""
        self._waiting_above = None
        self._highest = max(self._highest, scanned_to)

    def level(self) -> ItemId:
        """Return the level to keep; it never goes back."""
        bound = self._highest
        if self._held:
            bound = min(bound, before(min(self._held)))
        if self._waiting_above is not None:
            bound = min(bound, self._waiting_above)
        self._level = max(self._level, bound, FIRST)
        if self._received:
            self._received = {item for item in self._received if item > self._level}
        return self._level
