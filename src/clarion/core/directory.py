"""The directory: all persons and departments, in memory and in the store.

Everything is read once at the start and looked up synchronously from then on.
A change is checked, written, then shown in memory, then told on the bus; so
whoever hears of it finds the new state here. Changes to one address follow
each other; changes to different addresses go side by side.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar, Unpack
from weakref import WeakValueDictionary

from clarion.core.bus import Bus
from clarion.core.events import (
    DepartmentChanged,
    DepartmentRemoved,
    PersonChanged,
    PersonDeleted,
    PersonDisabled,
)
from clarion.core.model import Department, DepartmentNumber, Membership, Person, PersonNumber
from clarion.core.people import PeopleStore
from clarion.core.profile import PersonFields, checked_fields, checked_name
from clarion.lib.errors import UsageError
from clarion.wire.address import normalise_address

TREE_DEPTH_LIMIT: Final = 32
"""LIMIT: departments above each other; every walk up the tree is bounded by it."""
SEARCH_LIMIT: Final = 100
"""LIMIT: persons that one search returns."""

_TREE: Final = "tree"  # the lock of the departments' tree; no address, it has no "@"

Named = TypeVar("Named", Person, Department)


class Directory:
    """People, departments and who belongs where.

    Args:
        store: Keeps them.
        bus: Hears of every change.
        domain: The organisation's domain, normalised; no other is accepted.
        language: Of persons added without one.
        time_zone: Of persons added without one.

    """

    def __init__(
        self,
        store: PeopleStore,
        bus: Bus,
        domain: str,
        *,
        language: str = "en",
        time_zone: str = "UTC",
    ) -> None:
        self._new: PersonFields = {"name": "", "language": language, "time_zone": time_zone}
        self._store = store
        self._bus = bus
        self._domain = domain
        self._persons: dict[str, Person] = {}
        self._departments: dict[str, Department] = {}
        self._person_of: dict[PersonNumber, Person] = {}
        self._department_of: dict[DepartmentNumber, Department] = {}
        self._joined: dict[PersonNumber, dict[DepartmentNumber, Membership]] = {}
        self._members: dict[DepartmentNumber, dict[PersonNumber, Membership]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._before_delete: list[Callable[[Person], Awaitable[object]]] = []

    @property
    def domain(self) -> str:
        """The organisation's domain."""
        return self._domain

    @property
    def time_zone(self) -> str:
        """The organisation's time zone, an IANA name."""
        return self._new["time_zone"]

    async def load(self) -> None:
        """Read everything from the store.

        Raises:
            UnavailableError: The store cannot answer.

        """
        for person in await self._store.persons():
            self._show_person(person)
        for department in await self._store.departments():
            self._show_department(department)
        for membership in await self._store.memberships():
            self._show_membership(membership)

    # Look-ups. None of them waits.

    def own_address(self, text: str) -> str:
        """Return ``text`` as a normalised address of this organisation.

        Raises:
            UsageError: It is no address, or one of another domain.

        """
        address = normalise_address(text.strip())
        domain = address.partition("@")[2]
        if domain != self._domain:
            raise UsageError(f"{address}: this server serves {self._domain}, not {domain}")
        return address

    def person(self, address: str) -> Person | None:
        """Return who has this normalised address, disabled persons too."""
        return self._persons.get(address)

    def by_number(self, number: PersonNumber) -> Person | None:
        """Return the person with this number."""
        return self._person_of.get(number)

    def persons(self) -> Sequence[Person]:
        """Return all persons by address, disabled ones too."""
        return _by_address(self._persons.values())

    def everybody(self) -> list[Person]:
        """Return all persons in no order, disabled ones too; quick also where they are many."""
        return list(self._persons.values())

    def memberships_of(self, number: PersonNumber) -> Sequence[Membership]:
        """Return the memberships of the person with this number, in no order."""
        return tuple(self._joined.get(number, {}).values())

    def department(self, address: str) -> Department | None:
        """Return the department with this normalised address."""
        return self._departments.get(address)

    def department_by_number(self, number: DepartmentNumber) -> Department | None:
        """Return the department with this number."""
        return self._department_of.get(number)

    def departments(self) -> Sequence[Department]:
        """Return all departments by address."""
        return _by_address(self._departments.values())

    def children(self, department: Department | None) -> Sequence[Department]:
        """Return the departments right below ``department``; ``None``: those at the top."""
        parent = None if department is None else department.number
        return _by_address(one for one in self._departments.values() if one.parent == parent)

    def members(self, department: Department) -> Sequence[Person]:
        """Return the persons of this department by address, not those of the ones below."""
        joined = self._members.get(department.number, {})
        return _by_address(self._person_of[number] for number in joined)

    def active_members(self, department: Department, most: int) -> Sequence[Person] | None:
        """Return the members who are not disabled, by address; ``None``: more than ``most``.

        Costs no more than ``most`` where a department is far larger.
        """
        joined = self._members.get(department.number, {})
        active = (one for number in joined if not (one := self._person_of[number]).disabled)
        found = list(islice(active, most + 1))
        return None if len(found) > most else _by_address(found)

    def departments_of(self, person: Person) -> Sequence[Department]:
        """Return the departments that ``person`` belongs to, by address."""
        joined = self._joined.get(person.number, {})
        return _by_address(self._department_of[number] for number in joined)

    def membership(self, person: Person, department: Department) -> Membership | None:
        """Return title and manager of ``person`` in ``department``."""
        return self._joined.get(person.number, {}).get(department.number)

    def managers(self, department: Department) -> Sequence[Person]:
        """Return who manages this department, by address."""
        joined = self._members.get(department.number, {})
        return _by_address(
            self._person_of[number] for number, membership in joined.items() if membership.manager
        )

    def managers_of(self, person: Person) -> Sequence[Person]:
        """Return who manages ``person``, by address.

        For each of the person's departments these are its managers; where
        that is nobody but the person, those of the next department above.
        """
        found: dict[PersonNumber, Person] = {}
        for department in self.departments_of(person):
            for level in self._upwards(department):
                others = [one for one in self.managers(level) if one.number != person.number]
                if others:
                    found.update((one.number, one) for one in others)
                    break
        return _by_address(found.values())

    def search(self, text: str, limit: int = SEARCH_LIMIT) -> Sequence[Person]:
        """Find persons who are not disabled by a part of their name or address.

        Those whose name or address starts with ``text`` come first.
        """
        sought = text.casefold().strip()
        hits = [
            (not (name.startswith(sought) or person.address.startswith(sought)), name, person)
            for person in self._persons.values()
            if not person.disabled
            and (sought in (name := person.name.casefold()) or sought in person.address)
        ]
        hits.sort(key=lambda hit: (hit[0], hit[1], hit[2].address))
        return [person for _, _, person in hits[: min(limit, SEARCH_LIMIT)]]

    def require_person(self, text: str) -> Person:
        """Return the person with this address, in whatever spelling.

        Raises:
            UsageError: There is none.

        """
        address = self.own_address(text)
        person = self._persons.get(address)
        if person is None:
            raise UsageError(f"{address}: there is no such person")
        return person

    def require_department(self, text: str) -> Department:
        """Return the department with this address, in whatever spelling.

        Raises:
            UsageError: There is none.

        """
        address = self.own_address(text)
        department = self._departments.get(address)
        if department is None:
            raise UsageError(f"{address}: there is no such department")
        return department

    def check_free(self, address: str) -> None:
        """Make sure that nobody has this normalised address.

        Raises:
            UsageError: A person or a department has it.

        """
        if address in self._persons:
            raise UsageError(f"{address}: there is a person with this address already")
        if address in self._departments:
            raise UsageError(f"{address}: there is a department with this address already")

    # Changes. All raise ``UsageError`` when they cannot be, and
    # ``UnavailableError`` when the store cannot keep them.

    async def add_person(self, address: str, **fields: Unpack[PersonFields]) -> Person:
        """Add a person; the name is the local part of the address unless given."""
        address = self.own_address(address)
        good = checked_fields({**self._new, **fields}, address)
        async with self._lock(address):
            self.check_free(address)
            person = await self._store.add_person(
                Person(number=PersonNumber(0), address=address, **good)
            )
            self._show_person(person)
        self._bus.publish(PersonChanged(person))
        return person

    async def change_person(self, address: str, **fields: Unpack[PersonFields]) -> Person:
        """Change the fields that are given and no other."""
        good = checked_fields(fields, self.own_address(address))
        return await self._rewrite(address, lambda person: replace(person, **good))

    async def disable(self, address: str) -> Person:
        """Lock a person out; every door ends their sessions at once."""
        return await self._rewrite(address, lambda person: replace(person, disabled=True))

    async def enable(self, address: str) -> Person:
        """Let a disabled person in again."""
        return await self._rewrite(address, lambda person: replace(person, disabled=False))

    def before_delete(self, prepare: Callable[[Person], Awaitable[object]]) -> None:
        """Await ``prepare`` before a person is deleted: to read what will be gone then.

        What it raises keeps the person from being deleted.
        """
        self._before_delete.append(prepare)

    async def delete(self, address: str, *, keep_address: bool = False) -> Person:
        """Forget a person: passwords, roster and memberships go, the address is free again.

        The number is never given again, so what stays (archive, ledger) is
        nobody else's later.

        Args:
            address: Whose.
            keep_address: Whether the address stays taken, for ever (``core/erasure.py``).

        """
        async with self._lock(self.own_address(address)):
            person = self.require_person(address)
            for prepare in self._before_delete:
                await prepare(person)
            await self._store.delete_person(person.number, keep_address=keep_address)
            del self._persons[person.address], self._person_of[person.number]
            joined = self._joined.pop(person.number, {})
            for number in joined:
                self._members[number].pop(person.number, None)
        self._bus.publish(PersonDeleted(person))
        for number in joined:
            department = self._department_of.get(number)
            if department is not None:
                self._bus.publish(DepartmentChanged(department))
        return person

    async def add_department(
        self, address: str, name: str = "", parent: str | None = None
    ) -> Department:
        """Add a department below ``parent``; the name is the local part unless given."""
        address = self.own_address(address)
        name = checked_name(name) or address.partition("@")[0]
        async with self._lock(_TREE), self._lock(address):
            self.check_free(address)
            above = self.require_department(parent) if parent is not None else None
            if above is not None and len(self._upwards(above)) >= TREE_DEPTH_LIMIT:
                raise UsageError(f"{address}: more than {TREE_DEPTH_LIMIT} levels of departments")
            department = await self._store.add_department(
                Department(
                    number=DepartmentNumber(0),
                    address=address,
                    name=name,
                    parent=None if above is None else above.number,
                )
            )
            self._show_department(department)
        self._bus.publish(DepartmentChanged(department))
        return department

    async def rename_department(self, address: str, name: str) -> Department:
        """Give a department another name; its address stays."""
        name = checked_name(name)
        async with self._lock(_TREE):
            before = self.require_department(address)
            return await self._put_department(
                replace(before, name=name or before.address.partition("@")[0])
            )

    async def move_department(self, address: str, parent: str | None) -> Department:
        """Hang a department and all below it under ``parent``; ``None``: at the top."""
        async with self._lock(_TREE):
            before = self.require_department(address)
            above = self.require_department(parent) if parent is not None else None
            if above is not None:
                self._check_branch(before, above)
            return await self._put_department(
                replace(before, parent=None if above is None else above.number)
            )

    async def remove_department(self, address: str) -> Department:
        """End a department and the memberships of its people; its address is free again.

        Raises:
            UsageError: There is none, or there are departments below it.

        """
        address = self.own_address(address)
        async with self._lock(_TREE), self._lock(address):
            department = self.require_department(address)
            below = self.children(department)
            if below:
                names = ", ".join(one.address for one in below)
                raise UsageError(f"{address}: move or remove what is below it first: {names}")
            await self._store.remove_department(department)
            del self._departments[address], self._department_of[department.number]
            for person in self._members.pop(department.number, {}):
                self._joined.get(person, {}).pop(department.number, None)
        self._bus.publish(DepartmentRemoved(department))
        return department

    async def join(
        self, person: str, department: str, *, title: str = "", manager: bool = False
    ) -> Membership:
        """Let a person belong to a department, or change title and manager there."""
        title = checked_name(title, "title")
        async with self._lock(self.own_address(person)):
            who = self.require_person(person)
            where = self.require_department(department)
            membership = Membership(
                person=who.number, department=where.number, title=title, manager=manager
            )
            if self.membership(who, where) != membership:
                await self._store.join(membership)
                self._show_membership(membership)
        self._bus.publish(DepartmentChanged(where))
        return membership

    async def leave(self, person: str, department: str) -> None:
        """End a membership; harmless when there is none."""
        async with self._lock(self.own_address(person)):
            who = self.require_person(person)
            where = self.require_department(department)
            await self._store.leave(who.number, where.number)
            self._joined.get(who.number, {}).pop(where.number, None)
            self._members.get(where.number, {}).pop(who.number, None)
        self._bus.publish(DepartmentChanged(where))

    def _lock(self, key: str) -> asyncio.Lock:
        # Held only while somebody waits for it or has it: the memory is theirs.
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    async def _rewrite(self, address: str, change: Callable[[Person], Person]) -> Person:
        async with self._lock(self.own_address(address)):
            before = self.require_person(address)
            after = change(before)
            if after == before:
                return before
            await self._store.change_person(after)
            self._show_person(after)
        self._bus.publish(PersonChanged(after))
        if after.disabled and not before.disabled:
            self._bus.publish(PersonDisabled(after))
        return after

    async def _put_department(self, department: Department) -> Department:
        await self._store.change_department(department)
        self._show_department(department)
        self._bus.publish(DepartmentChanged(department))
        return department

    def _check_branch(self, department: Department, above: Department) -> None:
        """Refuse what would make a circle, or too deep a tree."""
        if department in self._upwards(above):
            raise UsageError(
                f"{department.address}: {above.address} is this department or one below it"
            )
        level = [department]
        deep = len(self._upwards(above))
        while level:
            deep += 1
            if deep > TREE_DEPTH_LIMIT:
                raise UsageError(
                    f"{department.address}: more than {TREE_DEPTH_LIMIT} levels of departments"
                )
            level = [child for one in level for child in self.children(one)]

    def _upwards(self, department: Department) -> Sequence[Department]:
        """Return ``department`` and those above it, nearest first."""
        path = [department]
        while path[-1].parent is not None and len(path) <= TREE_DEPTH_LIMIT:
            path.append(self._department_of[path[-1].parent])
        return path

    def _show_person(self, person: Person) -> None:
        self._persons[person.address] = self._person_of[person.number] = person

    def _show_department(self, department: Department) -> None:
        self._departments[department.address] = department
        self._department_of[department.number] = department

    def _show_membership(self, membership: Membership) -> None:
        person, department = membership.person, membership.department
        self._joined.setdefault(person, {})[department] = membership
        self._members.setdefault(department, {})[person] = membership


def _by_address(what: Iterable[Named]) -> Sequence[Named]:
    return sorted(what, key=lambda one: one.address)
