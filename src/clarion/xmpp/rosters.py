"""Rosters in memory: one book per person, changed only after the commit (RFC 6121 section 2)."""

from asyncio import Lock
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import SessionId
from clarion.wire.xml import escape
from clarion.xmpp.roster import RosterItem, RosterStore
from clarion.xmpp.subscription_states import state_of

BOOKS_CACHED: Final = 1_000
"""LIMIT: books kept of people without a session, the latest used; a book of 100 contacts
takes some 50 KiB."""
ROSTER_LIMIT: Final = 5_000
"""LIMIT: entries of a person's roster, open requests among them."""
ROSTER_LIMIT_BYTES: Final = 1536 * 1024
"""LIMIT: all entries of a person's roster and the open requests among them, as ``size_bytes``
counts. 10,000 ordinary entries would fit, and the whole roster in one answer with all open
requests after it stays below the 2 MiB that may wait to be sent to one client."""
ITEM_LIMIT_BYTES: Final = 4096
"""LIMIT: name and groups of one contact together, in UTF-8; every push carries them to every
session, and some forty groups with names of a hundred bytes are more than anybody sorts by."""

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
        lock: First come, first served.
        version: Counts the changes that clients see (section 2.6).
        size_bytes: The sum of ``item_size_bytes`` over all items.
        loaded: Whether the store has been read.

    """

    __slots__ = (
        "__weakref__",
        "_items",
        "_pending",
        "_store",
        "_watched",
        "_watchers",
        "loaded",
        "lock",
        "owner",
        "size_bytes",
        "version",
    )

    def __init__(self, owner: PersonNumber, store: RosterStore) -> None:
        self.owner = owner
        self.lock = Lock()
        self.version = 0
        self.size_bytes = 0
        self.loaded = False
        self._store = store
        self._items: dict[str, RosterItem] = {}
        # Dictionaries for the sake of their order.
        self._watchers: dict[str, None] = {}
        self._watched: dict[str, None] = {}
        self._pending: dict[str, bytes] = {}

    def get(self, contact: str) -> RosterItem | None:
        """Return what is known of the contact with this bare JID, unlisted or not."""
        return self._items.get(contact)

    def items(self) -> Iterable[RosterItem]:
        """Return all items, unlisted ones too."""
        return self._items.values()

    def __len__(self) -> int:
        """Return how many items there are, unlisted ones too."""
        return len(self._items)

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
        """Who gets the owner's presence: contacts in state From or Both."""
        return self._watchers.keys()

    @property
    def watched(self) -> Collection[str]:
        """Whose presence the owner gets: contacts in state To or Both."""
        return self._watched.keys()

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
        for item in roster.items:
            self._show(item)
        self.version = roster.version
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
        """Return who was put or removed after ``version``, in order; the caller holds ``lock``.

        Returns:
            ``None`` when nobody knows any more.

        Raises:
            UnavailableError: The store cannot answer.

        """
        contacts = await self._store.changed_since(self.owner, version)
        return None if contacts is None else list(contacts)

    def _show(self, item: RosterItem) -> None:
        contact, state = item.contact, state_of(item)
        before = self._items.get(contact)
        self.size_bytes += item_size_bytes(item) - (item_size_bytes(before) if before else 0)
        self._items[contact] = item
        for place, belongs in ((self._watchers, state.shows), (self._watched, state.sees)):
            if belongs:
                place[contact] = None
            else:
                place.pop(contact, None)
        if state.pending_in and item.pending_in is not None:
            self._pending[contact] = item.pending_in
        else:
            self._pending.pop(contact, None)

    def _hide(self, contact: str) -> None:
        self.size_bytes -= item_size_bytes(self._items.pop(contact))
        self._watchers.pop(contact, None)
        self._watched.pop(contact, None)
        self._pending.pop(contact, None)


class Rosters:
    """The books by their owners' addresses.

    A book is here as long as anybody works with it, so there is never a
    second one of the same person; books of sessions that called ``hold`` and
    the latest used ones stay.

    Args:
        store: Keeps them.
        limit: See ``BOOKS_CACHED``.

    """

    def __init__(self, store: RosterStore, limit: int = BOOKS_CACHED) -> None:
        self._store = store
        self._limit = limit
        self._books: WeakValueDictionary[str, RosterBook] = WeakValueDictionary()
        self._recent: OrderedDict[str, RosterBook] = OrderedDict()
        self._held: dict[SessionId, RosterBook] = {}

    def cached(self, address: str) -> RosterBook | None:
        """Return the book of the person with this address if it is in memory."""
        book = self._books.get(address)
        return book if book is not None and book.loaded else None

    async def book(self, person: Person) -> RosterBook:
        """Return the book of a person, to look into.

        Raises:
            UnavailableError: The store cannot answer.

        """
        book = self._entry(person)
        if not book.loaded:
            async with book.lock:
                await book.load()
        return book

    @asynccontextmanager
    async def change(self, person: Person) -> AsyncGenerator[RosterBook, None]:
        """Hold the book of a person, to change it; first come, first served.

        Raises:
            UnavailableError: The store cannot answer.

        """
        book = self._entry(person)
        async with book.lock:
            await book.load()
            yield book

    def hold(self, session: SessionId, book: RosterBook) -> None:
        """Keep the book in memory until ``release``; once per session is enough."""
        self._held[session] = book

    def release(self, session: SessionId) -> None:
        """Let go of what this session held."""
        self._held.pop(session, None)

    def _entry(self, person: Person) -> RosterBook:
        address = person.address
        book = self._books.get(address)
        if book is None or book.owner != person.number:
            book = self._books[address] = RosterBook(person.number, self._store)
        self._recent[address] = book
        self._recent.move_to_end(address)
        if len(self._recent) > self._limit:
            self._recent.popitem(last=False)
        return book
