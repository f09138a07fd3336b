"""A person's roster in memory, changed only after the commit (RFC 6121 section 2).

A roster is the owner's own items and, with them, the people of the owner's
departments (``departments.py``). Only the own items are in the store.
"""

import asyncio
from asyncio import Lock
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from clarion.core.model import PersonNumber
from clarion.wire.xml import escape
from clarion.xmpp.departments import DIGEST_BYTES, Departments, Teams
from clarion.xmpp.roster import RosterItem, RosterStore
from clarion.xmpp.subscription_states import state_of

ROSTER_LIMIT: Final = 10_000
"""LIMIT: own entries of a person's roster, open requests among them."""
ROSTER_LIMIT_BYTES: Final = 2560 * 1024
"""LIMIT: all own entries of a person's roster and the open requests among them, as ``size_bytes``
counts: 10,000 of some 260 bytes. The whole roster in one answer with all open requests after it
leaves more than a third of the 4 MiB that XEP-0198 keeps for one client unused."""
SLICE: Final = 250
"""Entries that are worked on before others get their turn on the loop: about 1 ms."""
TEAMS_TOLD: Final = 16
"""LIMIT: departments that the text of a version names one by one; of more it has one digest."""
ITEM_LIMIT_BYTES: Final = 4096
"""LIMIT: name and groups of one contact together, in UTF-8; every push carries them to every
session, and some forty groups with names of a hundred bytes are more than anybody sorts by."""

_SHOWS: Final = frozenset({"from", "both"})  # the contact gets the owner's presence
_SEES: Final = frozenset({"to", "both"})  # the owner gets the contact's

# <item jid='' name='' subscription='none' ask='subscribe' approved='true'></item>
_ITEM_MARKUP_BYTES: Final = 80
_GROUP_MARKUP_BYTES: Final = 15  # <group></group>


def item_size_bytes(item: RosterItem) -> int:
    """Return how much of ``ROSTER_LIMIT_BYTES`` an item takes.

    It is never less than what clients are sent of it: its texts are counted
    as they are written in XML, and the markup at its longest, so that no step
    of a subscription makes an item larger but a request, which is kept whole.
    """
    size = _ITEM_MARKUP_BYTES + len(escape(item.contact).encode()) + len(escape(item.name).encode())
    for group in item.groups:
        size += _GROUP_MARKUP_BYTES + len(escape(group).encode())
    return size + len(item.pending_in or b"")


