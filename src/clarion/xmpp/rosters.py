"""The rosters of everybody in memory: one book per person (RFC 6121 section 2)."""

from contextlib import AbstractAsyncContextManager

from clarion.core.model import Person
from clarion.core.ports import SessionId
from clarion.xmpp.books import BOOKS_CACHED, Books
from clarion.xmpp.departments import Departments
from clarion.xmpp.roster import RosterStore
from clarion.xmpp.roster_book import RosterBook


class Rosters:
    """The books by their owners' addresses.

    Books of sessions that called ``hold`` stay in memory; which others do,
    ``xmpp/books.py`` says.

    Args:
        store: Keeps them.
        limit: See ``BOOKS_CACHED``.
        departments: Whose people are in rosters; ``None``: there are none.

    Attributes:
        departments: As given.
        cached: Returns the book of the person with this address if it is in
            memory. Not a method of its own: it is asked for every contact of a presence.

    """

    def __init__(
        self,
        store: RosterStore,
        limit: int = BOOKS_CACHED,
        departments: Departments | None = None,
    ) -> None:
        self.departments = departments
        self._books = Books(
            lambda person: RosterBook(person.number, store, person.address, departments), limit
        )
        self.cached = self._books.cached
        self._held: dict[SessionId, RosterBook] = {}

    async def book(self, person: Person) -> RosterBook:
        """Return the book of a person, to look into.

        Raises:
            UnavailableError: The store cannot answer.

        """
        return await self._books.book(person)

    def change(self, person: Person) -> AbstractAsyncContextManager[RosterBook]:
        """Hold the book of a person, to change it; first come, first served.

        Raises:
            UnavailableError: On entry: the store cannot answer.

        """
        return self._books.change(person)

    def hold(self, session: SessionId, book: RosterBook) -> None:
        """Keep the book in memory until ``release``; once per session is enough."""
        self._held[session] = book

    def release(self, session: SessionId) -> None:
        """Let go of what this session held."""
        self._held.pop(session, None)

    def forget(self, person: Person) -> None:
        """Forget the book of somebody who was deleted; the address may be another's soon."""
        self._books.forget(person)
