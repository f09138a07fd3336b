"""Departments as rosters show them: a group of people who see each other without asking.

A department's people are its direct members who are not disabled; those of
the departments below it are not among them. One with more than ``[directory]
roster_size`` of them is in no roster; its people are found by search
(XEP-0055). Rosters do not copy a department: all of them share one ``Team``,
which is made when first asked for and replaced, never changed, by the
directory's events.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import (
    DepartmentChanged,
    DepartmentRemoved,
    PersonChanged,
    PoliciesChanged,
)
from clarion.core.model import DepartmentNumber, Person

CHANGES_KEPT: Final = 100
"""LIMIT: changes of a department that are remembered, since the start; a client that missed more
gets the whole roster."""
DIGEST_BYTES: Final = 6  # of a hash that tells one state of a department from all others


class Team:
    """One state of a department's people; frozen, and shared by their rosters.

    Attributes:
        number: The department's.
        name: The name of the department, and of the group in rosters.
        members: Name by address, in the order of addresses.
        digest: Tells this state from others, also after a restart.
        elements: Made by ``roster_pushes.py``: members as rosters show them.

    """

    __slots__ = ("digest", "elements", "members", "name", "number")

    def __init__(self, number: DepartmentNumber, name: str, members: Iterable[Person]) -> None:
        self.number = number
        self.name = name
        self.members: Mapping[str, str] = {one.address: one.name for one in members}
        texts = [name, *(text for pair in self.members.items() for text in pair)]
        # No address and no name has a line feed.
        written = "\n".join(texts).encode("utf-8", "surrogatepass")
        self.digest = hashlib.blake2b(written, digest_size=DIGEST_BYTES).hexdigest()
        self.elements: dict[str, bytes] = {}

    def differences(self, other: "Team") -> Iterator[str]:
        """Give the addresses that the two states show differently."""
        for address in self.members.keys() | other.members.keys():
            if self.name != other.name or self.members.get(address) != other.members.get(address):
                yield address


Teams = tuple[Team, ...]
Listener = Callable[[Collection[str]], None]
"""Told of the people whose departments, or the people in them, have changed."""


class Departments:
    """The teams of everybody, as the directory is now.

    Args:
        directory: Holds persons and departments.
        bus: Tells of changes.
        roster_size: LIMIT: people of a department that is in rosters; 0: none is.

    """

    def __init__(self, directory: Directory, bus: Bus, roster_size: int) -> None:
        self._directory = directory
        self._roster_size = roster_size
        # None: too large for rosters. What nobody has asked for is not here.
        self._teams: dict[DepartmentNumber, Team | None] = {}
        self._past: dict[DepartmentNumber, deque[tuple[str, frozenset[str]]]] = {}
        self._listeners: list[Listener] = []
        bus.subscribe(DepartmentChanged, lambda event: self._refresh(event.department.number))
        bus.subscribe(DepartmentRemoved, lambda event: self._refresh(event.department.number))
        bus.subscribe(PersonChanged, lambda event: self._person_changed(event.person))
        bus.subscribe(PoliciesChanged, self._policies_changed)

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` after every later change that rosters show."""
        self._listeners.append(listener)

    def of(self, address: str) -> Teams:
        """Return the teams that the person with this address is in."""
        person = self._directory.person(address)
        if person is None or person.disabled:
            return ()
        departments = self._directory.departments_of(person)
        if not departments:
            return ()
        found = (self._team(one.number) for one in departments)
        return tuple(team for team in found if team is not None)

    def changed_since(self, team: Team, digest: str) -> Collection[str] | None:
        """Return who was changed, added or taken away since an earlier state of ``team``.

        Returns:
            ``None`` when that state is not remembered.

        """
        if digest == team.digest:
            return ()
        changed: set[str] = set()
        for before, addresses in reversed(self._past.get(team.number, ())):
            changed |= addresses
            if before == digest:
                return changed
        return None

    def _team(self, number: DepartmentNumber) -> Team | None:
        if number not in self._teams:
            self._teams[number] = self._made(number)
        return self._teams[number]

    def _made(self, number: DepartmentNumber) -> Team | None:
        department = self._directory.department_by_number(number)
        if department is None:
            return None
        members = self._directory.active_members(department, self._roster_size)
        return None if members is None else Team(number, department.name, members)

    def _refresh(self, number: DepartmentNumber) -> None:
        # One that nobody has asked for is made all the same: whoever has just
        # joined may be on line without having seen it.
        before, after = self._teams.get(number), self._made(number)
        if before is not None and after is not None:
            if before.digest == after.digest:
                return
            past = self._past.setdefault(number, deque(maxlen=CHANGES_KEPT))
            past.append((before.digest, frozenset(before.differences(after))))
        else:
            self._past.pop(number, None)
        self._teams[number] = after
        if self._directory.department_by_number(number) is None:
            del self._teams[number]
        concerned: dict[str, None] = {}
        for team in (before, after):
            if team is not None:
                concerned |= dict.fromkeys(team.members)
        for listener in self._listeners:
            listener(concerned.keys())

    def _person_changed(self, person: Person) -> None:
        """A name, or whether the person is disabled or there at all, stands in every team."""
        joined = {one.number for one in self._directory.departments_of(person)}
        joined |= {
            number
            for number, team in self._teams.items()
            if team is not None and person.address in team.members
        }
        for number in sorted(joined):
            self._refresh(number)

    def _policies_changed(self, event: PoliciesChanged) -> None:
        if event.config.directory.roster_size != self._roster_size:
            self._roster_size = event.config.directory.roster_size
            for number in list(self._teams):
                self._refresh(number)
