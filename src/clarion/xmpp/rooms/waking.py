"""Who hears of a room's messages though no client of theirs is looked at there (XEP-0357).

Members, and whoever is in the room with a client that sleeps. Only those who
have a push service are looked at, when the message has gone its way.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import Final

from clarion.core.model import Person
from clarion.core.rooms import Affiliation
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.mentions import Mentions
from clarion.xmpp.push_decision import Occasion
from clarion.xmpp.pushing import Pusher
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.room import RoomEntity
from clarion.xmpp.services import Services

AT_ONCE: Final = 100  # people told before others have a turn of the loop

Watched = Callable[[str, Collection[str]], str]
"""Given somebody's bare JID and resources of theirs: which of these is looked at; ``""``: none."""


class Waker:
    """Tells people's push services of what is said in rooms.

    Args:
        services: The house.
        watched: Says who looks at a client.

    """

    def __init__(self, services: Services, watched: Watched) -> None:
        self._services = services
        self._watched = watched

    def said(self, room: RoomEntity, sender: str, incoming: Incoming) -> None:
        """Take a message that was kept, and that people read.

        Args:
            room: Where.
            sender: The occupant JID of who said it.
            incoming: As it came.

        """
        pusher = self._services.pusher
        if pusher is not None and pusher.devices.any:
            work = self._tell(pusher, room, sender, incoming)
            self._services.crew.errand(work, name=f"waking people of {room.address}")

    async def _tell(
        self, pusher: Pusher, room: RoomEntity, sender: str, incoming: Incoming
    ) -> None:
        mentions = Mentions(incoming.tree) if room.room.config.mention_push else None
        told = 0
        for person in self._concerned(pusher, room):
            if person.address == incoming.sender.bare or self._blocks(person, room):
                continue
            inside = room.occupants.person(person.address)
            resources = {client.resource for one in inside for client in one.clients.values()}
            watched = self._watched(person.address, resources) if resources else ""
            muted = mentions is not None and not _named(mentions, room, person)
            pusher.tell(person.number, Occasion(watched, muted=muted), sender, incoming.stanza.raw)
            told += 1
            if told % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _concerned(self, pusher: Pusher, room: RoomEntity) -> Iterator[Person]:
        """Yield who has a push service, and is a member or in the room."""
        directory, devices = self._services.directory, pusher.devices
        known = room.wakeable
        if known is None or known[0] != devices.generation:
            affiliations = room.room.affiliations
            if len(affiliations) < len(devices.owners):
                members = [directory.person(jid) for jid in affiliations]
            else:
                members = [directory.by_number(number) for number in devices.owners]
            addresses = tuple(
                one.address
                for one in members
                if one is not None
                and one.number in devices.owners
                and _is_member(room, one.address)
            )
            known = room.wakeable = (devices.generation, addresses)
        for address in known[1]:
            person = directory.person(address)
            if person is not None and not person.disabled:
                yield person
        seen: set[str] = set()
        for occupant in room.occupants:
            if occupant.affiliation >= Affiliation.MEMBER or occupant.bare in seen:
                continue
            seen.add(occupant.bare)
            person = directory.person(occupant.bare)
            if person is not None and person.number in devices.owners:
                yield person

    def _blocks(self, person: Person, room: RoomEntity) -> bool:
        blocking = self._services.blocking
        blocked = blocking.of(person.address) if blocking.lists else None
        return blocked is not None and blocked.blocks(parse_jid(room.address))


def _is_member(room: RoomEntity, bare: str) -> bool:
    return room.room.affiliation(bare) >= Affiliation.MEMBER


def _named(mentions: Mentions, room: RoomEntity, person: Person) -> bool:
    """Whether a message names somebody: their address, name, reserved nickname, or one in use."""
    address = person.address
    if mentions.refer_to(address) or mentions.name(address) or mentions.name(person.name):
        return True
    known = room.room.affiliations.get(address)
    if known is not None and mentions.name(known.nick):
        return True
    return any(
        mentions.refer_to(one.jid) or mentions.name(one.nick)
        for one in room.occupants.person(address)
    )
