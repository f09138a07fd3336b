"""The organisation chart in memory: persons, departments and who belongs where.

It holds what the directory shows, by address, by number and by membership, and
answers what follows from it: who is below whom, who manages whom. It checks no
address and writes nothing; ``Directory`` does, before it puts anything here.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from clarion.core.model import Department, DepartmentNumber, Membership, Person, PersonNumber
from clarion.lib.errors import UsageError

TREE_DEPTH_LIMIT: Final = 32
"""LIMIT: departments above each other; every walk up the tree is bounded by it."""

Named = TypeVar("Named", Person, Department)


class Chart:
    """Who there is and who belongs where. Nothing waits.

    Attributes:
        persons: By normalised address; for others to read only, like the rest.
        person_of: The same by number.
        departments: By normalised address.
        department_of: The same by number.

    """

    __slots__ = ("_joined", "_members", "department_of", "departments", "person_of", "persons")

    def __init__(self) -> None:
        self.persons: dict[str, Person] = {}
        self.person_of: dict[PersonNumber, Person] = {}
        self.departments: dict[str, Department] = {}
        self.department_of: dict[DepartmentNumber, Department] = {}
        self._joined: dict[PersonNumber, dict[DepartmentNumber, Membership]] = {}
        self._members: dict[DepartmentNumber, dict[PersonNumber, Membership]] = {}

    # What changes it. Nothing else may.

    def put_person(self, person: Person) -> None:
        """Show a person, new or changed."""
        self.persons[person.address] = self.person_of[person.number] = person

    def drop_person(self, person: Person) -> Sequence[Department]:
        """Forget a person with all memberships; returns the departments left."""
        del self.persons[person.address], self.person_of[person.number]
        joined = self._joined.pop(person.number, {})
        for number in joined:
            self._members[number].pop(person.number, None)
        left = (self.department_of.get(number) for number in joined)
        return [one for one in left if one is not None]

    def put_department(self, department: Department) -> None:
        """Show a department, new or changed."""
        self.departments[department.address] = department
        self.department_of[department.number] = department

    def drop_department(self, department: Department) -> None:
        """Forget a department with all memberships."""
        del self.departments[department.address], self.department_of[department.number]
        for person in self._members.pop(department.number, {}):
            self._joined.get(person, {}).pop(department.number, None)

    def put_membership(self, membership: Membership) -> None:
        """Show a membership, new or changed."""
        person, department = membership.person, membership.department
        self._joined.setdefault(person, {})[department] = membership
        self._members.setdefault(department, {})[person] = membership

    def drop_membership(self, person: Person, department: Department) -> None:
        """Forget a membership; harmless when there is none."""
        self._joined.get(person.number, {}).pop(department.number, None)
        self._members.get(department.number, {}).pop(person.number, None)

    # Who is there, and belongs where.

    def search(self, text: str, most: int) -> Sequence[Person]:
        """Find persons by a part of their name or address; see ``Directory.search``."""
        sought = text.casefold().strip()
        hits = [
            (not (name.startswith(sought) or person.address.startswith(sought)), name, person)
            for person in self.persons.values()
            if not person.disabled
            and (sought in (name := person.name.casefold()) or sought in person.address)
        ]
        hits.sort(key=lambda hit: (hit[0], hit[1], hit[2].address))
        return [person for _, _, person in hits[:most]]

    def memberships_of(self, number: PersonNumber) -> Sequence[Membership]:
        """Return the memberships of a person, in no order."""
        return tuple(self._joined.get(number, {}).values())

    def membership(self, person: Person, department: Department) -> Membership | None:
        """Return title and manager of ``person`` in ``department``."""
        return self._joined.get(person.number, {}).get(department.number)

    def departments_of(self, person: Person) -> Sequence[Department]:
        """Return the departments that ``person`` belongs to, by address."""
        joined = self._joined.get(person.number, {})
        return by_address(self.department_of[number] for number in joined)

    def members(self, department: Department) -> Sequence[Person]:
        """Return the persons of a department by address, not those of the ones below."""
        return by_address(self._members_of(department))

    def active_members(self, department: Department, most: int) -> Sequence[Person] | None:
        """Return the members who are not disabled, by address; ``None``: more than ``most``."""
        active = (one for one in self._members_of(department) if not one.disabled)
        found = list(islice(active, most + 1))
        return None if len(found) > most else by_address(found)

    def managers(self, department: Department) -> Sequence[Person]:
        """Return who manages a department, by address."""
        joined = self._members.get(department.number, {})
        return by_address(
            self.person_of[number] for number, membership in joined.items() if membership.manager
        )

    def managers_of(self, person: Person) -> Sequence[Person]:
        """Return who manages ``person``, by address; see ``Directory.managers_of``."""
        found: dict[PersonNumber, Person] = {}
        for department in self.departments_of(person):
            for level in self.upwards(department):
                others = [one for one in self.managers(level) if one.number != person.number]
                if others:
                    found.update((one.number, one) for one in others)
                    break
        return by_address(found.values())

    # The tree.

    def children(self, department: Department | None) -> Sequence[Department]:
        """Return the departments right below ``department``; ``None``: those at the top."""
        parent = None if department is None else department.number
        return by_address(one for one in self.departments.values() if one.parent == parent)

    def upwards(self, department: Department) -> Sequence[Department]:
        """Return ``department`` and those above it, nearest first."""
        path = [department]
        while path[-1].parent is not None and len(path) <= TREE_DEPTH_LIMIT:
            path.append(self.department_of[path[-1].parent])
        return path

    def check_leaf(self, address: str, above: Department) -> None:
        """Refuse a new department that would be too deep.

        Raises:
            UsageError: There are ``TREE_DEPTH_LIMIT`` above it already.

        """
        if len(self.upwards(above)) >= TREE_DEPTH_LIMIT:
            raise _too_deep(address)

    def check_branch(self, department: Department, above: Department) -> None:
        """Refuse to hang a department where that makes a circle, or too deep a tree.

        Raises:
            UsageError: It would.

        """
        upwards = self.upwards(above)
        if department in upwards:
            raise UsageError(
                f"{department.address}: {above.address} is this department or one below it"
            )
        level = [department]
        deep = len(upwards)
        while level:
            deep += 1
            if deep > TREE_DEPTH_LIMIT:
                raise _too_deep(department.address)
            level = [child for one in level for child in self.children(one)]

    def _members_of(self, department: Department) -> Iterator[Person]:
        return (self.person_of[number] for number in self._members.get(department.number, {}))


def by_address(what: Iterable[Named]) -> Sequence[Named]:
    """Sort persons, or departments."""
    return sorted(what, key=lambda one: one.address)


def _too_deep(address: str) -> UsageError:
    return UsageError(f"{address}: more than {TREE_DEPTH_LIMIT} levels of departments")
