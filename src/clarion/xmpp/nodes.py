"""The books of people's pubsub nodes, and who has nodes that others may see (XEP-0163)."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Final

from clarion.core.model import Person
from clarion.core.pubsub import PubsubStore
from clarion.wire.xmpp.avatars import DATA, METADATA, mark_of, shown_image
from clarion.wire.xmpp.node_config import AccessModel
from clarion.xmpp.books import BOOKS_CACHED, Books
from clarion.xmpp.node_book import NodeBook

MARKED: Final = frozenset({AccessModel.OPEN, AccessModel.PRESENCE})
"""Access models of an avatar that presence is marked with: who gets the presence may see it."""


class Nodes:
    """The books by their owners' addresses; ``xmpp/books.py`` says which stay in memory.

    Args:
        store: Keeps them.
        limit: See ``BOOKS_CACHED``.

    Attributes:
        photos: By address, what the presence of those is marked with who show
            an avatar (XEP-0153); ``put_photo`` changes it.

    """

    def __init__(self, store: PubsubStore, limit: int = BOOKS_CACHED) -> None:
        self._store = store
        self.photos: dict[str, bytes] = {}
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
        images = set(await self._store.ids(DATA))
        for address, config, payload in await self._store.newest(METADATA):
            found = shown_image(payload)
            if found is not None and config.access in MARKED and (address, found[0]) in images:
                self.photos[address] = mark_of(found[0])

    def put_photo(self, address: str, mark: bytes) -> bool:
        """Mark somebody's presence from now on; ``False``: it is so already.

        Args:
            address: Bare JID.
            mark: With what; nothing: the person shows no avatar.

        """
        if self.photos.get(address, b"") == mark:
            return False
        if mark:
            self.photos[address] = mark
        else:
            del self.photos[address]
        return True

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
        self.photos.pop(person.address, None)
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
