"""Whom people have blocked (XEP-0191): every list in memory, as nobody waits for a store to say no.

A message for somebody who is off line must be refused too, so a list is not
loaded with a session but with the house, like the directory. Lists are short
and few.
"""

from asyncio import Lock
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol
from weakref import WeakValueDictionary

from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import PersonDeleted
from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import UsageError
from clarion.wire.xmpp.jid import Jid, parse_jid

BLOCKED_LIMIT: Final = 1_000
"""LIMIT: entries of one person's list; who is bothered by more blocks a domain."""
BLOCKED_LIMIT_BYTES: Final = 65_536
"""LIMIT: all entries of one person's list in UTF-8; a thousand ordinary addresses fit twice."""


class BlockingStore(Protocol):
    """What blocking asks of a store. Every call returns after the commit.

    All raise ``UnavailableError`` when the store cannot answer.
    """

    async def load(self) -> Sequence[tuple[PersonNumber, str]]:
        """Return every entry of every list: whose it is, and the JID."""
        ...

    async def add(self, owner: PersonNumber, jids: Sequence[str]) -> None:
        """Add entries, all or none; one that is there already stays."""
        ...

    async def remove(self, owner: PersonNumber, jids: Sequence[str]) -> None:
        """Remove entries, all or none; one that is not there is no error."""
        ...

    async def clear(self, owner: PersonNumber) -> None:
        """Remove the whole list."""
        ...


@dataclass(frozen=True, slots=True)
class Blocklist:
    """One person's list.

    Attributes:
        owner: Whose it is, a bare address: nobody blocks their own clients,
            whatever the list says (section 5).
        jids: Normalised, as the owner named them: ``user@domain/resource``,
            ``user@domain``, ``domain/resource`` or ``domain``.

    """

    owner: str
    jids: frozenset[str]

    def blocks(self, jid: Jid) -> bool:
        """Whether ``jid`` is blocked, by the most special entry first (section 6).

        ``domain/resource`` names just that address, no person's client.
        """
        jids = self.jids
        hit = jid.full in jids or jid.bare in jids or jid.domain in jids
        return hit and jid.bare != self.owner


class Blocking:
    """Everybody's lists; changed in memory only after the commit.

    Args:
        store: Keeps them.
        bus: Tells who is no more: their address may be given anew.

    Attributes:
        lists: By the owner's address; people who block nobody are not in it.

    """

    def __init__(self, store: BlockingStore, bus: Bus) -> None:
        self._store = store
        self._lists: dict[str, Blocklist] = {}
        self.lists: Mapping[str, Blocklist] = MappingProxyType(self._lists)
        self._locks: WeakValueDictionary[PersonNumber, Lock] = WeakValueDictionary()
        bus.subscribe(PersonDeleted, lambda event: self._put(event.person.address, ()))

    async def load(self, directory: Directory) -> None:
        """Read all lists, once, before anybody asks.

        Raises:
            UnavailableError: The store cannot answer.

        """
        found: dict[str, set[str]] = {}
        for number, jid in await self._store.load():
            person = directory.by_number(number)
            if person is not None:
                found.setdefault(person.address, set()).add(jid)
        for address, jids in found.items():
            self._put(address, jids)

    def of(self, address: str) -> Blocklist | None:
        """Return the list of the person with this address; ``None``: blocks nobody."""
        return self._lists.get(address)

    def between(self, one: Jid, other: Jid) -> bool:
        """Whether either of the two has blocked the other."""
        lists = self._lists
        if not lists:
            return False
        mine, theirs = lists.get(one.bare), lists.get(other.bare)
        return (mine is not None and mine.blocks(other)) or (
            theirs is not None and theirs.blocks(one)
        )

    async def block(self, person: Person, jids: Sequence[str], *, last: Callable[[], None]) -> None:
        """Add to a person's list (section 3.3).

        Args:
            person: Whose list.
            jids: Normalised.
            last: Called after the commit and right before the list is in
                force: what those who are blocked must still be told.

        Raises:
            UsageError: The list would be too long; nothing has changed.
            UnavailableError: It cannot be kept; nothing has changed.

        """
        async with self._lock(person):
            after = self._jids(person).union(jids)
            if len(after) > BLOCKED_LIMIT or _size_bytes(after) > BLOCKED_LIMIT_BYTES:
                raise UsageError(
                    f"a block list may have {BLOCKED_LIMIT} entries and {BLOCKED_LIMIT_BYTES} bytes"
                )
            await self._store.add(person.number, jids)
            last()
            self._put(person.address, after)

    async def unblock(self, person: Person, jids: Sequence[str] | None) -> frozenset[str]:
        """Remove from a person's list (sections 3.4 and 3.5).

        Args:
            person: Whose list.
            jids: Normalised; ``None``: all.

        Returns:
            The entries that were there and are no more.

        Raises:
            UnavailableError: It cannot be kept; nothing has changed.

        """
        async with self._lock(person):
            before = self._jids(person)
            if jids is None:
                await self._store.clear(person.number)
                gone = before
            else:
                await self._store.remove(person.number, jids)
                gone = before.intersection(jids)
            self._put(person.address, before - gone)
            return gone

    def forget(self, person: Person) -> None:
        """Forget the list of somebody who was deleted; whoever deletes empties the store."""
        self._lists.pop(person.address, None)

    def _jids(self, person: Person) -> frozenset[str]:
        known = self._lists.get(person.address)
        return frozenset() if known is None else known.jids

    def _put(self, address: str, jids: Iterable[str]) -> None:
        kept = frozenset(jids)
        if kept:
            self._lists[address] = Blocklist(address, kept)
        else:
            self._lists.pop(address, None)

    def _lock(self, person: Person) -> Lock:
        lock = self._locks.get(person.number)
        if lock is None:
            lock = self._locks[person.number] = Lock()
        return lock


def normalised(jid: str) -> str:
    """Return an entry as lists hold it.

    Raises:
        JidError: It is no JID.

    """
    return parse_jid(jid).full


def _size_bytes(jids: Iterable[str]) -> int:
    return sum(len(jid.encode()) for jid in jids)
