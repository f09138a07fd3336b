"""The directory: all persons and departments, in memory and in the store.

Everything is read once at the start and looked up synchronously from then on.
A change is checked, written, then shown in memory, then told on the bus; so
whoever hears of it finds the new state here. Changes to one address follow
each other; changes to different addresses go side by side.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final, Unpack
from weakref import WeakValueDictionary

from clarion.core.bus import Bus
from clarion.core.chart import Chart, by_address
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

_TREE: Final = "tree"  # the lock of the departments' tree; no address, it has no "@"


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
        self._chart = Chart()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._before_delete: list[Callable[[Person], Awaitable[object]]] = []
        self._holds: Callable[[str], bool] = lambda _: False

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
            self._chart.put_person(person)
        for department in await self._store.departments():
            self._chart.put_department(department)
        for membership in await self._store.memberships():
            self._chart.put_membership(membership)

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
        return self._chart.persons.get(address)

    def by_number(self, number: PersonNumber) -> Person | None:
        """Return the person with this number."""
        return self._chart.person_of.get(number)

    def persons(self) -> Sequence[Person]:
        """Return all persons by address, disabled ones too."""
        return by_address(self._chart.persons.values())

    def everybody(self) -> list[Person]:
        """Return all persons in no order, disabled ones too; quick also where they are many."""
        return list(self._chart.persons.values())

    def memberships_of(self, number: PersonNumber) -> Sequence[Membership]:
        """Return the memberships of the person with this number, in no order."""
        return self._chart.memberships_of(number)

    def department(self, address: str) -> Department | None:
        """Return the department with this normalised address."""
        return self._chart.departments.get(address)

    def department_by_number(self, number: DepartmentNumber) -> Department | None:
        """Return the department with this number."""
        return self._chart.department_of.get(number)

    def departments(self) -> Sequence[Department]:
        """Return all departments by address."""
        return by_address(self._chart.departments.values())

    def children(self, department: Department | None) -> Sequence[Department]:
        """Return the departments right below ``department``; ``None``: those at the top."""
        return self._chart.children(department)

    def members(self, department: Department) -> Sequence[Person]:
        """Return the persons of this department by address, not those of the ones below."""
        return self._chart.members(department)

    def active_members(self, department: Department, most: int) -> Sequence[Person] | None:
        """Return the members who are not disabled, by address; ``None``: more than ``most``.

        Costs no more than ``most`` where a department is far larger.
        """
        return self._chart.active_members(department, most)

    def departments_of(self, person: Person) -> Sequence[Department]:
        """Return the departments that ``person`` belongs to, by address."""
        return self._chart.departments_of(person)

    def membership(self, person: Person, department: Department) -> Membership | None:
        """Return title and manager of ``person`` in ``department``."""
        return self._chart.membership(person, department)

    def managers(self, department: Department) -> Sequence[Person]:
        """Return who manages this department, by address."""
        return self._chart.managers(department)

    def managers_of(self, person: Person) -> Sequence[Person]:
        """Return who manages ``person``, by address.

        For each of the person's departments these are its managers; where
        that is nobody but the person, those of the next department above.
        """
        return self._chart.managers_of(person)

    def require_person(self, text: str) -> Person:
        """Return the person with this address, in whatever spelling.

        Raises:
            UsageError: There is none.

        """
        address = self.own_address(text)
        person = self._chart.persons.get(address)
        if person is None:
            raise UsageError(f"{address}: there is no such person")
        return person

    def require_department(self, text: str) -> Department:
        """Return the department with this address, in whatever spelling.

        Raises:
            UsageError: There is none.

        """
        address = self.own_address(text)
        department = self._chart.departments.get(address)
        if department is None:
            raise UsageError(f"{address}: there is no such department")
        return department

    def check_free(self, address: str) -> None:
        """Make sure that nobody has this normalised address.

        Raises:
            UsageError: A person or a department has it, or it is kept.

        """
        if address in self._chart.persons:
            raise UsageError(f"{address}: there is a person with this address already")
        if address in self._chart.departments:
            raise UsageError(f"{address}: there is a department with this address already")
        if self._holds(address):
            raise UsageError(f"{address}: this address is kept for somebody who is invited")

    def hold(self, holds: Callable[[str], bool]) -> None:
        """Give an address to nobody as long as ``holds`` says that it is kept."""
        self._holds = holds

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
            self._chart.put_person(person)
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
            left = self._chart.drop_person(person)
        self._bus.publish(PersonDeleted(person))
        for department in left:
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
            if above is not None:
                self._chart.check_leaf(address, above)
            department = await self._store.add_department(
                Department(
                    number=DepartmentNumber(0),
                    address=address,
                    name=name,
                    parent=None if above is None else above.number,
                )
            )
            self._chart.put_department(department)
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
                self._chart.check_branch(before, above)
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
            self._chart.drop_department(department)
        self._bus.publish(DepartmentRemoved(department))
        return department

    async def join(
        self, person: str, department: str, *, title: str = "", manager: bool = False
    ) -> Membership:
        """Let a person belong to a department, or change title and manager there."""
        title = checked_name(title, "title")
        async with self._both(person, department):
            who = self.require_person(person)
            where = self.require_department(department)
            membership = Membership(
                person=who.number, department=where.number, title=title, manager=manager
            )
            if self.membership(who, where) != membership:
                await self._store.join(membership)
                self._chart.put_membership(membership)
        self._bus.publish(DepartmentChanged(where))
        return membership

    async def leave(self, person: str, department: str) -> None:
        """End a membership; harmless when there is none."""
        async with self._both(person, department):
            who = self.require_person(person)
            where = self.require_department(department)
            await self._store.leave(who.number, where.number)
            self._chart.drop_membership(who, where)
        self._bus.publish(DepartmentChanged(where))

    @asynccontextmanager
    async def _both(self, person: str, department: str) -> AsyncIterator[None]:
        """Lock a membership's two ends: neither is removed while the store is asked."""
        async with AsyncExitStack() as stack:
            for key in sorted({self.own_address(person), self.own_address(department)}):
                await stack.enter_async_context(self._lock(key))
            yield

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
            self._chart.put_person(after)
        self._bus.publish(PersonChanged(after))
        if after.disabled and not before.disabled:
            self._bus.publish(PersonDisabled(after))
        return after

    async def _put_department(self, department: Department) -> Department:
        await self._store.change_department(department)
        self._chart.put_department(department)
        self._bus.publish(DepartmentChanged(department))
        return department
