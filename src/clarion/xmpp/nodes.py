"""The books of people's pubsub nodes, and who has nodes that others may see (XEP-0163)."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from clarion.core.model import Person
from clarion.core.pubsub import PubsubStore
from clarion.xmpp.node_book import NodeBook

BOOKS_CACHED: Final = 1_000
"""LIMIT: books in memory of people nobody works with, the latest used."""


class Nodes:
    """The books by their owners' addresses; see ``xmpp/rosters.py``, which works alike.

    Args:
        store: Keeps them.
        limit: See ``BOOKS_CACHED``.

    """

    def __init__(self, store: PubsubStore, limit: int = BOOKS_CACHED) -> None:
        self._store = store
        self._limit = limit
        self._books: WeakValueDictionary[str, NodeBook] = WeakValueDictionary()
        self._recent: OrderedDict[str, NodeBook] = OrderedDict()
        self._shown: dict[str, set[str]] = {}

    async def load(self) -> None:
        """Learn who has nodes that others may see; once, before anybody asks.

        Raises:
            UnavailableError: The store cannot answer.

        """
        for address, node in await self._store.shown():
            self._shown.setdefault(node, set()).add(address)

    def owners_of(self, node: str) -> Collection[str]:
        """Return who has a node of this name that not only its owner may see."""
        return self._shown.get(node, ())

    async def book(self, person: Person) -> NodeBook:
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
    async def change(self, person: Person) -> AsyncGenerator[NodeBook, None]:
        """Hold the book of a person, to change it; first come, first served.

        Raises:
            UnavailableError: The store cannot answer.

        """
        book = self._entry(person)
        async with book.lock:
            await book.load()
            yield book

    def forget(self, person: Person) -> None:
        """Forget the book of somebody who was deleted; whoever deletes empties the store."""
        book = self._books.get(person.address)
        if book is not None and book.owner == person.number:
            del self._books[person.address]
            self._recent.pop(person.address, None)
        for owners in self._shown.values():
            owners.discard(person.address)

    async def tell_once(self, person: Person, what: str) -> bool:
        """Note that a person was told of ``what``; ``False``: that was so already.

        Raises:
            UnavailableError: The store cannot answer.

        """
        return await self._store.tell_once(person.number, what)

    def _entry(self, person: Person) -> NodeBook:
        address = person.address
        book = self._books.get(address)
        if book is None or book.owner != person.number:
            book = self._books[address] = NodeBook(person, self._store, self._shown)
        self._recent[address] = book
        self._recent.move_to_end(address)
        if len(self._recent) > self._limit:
            self._recent.popitem(last=False)
        return book
