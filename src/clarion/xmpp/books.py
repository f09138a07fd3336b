"""Books of people in memory: one per person, read from the store when first needed.

A book is what the server knows of one person in one respect: the roster, the
pubsub nodes. ``rosters.py`` and ``nodes.py`` say which.
"""

from asyncio import Lock
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from clarion.core.model import Person, PersonNumber

BOOKS_CACHED: Final = 1_000
"""LIMIT: books of one kind in memory that nobody works with, the latest used; a roster of 100
contacts takes some 50 KiB."""


class Book(Protocol):
    """What ``Books`` asks of a book, which must also allow weak references."""

    @property
    def owner(self) -> PersonNumber:
        """Whose it is."""
        ...

    @property
    def lock(self) -> Lock:
        """Held by whoever loads or changes it; first come, first served."""
        ...

    @property
    def loaded(self) -> bool:
        """Whether the store has been read."""
        ...

    async def load(self) -> None:
        """Read the store, once; the caller holds ``lock``.

        Raises:
            UnavailableError: The store cannot answer; it is asked again next time.

        """
        ...


B = TypeVar("B", bound=Book)


class Books(Generic[B]):
    """The books of one kind by their owners' addresses.

    A book is here as long as anybody works with it, so there is never a second
    one of the same person; beyond these, the latest used ones stay.

    Args:
        make: Makes the book of a person, not loaded yet.
        limit: See ``BOOKS_CACHED``; in books.

    """

    def __init__(self, make: Callable[[Person], B], limit: int = BOOKS_CACHED) -> None:
        self._make = make
        self._limit = limit
        self._books: WeakValueDictionary[str, B] = WeakValueDictionary()
        self._recent: OrderedDict[str, B] = OrderedDict()

    def cached(self, address: str) -> B | None:
        """Return the book of the person with this address if it is in memory and loaded."""
        book = self._books.get(address)
        return book if book is not None and book.loaded else None

    def in_memory(self) -> list[B]:
        """Return all books that anybody works with, and those that stay."""
        return list(self._books.values())

    async def book(self, person: Person) -> B:
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
    async def change(self, person: Person) -> AsyncGenerator[B, None]:
        """Hold the book of a person, to change it; first come, first served.

        Raises:
            UnavailableError: The store cannot answer.

        """
        book = self._entry(person)
        async with book.lock:
            await book.load()
            yield book

    def forget(self, person: Person) -> None:
        """Forget the book of somebody who was deleted; the address may be another's soon."""
        book = self._books.get(person.address)
        if book is not None and book.owner == person.number:
            del self._books[person.address]
            self._recent.pop(person.address, None)

    def _entry(self, person: Person) -> B:
        address = person.address
        book = self._books.get(address)
        if book is None or book.owner != person.number:
            book = self._books[address] = self._make(person)
        self._recent[address] = book
        self._recent.move_to_end(address)
        if len(self._recent) > self._limit:
            self._recent.popitem(last=False)
        return book
