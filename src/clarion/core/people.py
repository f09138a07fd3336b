"""The directory's port: persons, departments and who belongs where, as rows."""

from collections.abc import Sequence
from typing import Protocol

from clarion.core.model import Department, DepartmentNumber, Membership, Person, PersonNumber


class PeopleStore(Protocol):
    """What the directory asks of a store. Every call returns after the commit.

    All raise ``UnavailableError`` when the store cannot answer, and
    ``UsageError`` when an address is taken by another person or department.
    """

    async def persons(self) -> Sequence[Person]:
        """Return all persons, disabled ones too."""
        ...

    async def departments(self) -> Sequence[Department]:
        """Return all departments."""
        ...

    async def memberships(self) -> Sequence[Membership]:
        """Return who belongs where."""
        ...

    async def add_person(self, person: Person) -> Person:
        """Keep a new person; the number given is ignored.

        Returns:
            The person with the number that the store chose.

        """
        ...

    async def change_person(self, person: Person) -> None:
        """Replace every field but the number and the address."""
        ...

    async def delete_person(self, person: PersonNumber, *, keep_address: bool = False) -> None:
        """Forget a person with passwords, roster and memberships.

        What was written to others and by others stays. Harmless when there is none.

        Args:
            person: Who.
            keep_address: Whether the address stays taken, and what waits for
                the person stays for the erasure to find; else it is free.

        """
        ...

    async def add_department(self, department: Department) -> Department:
        """Keep a new department; returns it with its number."""
        ...

    async def change_department(self, department: Department) -> None:
        """Replace name and parent."""
        ...

    async def remove_department(self, department: Department) -> None:
        """Forget a department and its memberships, and free its address; no one is below it."""
        ...

    async def join(self, membership: Membership) -> None:
        """Add a membership, or replace its title and manager."""
        ...

    async def leave(self, person: PersonNumber, department: DepartmentNumber) -> None:
        """End a membership; harmless when there is none."""
        ...
