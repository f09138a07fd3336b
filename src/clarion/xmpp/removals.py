"""Sessions that end because the house says so: of persons deleted, and those an administrator ends.

They end in the next turn of the loop, so that who ends their own is answered first.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from clarion.core.events import PersonDeleted, SessionsUnwanted
from clarion.core.model import PersonNumber
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.xmpp.lifecycle import Lifecycle
from clarion.xmpp.notices import tell
from clarion.xmpp.people import People
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_pushes import push_contact
from clarion.xmpp.services import Services
from clarion.xmpp.subscription_states import Kind, state_of

E = TypeVar("E")


class Removals:
    """Hears of persons and sessions that are to go.

    Args:
        services: The house.
        people: Who is on line.
        lifecycle: Ends sessions.

    """

    def __init__(self, services: Services, people: People, lifecycle: Lifecycle) -> None:
        self._services = services
        self._people = people
        self._lifecycle = lifecycle
        # Read while it is there, for those in it to be told; it stays in memory until then.
        services.directory.before_delete(services.rosters.book)
        services.bus.subscribe(PersonDeleted, lambda event: _soon(self._delete, event))
        services.bus.subscribe(SessionsUnwanted, lambda event: _soon(self._end, event))

    def _delete(self, event: PersonDeleted) -> None:
        """End the sessions, and the subscriptions both ways (XEP-0077 section 3.2)."""
        person = event.person
        self._lifecycle.throw_out(
            person.address,
            StreamError(StreamCondition.NOT_AUTHORIZED, "this account has been deleted"),
        )
        book = self._services.rosters.cached(person.address)
        if book is not None and book.owner == person.number:
            farewell(self._services, person.address, list(book.items()))
        self._services.rosters.forget(person)
        self._services.blocking.forget(person)
        self._services.nodes.forget(person)
        if self._services.pusher is not None:
            self._services.pusher.person_gone(person)
        self._people.forget(person)

    def _end(self, event: SessionsUnwanted) -> None:
        entity, resource = self._people.get(event.person.address), event.resource
        if entity is None:
            return
        # COMPAT(most clients): after <not-authorized/> they would not come back by themselves.
        why = StreamError(StreamCondition.RESET, "an administrator ended this session")
        for session in entity.sessions.values():
            if resource in {"", session.jid.resource}:
                self._lifecycle.end(session, why)


def _soon(act: Callable[[E], None], event: E) -> None:
    asyncio.get_running_loop().call_soon(act, event)


async def forget_contact(
    services: Services, people: People, owner: PersonNumber, contact: str
) -> None:
    """Take somebody who was erased out of a roster, name and groups and all, and push that.

    Raises:
        UnavailableError: The store cannot do it.

    """
    person = services.directory.by_number(owner)
    if person is None:
        return
    async with services.rosters.change(person) as book:
        item = book.get(contact)
        if item is None:
            return
        await book.remove(contact)
        entity = people.get(person.address)
        if entity is not None and item.listed:
            push_contact(entity.sessions.values(), book, contact, services.token)


def farewell(services: Services, account: str, items: Iterable[RosterItem]) -> None:
    """Tell the contacts of somebody who is no more that there is nothing between them any more.

    Their rosters keep the name, for what was written stays in their archives.
    """
    for item in items:
        state = state_of(item)
        if state.sees or state.ask:
            tell(services, Kind.UNSUBSCRIBE, account, item.contact)
        if state.shows or state.pending_in:
            tell(services, Kind.UNSUBSCRIBED, account, item.contact)
