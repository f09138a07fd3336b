"""The person entities in memory: those who have sessions; the one-node owner of all of them."""

from asyncio import Future
from typing import Any, Final

from clarion.core.archive import Archive
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.model import Person
from clarion.core.seal import Seal
from clarion.lib.clock import Alarm, Clock
from clarion.lib.log import get_logger
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.reach import Reach

LEVEL_DELAY: Final = 1.0  # seconds that a person's level may be kept in memory only

log = get_logger("xmpp")


class People:
    """Person entities by bare JID.

    An entity is made at a person's first log-in and dropped with the last
    session; what a person without one must not miss is in the archive.
    """

    def __init__(
        self,
        domain: str,
        archive: Archive,
        ledger: Ledger,
        seal: Seal,
        clock: Clock,
        blocking: Blocking,
    ) -> None:
        self._domain = domain
        self._archive = archive
        self._ledger = ledger
        self._seal = seal
        self._clock = clock
        self._blocking = blocking
        self._entities: dict[str, PersonEntity] = {}
        self._changed: dict[str, PersonEntity] = {}
        self._alarm: Alarm | None = None

    def get(self, address: str) -> PersonEntity | None:
        """Return the entity of the person with this bare JID, if it is in memory."""
        return self._entities.get(address)

    def all(self) -> list[PersonEntity]:
        """Return all entities in memory."""
        return list(self._entities.values())

    async def enter(self, person: Person) -> PersonEntity:
        """Return the person's entity, made from the store where it is not in memory."""
        known = self._entities.get(person.address)
        if known is not None:
            return known
        received = await self._archive.received_up_to(person.number)
        # Another session may have entered meanwhile.
        known = self._entities.get(person.address)
        if known is None:
            known = PersonEntity(
                person,
                self._domain,
                self._archive,
                self._ledger,
                self._seal,
                self._clock,
                Reach(received.up_to, waiting=received.newer),
                self._blocking,
            )
            known.found = received
            self._entities[person.address] = known
        return known

    def leave(self, entity: PersonEntity) -> None:
        """Drop the entity when it has no more sessions and its level is kept."""
        if entity.sessions:
            self.level_changed(entity)
            return

        def forget(_: Future[Any]) -> None:
            if not entity.sessions and self._entities.get(entity.address) is entity:
                del self._entities[entity.address]

        self._changed.pop(entity.address, None)
        kept = self._archive.set_received_up_to(entity.person.number, entity.reach.level())
        kept.add_done_callback(forget)

    def forget(self, person: Person) -> None:
        """Drop the entity of somebody who was deleted; nothing of it is kept."""
        entity = self._entities.get(person.address)
        if entity is not None and entity.person.number == person.number:
            del self._entities[person.address]
            self._changed.pop(person.address, None)

    def level_changed(self, entity: PersonEntity) -> None:
        """Keep the entity's level within ``LEVEL_DELAY`` seconds."""
        self._changed[entity.address] = entity
        if self._alarm is None:
            self._alarm = self._clock.call_later(LEVEL_DELAY, self.keep_levels)

    def keep_levels(self) -> None:
        """Queue the levels that have changed for the store."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        changed, self._changed = self._changed, {}
        for entity in changed.values():
            self._archive.set_received_up_to(entity.person.number, entity.reach.level())