class RosterBook:
    """One person's roster.

    Whoever changes it holds ``lock`` from the moment it looks at the item to
    the moment it has told everybody, so changes and what is told of them have
    one order. ``Rosters.change`` does that.

    Attributes:
        owner: Whose it is.
        address: The owner's bare JID.
        lock: First come, first served.
        version: Counts the changes of own items that clients see (section 2.6).
        teams: The owner's departments as the owner's clients were told last;
            ``shifts.py`` brings them up to date under ``lock``.
        size_bytes: The sum of ``item_size_bytes`` over all items.
        loaded: Whether the store has been read.

    """

    __slots__ = (
        "__weakref__",
        "_departments",
        "_items",
        "_pending",
        "_store",
        "address",
        "loaded",
        "lock",
        "owner",
        "size_bytes",
        "teams",
        "version",
    )

    def __init__(
        self,
        owner: PersonNumber,
        store: RosterStore,
        address: str = "",
        departments: Departments | None = None,
    ) -> None:
        self.owner = owner
        self.address = address
        self.teams: Teams = ()
        self._departments = departments
        self.lock = Lock()
        self.version = 0
        self.size_bytes = 0
        self.loaded = False
        self._store = store
        self._items: dict[str, RosterItem] = {}
        self._pending: dict[str, bytes] = {}

    def get(self, contact: str) -> RosterItem | None:
        """Return the owner's own item of the contact with this bare JID, unlisted or not."""
        return self._items.get(contact)

    def items(self) -> Iterable[RosterItem]:
        """Return all own items, unlisted ones too."""
        return self._items.values()

    def __len__(self) -> int:
        """Return how many own items there are, unlisted ones too."""
        return len(self._items)

    def teams_of(self, contact: str) -> Teams:
        """Return the departments that the owner and the contact are in together."""
        if not self.teams or contact == self.address:
            return ()
        return tuple(team for team in self.teams if contact in team.members)

    def colleagues(self) -> Iterator[str]:
        """Give each of the people in the owner's departments once, but the owner."""
        for place, team in enumerate(self.teams):
            before = self.teams[:place]
            for address in team.members:
                if address == self.address:
                    continue
                if not before or not any(address in one.members for one in before):
                    yield address

    def shown(self, contact: str) -> RosterItem | None:
        """Return the contact as clients see it; ``None``: it is not in the roster.

        Somebody of one's departments is there with subscription ``both`` and
        the departments' names as groups. The name is the directory's, unless
        the owner gave another one; own groups stay beside the departments'.
        """
        item = self._items.get(contact)
        own = item if item is not None and item.listed else None
        teams = self.teams_of(contact)
        if not teams:
            return own
        base = own or RosterItem(contact)
        return replace(
            base,
            name=base.name or teams[0].members[contact],
            subscription="both",
            ask=False,
            groups=tuple(sorted({*base.groups, *(team.name for team in teams)})),
            pending_in=None,
        )

    @property
    def ver(self) -> str:
        """The version as clients are told it (section 2.6): of own items, then of departments."""
        # What holds nobody but the owner may come and go without a push.
        teams = [team for team in self.teams if len(team.members) > 1]
        if not teams:
            return str(self.version)
        if len(teams) > TEAMS_TOLD:
            whole = "".join(f"{team.number}.{team.digest}" for team in teams).encode()
            return f"{self.version}-0.{blake2b(whole, digest_size=DIGEST_BYTES).hexdigest()}"
        return "-".join((str(self.version), *(f"{one.number}.{one.digest}" for one in teams)))

    def has_room(self, item: RosterItem) -> bool:
        """Return whether an item may be added or replaced within the limits of a roster.

        What makes the roster no larger may always be: who is over a limit that
        was once higher can still rename, answer and remove.
        """
        before = self._items.get(item.contact)
        if before is None:
            growth = item_size_bytes(item)
            if len(self._items) >= ROSTER_LIMIT:
                return False
        else:
            growth = item_size_bytes(item) - item_size_bytes(before)
        return growth <= 0 or self.size_bytes + growth <= ROSTER_LIMIT_BYTES

    @property
    def watchers(self) -> Collection[str]:
        """Who gets the owner's presence: contacts in state From or Both, and colleagues."""
        return Circle(self, self._items, _SHOWS)

    @property
    def watched(self) -> Collection[str]:
        """Whose presence the owner gets: contacts in state To or Both, and colleagues."""
        return Circle(self, self._items, _SEES)

    @property
    def requests(self) -> Mapping[str, bytes]:
        """The requests that wait for the owner's answer, by who asks (section 3.1.3)."""
        return self._pending

    async def load(self) -> None:
        """Read the store, once; the caller holds ``lock``.

        Raises:
            UnavailableError: The store cannot answer; it is asked again next time.

        """
        if self.loaded:
            return
        roster = await self._store.load(self.owner)
        for place, item in enumerate(roster.items, start=1):
            self._show(item)
            if place % SLICE == 0:
                await asyncio.sleep(0)
        self.version = roster.version
        # From here on, in the same turn, changes of the directory come by event.
        if self._departments is not None:
            self.teams = self._departments.of(self.address)
        self.loaded = True

    async def put(self, item: RosterItem, *, visible: bool) -> int:
        """Add or replace an item; the caller holds ``lock``.

        Args:
            item: The whole of it.
            visible: Whether clients see the change, so that it is a new version.

        Returns:
            The version from now on.

        Raises:
            UnavailableError: The store cannot keep it; nothing has changed.

        """
        assert self.lock.locked(), "see Rosters.change"
        version = self.version + visible
        await self._store.put(self.owner, item, version)
        self._show(item)
        self.version = version
        return version

    async def remove(self, contact: str) -> int:
        """Remove an item; the caller holds ``lock``.

        Returns:
            The version from now on: a new one when the item was listed.

        Raises:
            UnavailableError: The store cannot do it; nothing has changed.

        """
        assert self.lock.locked(), "see Rosters.change"
        item = self._items.get(contact)
        if item is None:
            return self.version
        version = self.version + item.listed
        await self._store.remove(self.owner, contact, version)
        self._hide(contact)
        self.version = version
        return version

    async def changed_since(self, version: int) -> list[str] | None:
        """Return whose own item was put or removed after ``version``, in order.

        The caller holds ``lock``.

        Returns:
            ``None`` when nobody knows any more.

        Raises:
            UnavailableError: The store cannot answer.

        """
        contacts = await self._store.changed_since(self.owner, version)
        return None if contacts is None else list(contacts)

    def shifted_since(self, known: Mapping[int, str]) -> Collection[str] | None:
        """Return whom the owner's departments show differently now.

        Args:
            known: Digests by number of department, as ``ver`` had them.

        Returns:
            ``None`` when nobody knows any more, or the owner has left a department.

        """
        if not known.keys() <= {team.number for team in self.teams} or self._departments is None:
            return () if not known and not self.teams else None
        shifted: dict[str, None] = {}
        for team in self.teams:
            if team.number in known:
                changed = self._departments.changed_since(team, known[team.number])
                if changed is None:
                    return None
                shifted |= dict.fromkeys(sorted(changed))
            else:
                shifted |= dict.fromkeys(team.members)
        shifted.pop(self.address, None)
        return shifted.keys()

    def _show(self, item: RosterItem) -> None:
        contact, state = item.contact, state_of(item)
        before = self._items.get(contact)
        self.size_bytes += item_size_bytes(item) - (item_size_bytes(before) if before else 0)
        self._items[contact] = item
        if state.pending_in and item.pending_in is not None:
            self._pending[contact] = item.pending_in
        else:
            self._pending.pop(contact, None)

    def _hide(self, contact: str) -> None:
        self.size_bytes -= item_size_bytes(self._items.pop(contact))
        self._pending.pop(contact, None)


class Circle(Collection[str]):
    """Contacts of the owner and the owner's colleagues, each once; holds no copy of either.

    Args:
        book: The owner's.
        items: The owner's own, by contact.
        subscriptions: Of those who belong.

    """

    __slots__ = ("_book", "_items", "_subscriptions")

    def __init__(
        self, book: RosterBook, items: Mapping[str, RosterItem], subscriptions: frozenset[str]
    ) -> None:
        self._book = book
        self._items = items
        self._subscriptions = subscriptions

    def __contains__(self, address: object) -> bool:
        """Say whether this address is among them."""
        if self._is_contact(address):
            return True
        for team in self._book.teams:
            if address in team.members:
                return address != self._book.address
        return False

    def __iter__(self) -> Iterator[str]:
        """Give the contacts, then the colleagues who are no contacts."""
        subscriptions = self._subscriptions
        for item in self._items.values():
            if item.subscription in subscriptions:
                yield item.contact
        if self._book.teams:
            for address in self._book.colleagues():
                if not self._is_contact(address):
                    yield address

    def __len__(self) -> int:
        """Count them."""
        return sum(1 for _ in self)

    def _is_contact(self, address: object) -> bool:
        item = self._items.get(address) if isinstance(address, str) else None
        return item is not None and item.subscription in self._subscriptions
