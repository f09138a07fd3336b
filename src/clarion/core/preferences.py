"""What each person wants kept in their archive: values, the port, and all of it in memory.

Whoever wants everything kept, as nearly everybody does, has no preferences:
then a message costs one look-up in a dictionary (XEP-0441).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from clarion.core.model import PersonNumber
from clarion.lib.errors import UsageError

JIDS_LIMIT: Final = 500
"""LIMIT: addresses in both lists of one person together."""
JIDS_LIMIT_BYTES: Final = 32 * 1024
"""LIMIT: the same in bytes of UTF-8; they stay in memory as long as the server runs."""


class Policy(StrEnum):
    """What becomes of messages with those in neither list (XEP-0441 section 2.1.1)."""

    ALWAYS = "always"
    NEVER = "never"
    ROSTER = "roster"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What one person wants kept.

    Attributes:
        fallback: For addresses in neither list.
        always: Bare and full JIDs, normalised.
        never: The same; it wins over ``always`` where both name an address.

    """

    fallback: Policy = Policy.ALWAYS
    always: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()

    def policy(self, jid: str) -> Policy:
        """Return what holds for messages to or from ``jid``, a full or bare JID as addressed.

        A full JID in a list says more than the bare one (section 2.3.1).
        """
        if jid in self.never:
            return Policy.NEVER
        if jid in self.always:
            return Policy.ALWAYS
        bare, slash, _ = jid.partition("/")
        return self.policy(bare) if slash else self.fallback


EVERYTHING: Final = Preferences()
"""What holds for those who chose nothing."""


class PreferenceStore(Protocol):
    """Keeps preferences; raises ``UnavailableError`` like every port."""

    async def load(self) -> Mapping[PersonNumber, Preferences]:
        """Return the preferences of all who have any."""
        ...

    async def put(self, owner: PersonNumber, preferences: Preferences) -> None:
        """Replace a person's preferences; ``EVERYTHING`` leaves nothing behind."""
        ...


class ArchivePreferences:
    """Everybody's preferences, in memory and in the store.

    Args:
        store: Keeps them.

    """

    def __init__(self, store: PreferenceStore) -> None:
        self._store = store
        self._chosen: dict[PersonNumber, Preferences] = {}

    async def load(self) -> None:
        """Read everything from the store, once, before anybody logs in.

        Raises:
            UnavailableError: The store cannot answer.

        """
        self._chosen = dict(await self._store.load())

    def of(self, owner: PersonNumber) -> Preferences | None:
        """Return what a person chose; ``None``: everything is kept."""
        return self._chosen.get(owner)

    async def choose(self, owner: PersonNumber, preferences: Preferences) -> None:
        """Replace a person's preferences; they hold from the commit on.

        Raises:
            UsageError: The lists are longer than the limits.
            UnavailableError: The store cannot keep them; the old ones hold.

        """
        check_size(preferences)
        await self._store.put(owner, preferences)
        if preferences == EVERYTHING:
            self._chosen.pop(owner, None)
        else:
            self._chosen[owner] = preferences


def check_size(preferences: Preferences) -> None:
    """Refuse lists that are too long.

    Raises:
        UsageError: They are.

    """
    jids = [*preferences.always, *preferences.never]
    if len(jids) > JIDS_LIMIT:
        raise UsageError(f"the two lists may name {JIDS_LIMIT} addresses, not {len(jids)}")
    size_bytes = sum(len(jid.encode()) for jid in jids)
    if size_bytes > JIDS_LIMIT_BYTES:
        raise UsageError(f"the two lists may take {JIDS_LIMIT_BYTES} bytes, not {size_bytes}")
