"""The rosters of everybody in memory: one book per person (RFC 6121 section 2)."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from clarion.core.model import Person
from clarion.core.ports import SessionId
from clarion.xmpp.departments import Departments
from clarion.xmpp.roster import RosterStore
from clarion.xmpp.roster_book import RosterBook

BOOKS_CACHED: Final = 1_000
"""LIMIT: books kept of people without a session, the latest used; a book of 100 contacts
takes some 50 KiB."""


class Rosters:
    """The books by their owners' addresses.

    A book is here as long as anybody works with it, so there is never a
    second one of the same person; books of sessions that called ``hold`` and
    the latest used ones stay.

    Args:
        store: Keeps them.
        limit: See ``BOOKS_CACHED``.
        departments: Whose people are in rosters; ``None``: there are none.

    Attributes:
        departments: As given.

    """

    def __init__(
        self,
        store: RosterStore,
        limit: int = BOOKS_CACHED,
        departments: Departments | None = None,
    ) -> None:
        self._store = store
        self.departments = departments
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

    def forget(self, person: Person) -> None:
        """Forget the book of somebody who was deleted; the address may be another's soon."""
        book = self._books.get(person.address)
        if book is not None and book.owner == person.number:
            del self._books[person.address]
            self._recent.pop(person.address, None)

    def _entry(self, person: Person) -> RosterBook:
        address = person.address
        book = self._books.get(address)
        if book is None or book.owner != person.number:
            book = self._books[address] = RosterBook(
                person.number, self._store, address, self.departments
            )
        self._recent[address] = book
        self._recent.move_to_end(address)
        if len(self._recent) > self._limit:
            self._recent.popitem(last=False)
        return book
