"""Tells people on line what a change of their departments means for them.

Their clients are pushed the contacts that came, went or were renamed (RFC 6121
section 2.1.6), and presence begins or ends: who leaves a department becomes
unavailable to those who stay, and they to that person. Each roster sees to
the presence that goes *out* from its owner; so both directions are covered.
"""

import asyncio
from collections.abc import Collection
from typing import Final

from clarion.core.model import Person
from clarion.lib.errors import ClarionError
from clarion.lib.log import get_logger
from clarion.xmpp.departments import Departments, Team, Teams
from clarion.xmpp.notices import hide_from, shown, to_person
from clarion.xmpp.people import People
from clarion.xmpp.pep_notices import introduce
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.roster_pushes import current_element, push, query_element
from clarion.xmpp.services import Services

SLICE: Final = 50
"""Contacts that are pushed or shown before others get their turn on the loop: about 1 ms."""
BOOKS: Final = 10
"""Rosters that are looked at before others get their turn on the loop."""

Step = tuple[Team | None, Team | None]
"""Two states of a department; ``None``: it was or is in no roster."""

log = get_logger("xmpp")


class Shifts:
    """Follows the departments with the rosters that are in memory.

    Args:
        services: The house.
        people: Who is on line.

    """

    def __init__(self, services: Services, people: People) -> None:
        self._services = services
        self._people = people
        self._concerned: dict[str, None] = {}
        self._following = False
        self._departments = services.rosters.departments
        if self._departments is not None:
            self._departments.listen(self._changed)

    def _changed(self, concerned: Collection[str]) -> None:
        """Note who is concerned; many changes in a row are told together."""
        self._concerned |= dict.fromkeys(concerned)
        if self._concerned and not self._following:
            self._following = True
            self._services.crew.errand(self._follow(), name="departments in rosters")

    async def _follow(self) -> None:
        try:
            while self._concerned:
                concerned, self._concerned = self._concerned, {}
                assert self._departments is not None, "they called"
                await self._round(self._departments, concerned)
        finally:
            self._following = False

    async def _round(self, departments: Departments, concerned: Collection[str]) -> None:
        """Bring the books of those concerned up to date, then show newcomers to each other."""
        newcomers: list[tuple[str, list[str]]] = []
        steps: dict[Step, tuple[str, ...]] = {}  # most rosters take the same ones
        for place, address in enumerate(concerned, start=1):
            person = self._person_with_book(address)
            if person is not None:
                try:
                    newcomers.append((address, await self._update(departments, person, steps)))
                except ClarionError as error:
                    log.warning("departments not told", to=address, why=str(error))
            if place % BOOKS == 0:
                await asyncio.sleep(0)
        # Only now: a client is told of a contact before it hears its presence.
        for address, new in newcomers:
            await self._show(address, new)
            introduce(self._services, self._people, address, new)

    def _person_with_book(self, address: str) -> Person | None:
        """Return the person if the roster is in memory; any other will be read as it then is."""
        if self._services.rosters.cached(address) is None:
            return None
        return self._services.directory.person(address)

    async def _update(
        self, departments: Departments, person: Person, steps: dict[Step, tuple[str, ...]]
    ) -> list[str]:
        """Tell a person's clients, and hide the person from those who are colleagues no more.

        Returns:
            Who gets the person's presence now and did not before.

        Raises:
            UnavailableError: The roster cannot be read.

        """
        async with self._services.rosters.change(person) as book:
            after = departments.of(person.address)
            changed = _differences(book.teams, after, steps)
            changed.pop(person.address, None)
            known, watchers = book.ver, book.watchers
            seen = {one for one in changed if one in watchers}
            book.teams = after
            watchers = book.watchers
            entity = self._people.get(person.address)
            if entity is not None:
                for one in seen:
                    if one not in watchers:
                        hide_from(self._services, self._people, entity, one)
                await self._push(entity, book, known, list(changed))
            return [one for one in changed if one in watchers and one not in seen]

    async def _push(
        self, entity: PersonEntity, book: RosterBook, known: str, changed: list[str]
    ) -> None:
        """Push contacts as they are now; all but the last with the version from before.

        Where they break off, the client asks for all of them again.
        """
        for place, contact in enumerate(changed, start=1):
            version = book.ver if place == len(changed) else known
            query = query_element(current_element(book, contact), version)
            push(entity.sessions.values(), query, self._services.token)
            if place % SLICE == 0:
                await asyncio.sleep(0)

    async def _show(self, address: str, new: list[str]) -> None:
        """Show a person's sessions to those who are colleagues since a moment ago."""
        for start in range(0, len(new), SLICE):
            entity, book = self._people.get(address), self._services.rosters.cached(address)
            if entity is None or book is None:
                return
            notices = [shown(session) for session in entity.available()]
            for contact in new[start : start + SLICE]:
                if contact in book.watchers:
                    for notice in notices:
                        to_person(self._services, self._people, notice, contact)
            await asyncio.sleep(0)


def _differences(
    before: Teams, after: Teams, steps: dict[Step, tuple[str, ...]]
) -> dict[str, None]:
    """Return who is shown differently, in the order of addresses within each department."""
    old = {team.number: team for team in before}
    new = {team.number: team for team in after}
    changed: dict[str, None] = {}
    for number in sorted(old.keys() | new.keys()):
        step = old.get(number), new.get(number)
        if step[0] is step[1]:
            continue
        if step not in steps:
            steps[step] = _step_differences(*step)
        changed |= dict.fromkeys(steps[step])
    return changed


def _step_differences(before: Team | None, after: Team | None) -> tuple[str, ...]:
    if before is not None and after is not None:
        return tuple(sorted(before.differences(after)))
    team = before or after
    return () if team is None else tuple(team.members)
