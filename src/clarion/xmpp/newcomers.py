"""Who was invited and who invited them become contacts, where that was wanted (XEP-0401 5.5)."""

from dataclasses import replace

from clarion.core.model import Person
from clarion.xmpp.people import People
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_pushes import push_contact
from clarion.xmpp.services import Services


async def befriend(services: Services, people: People, inviter: Person, newcomer: Person) -> None:
    """Subscribe two people to each other, and push that to the clients of both.

    The newcomer has no client yet; presence follows at their log-in. Where the
    inviter's roster is full nothing happens.

    Raises:
        UnavailableError: The store cannot keep it.

    """
    for owner, other in ((inviter, newcomer), (newcomer, inviter)):
        async with services.rosters.change(owner) as book:
            before = book.get(other.address) or RosterItem(other.address, listed=False)
            after = replace(before, subscription="both", ask=False, pending_in=None, listed=True)
            if not book.has_room(after):
                return
            await book.put(after, visible=True)
            entity = people.get(owner.address)
            if entity is not None:
                push_contact(entity.sessions.values(), book, other.address, services.token)
