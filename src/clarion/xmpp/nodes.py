"""The books of people's pubsub nodes, and who has nodes that others may see (XEP-0163)."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager

from clarion.core.model import Person
from clarion.core.pubsub import PubsubStore
from clarion.xmpp.books import BOOKS_CACHED, Books
from clarion.xmpp.node_book import NodeBook


class Nodes:
    """The books by their owners' addresses; ``xmpp/books.py`` says which stay in memory.

    Args:
        store: Keeps them.
        limit: See ``BOOKS_CACHED``.

    """

    def __init__(self, store: PubsubStore, limit: int = BOOKS_CACHED) -> None:
        self._store = store
        shown: dict[str, set[str]] = {}
        self._shown = shown
        self._books = Books(lambda person: NodeBook(person, store, shown), limit)

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
        return await self._books.book(person)

    def change(self, person: Person) -> AbstractAsyncContextManager[NodeBook]:
        """Hold the book of a person, to change it; first come, first served.

        Raises:
            UnavailableError: On entry: the store cannot answer.

        """
        return self._books.change(person)

    def forget(self, person: Person) -> None:
        """Forget the book of somebody who was deleted; whoever deletes empties the store."""
        self._books.forget(person)
        for book in self._books.in_memory():
            book.forget(person.address)
        for owners in self._shown.values():
            owners.discard(person.address)

    async def tell_once(self, person: Person, what: str) -> bool:
        """Note that a person was told of ``what``; ``False``: that was so already.

        Raises:
            UnavailableError: The store cannot answer.

        """
        return await self._store.tell_once(person.number, what)
