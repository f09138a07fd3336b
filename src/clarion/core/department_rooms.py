"""Every department has a room, which follows the directory.

It is persistent, members-only and non-anonymous. The department's direct
members are its members, those who manage it its admins; it has no owner,
because the directory says what becomes of it. A change of the directory is
followed at once; what was missed, while the server was down or the store
refused, is made up for at the start and at the next change.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import DepartmentChanged, DepartmentRemoved, PersonChanged
from clarion.core.model import Department, DepartmentNumber
from clarion.core.room_book import RoomBook
from clarion.core.rooms import Affiliated, Affiliation, Room, RoomConfig, Whom
from clarion.lib.crew import Crew
from clarion.lib.errors import ClarionError
from clarion.lib.log import get_logger

CONFIG: Final = RoomConfig(
    public=True, persistent=True, members_only=True, invites=False, whois=Whom.ANYONE
)
"""What a department's room is like when it is made; its admins may change some of it."""

LOT: Final = 50
"""Rooms that are adjusted at once, so that many share one commit."""

log = get_logger("rooms")


class DepartmentRooms:
    """Keeps the rooms of departments as the directory is.

    Args:
        directory: Who belongs where.
        book: The rooms.
        bus: Tells of changes.
        crew: Runs what must ask the store.
        domain: Of rooms, e.g. ``rooms.corp.example``.

    """

    def __init__(
        self, directory: Directory, book: RoomBook, bus: Bus, crew: Crew, domain: str
    ) -> None:
        self._directory = directory
        self._book = book
        self._crew = crew
        self._domain = domain
        self._stale: dict[DepartmentNumber, None] = {}
        self._following = False
        bus.subscribe(DepartmentChanged, lambda event: self._soon(event.department))
        bus.subscribe(DepartmentRemoved, lambda event: self._soon(event.department))
        bus.subscribe(PersonChanged, self._person_changed)

    def address_of(self, department: Department) -> str:
        """Return the bare JID of a department's room, whether it is there already or not."""
        return f"{department.address.partition('@')[0]}@{self._domain}"

    async def catch_up(self) -> None:
        """Make every room as its department is now; to be called once, at the start."""
        known = {room.department for room in self._book.all() if room.department is not None}
        known |= {department.number for department in self._directory.departments()}
        self._stale |= dict.fromkeys(sorted(known))
        await self._follow()

    def _person_changed(self, event: PersonChanged) -> None:
        """Somebody may have been disabled, enabled or deleted."""
        for room in self._book.affiliated(event.person.address):
            if room.department is not None:
                self._stale[room.department] = None
        for department in self._directory.departments_of(event.person):
            self._stale[department.number] = None
        self._begin()

    def _soon(self, department: Department) -> None:
        self._stale[department.number] = None
        self._begin()

    def _begin(self) -> None:
        if self._stale and not self._following:
            self._following = True
            self._crew.errand(self._follow(), name="rooms of departments")

    async def _follow(self) -> None:
        self._following = True
        try:
            while self._stale:
                lot = list(self._stale)[:LOT]
                for number in lot:
                    del self._stale[number]
                await asyncio.gather(*(self._adjusted(number) for number in lot))
        finally:
            self._following = False

    async def _adjusted(self, number: DepartmentNumber) -> None:
        try:
            await self._adjust(number)
        except ClarionError as error:
            # The next change or start tries again.
            log.warning("a department's room does not follow", department=number, why=str(error))

    async def _adjust(self, number: DepartmentNumber) -> None:
        department = self._directory.department_by_number(number)
        room = self._book.of_department(number)
        if department is None:
            if room is not None:
                await self._book.destroy(room, reason="the department is no more")
            return
        members = self._members(department)
        if room is None:
            address = self.address_of(department)
            config = _named(CONFIG, department)
            room = await self._book.create(address, config, members, department=number)
        if room.config.name != department.name:
            await self._book.configure(room, _named(room.config, department))
        changes = _differences(room, members)
        if changes:
            await self._book.affiliate(room, changes, "")

    def _members(self, department: Department) -> Sequence[Affiliated]:
        managers = {one.number for one in self._directory.managers(department)}
        return [
            Affiliated(
                one.address, Affiliation.ADMIN if one.number in managers else Affiliation.MEMBER
            )
            for one in self._directory.members(department)
            if not one.disabled
        ]


def _named(config: RoomConfig, department: Department) -> RoomConfig:
    return replace(config, name=department.name)


def _differences(room: Room, members: Sequence[Affiliated]) -> Sequence[Affiliated]:
    """Return what makes a room's affiliations those of ``members``; who is banned stays so."""
    wanted = {one.jid: one.affiliation for one in members}
    changes = []
    for jid, affiliation in wanted.items():
        if room.affiliation(jid) not in {affiliation, Affiliation.OUTCAST}:
            changes.append(Affiliated(jid, affiliation))
    for jid, known in room.affiliations.items():
        if jid not in wanted and known.affiliation is not Affiliation.OUTCAST:
            changes.append(Affiliated(jid, Affiliation.NONE))
    return changes
