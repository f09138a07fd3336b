"""The directory's rows on a database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from clarion.core.model import Department, DepartmentNumber, Membership, Person, PersonNumber
from clarion.core.ports import Database, EntityId, Row, Shape, Value, WriteOp
from clarion.lib.errors import UsageError
from clarion.store.refusals import TakenError, UnknownReferenceError

_DIRECTORY: Final = EntityId("directory:")

# An address belongs to one party, be it a person or a department.
_PARTY: Final = "INSERT INTO party (address) VALUES (?)"

_ADD_PERSON: Final = Shape(
    (
        _PARTY,
        (
            "INSERT INTO person (number, name, phone, language, time_zone, admin, disabled)"
            " SELECT number, ?, ?, ?, ?, ?, ? FROM party WHERE address = ? RETURNING number"
        ),
    )
)
_CHANGE_PERSON: Final = Shape(
    (
        (
            "UPDATE person SET name = ?, phone = ?, language = ?, time_zone = ?, admin = ?,"
            " disabled = ? WHERE number = ? RETURNING number"
        ),
        (
            "DELETE FROM token WHERE person IN"
            " (SELECT number FROM person WHERE number = ? AND disabled = 1)"
        ),
    )
)
OWNED: Final = (
    ("membership", "person"),
    ("scram_key", "person"),
    ("token", "person"),
    ("roster_change", "owner"),
    ("roster_item", "owner"),
    ("roster", "owner"),
    ("received", "owner"),
    ("archive_preference", "owner"),
    ("passing", "owner"),
    ("blocked", "owner"),
    ("pubsub_party", "owner"),
    ("pubsub_item", "owner"),
    ("pubsub_node", "owner"),
    ("told_once", "owner"),
    ("last_activity", "person"),
    ("vcard", "person"),
    ("upload", "owner"),
    ("push_device", "owner"),
    ("invitation", "inviter"),
    ("person", "number"),
    ("party", "number"),
)
"""What goes with a person: table and column, in an order that no reference forbids.

Every table that refers to ``person`` is here. The archive's lines are not:
there may be a million, and nobody sees those of a number that is nobody's.
"""
_THEIRS: Final = "jid = (SELECT address FROM party WHERE number = ?)"
_PART: Final = f"DELETE FROM room_affiliation WHERE {_THEIRS}"  # noqa: S608  # names of our own
_END_STAYS: Final = (
    "UPDATE room_stay SET until = coalesce((SELECT max(id) FROM item), since)"  # noqa: S608  # the same
    f" WHERE {_THEIRS} AND until IS NULL"
)
NAMED: Final = (_PART, f"DELETE FROM room_stay WHERE {_THEIRS}")  # noqa: S608  # the same
"""What forgets a person where rooms have the address; while ``party`` still knows it.

Who was only deleted was there all the same when things were said: their stays
in rooms end, as what they read stays in the ledger. The rest is for erasure.
"""
FORGET_PARTY: Final = (
    "DELETE FROM pubsub_party WHERE address = (SELECT address FROM party WHERE number = ?)"
)
"""What they were to other people's nodes: the address may be another's one day."""
_DELETE_PERSON: Final = Shape(
    (
        _PART,
        _END_STAYS,
        FORGET_PARTY,
        *(f"DELETE FROM {table} WHERE {column} = ?" for table, column in OWNED),  # noqa: S608  # names above
    )
)
_LEFT_TO_ERASURE: Final = ("passing", "party")
_ERASE_PERSON: Final = Shape(
    (
        *NAMED,
        FORGET_PARTY,
        *(
            f"DELETE FROM {table} WHERE {column} = ?"  # noqa: S608  # names above
            for table, column in OWNED
            if table not in _LEFT_TO_ERASURE
        ),
    )
)
_ERASED: Final = "SELECT 1 FROM erasure WHERE address = ?"
_ADD_DEPARTMENT: Final = Shape(
    (
        _PARTY,
        (
            "INSERT INTO department (number, name, parent)"
            " SELECT number, ?, ? FROM party WHERE address = ? RETURNING number"
        ),
    )
)
_CHANGE_DEPARTMENT: Final = Shape(
    ("UPDATE department SET name = ?, parent = ? WHERE number = ? RETURNING number",)
)
_REMOVE_DEPARTMENT: Final = Shape(
    (
        "DELETE FROM membership WHERE department = ?",
        "DELETE FROM department WHERE number = ?",
        "DELETE FROM party WHERE number = ?",
    )
)
_JOIN: Final = Shape(
    (
        (
            "INSERT INTO membership (person, department, title, manager) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (person, department)"
            " DO UPDATE SET title = excluded.title, manager = excluded.manager"
        ),
    )
)
_LEAVE: Final = Shape(("DELETE FROM membership WHERE person = ? AND department = ?",))

_PERSONS: Final = (
    "SELECT person.number, address, name, phone, language, time_zone, admin, disabled"
    " FROM person JOIN party ON party.number = person.number ORDER BY person.number"
)
_DEPARTMENTS: Final = (
    "SELECT department.number, address, name, parent"
    " FROM department JOIN party ON party.number = department.number ORDER BY department.number"
)
_MEMBERSHIPS: Final = (
    "SELECT person, department, title, manager FROM membership ORDER BY person, department"
)


class DatabasePeople:
    """Implements ``core.people.PeopleStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def persons(self) -> Sequence[Person]:
        """See ``PeopleStore``."""
        return [_person(row) for row in await self._database.read(_PERSONS)]

    async def departments(self) -> Sequence[Department]:
        """See ``PeopleStore``."""
        return [_department(row) for row in await self._database.read(_DEPARTMENTS)]

    async def memberships(self) -> Sequence[Membership]:
        """See ``PeopleStore``."""
        return [_membership(row) for row in await self._database.read(_MEMBERSHIPS)]

    async def add_person(self, person: Person) -> Person:
        """See ``PeopleStore``."""
        fields = (*_person_fields(person), person.address)
        number = await self._add(_ADD_PERSON, person.address, fields)
        return replace(person, number=PersonNumber(number))

    async def change_person(self, person: Person) -> None:
        """See ``PeopleStore``.

        Raises:
            UsageError: There is no such person.

        """
        row = (*_person_fields(person), person.number)
        if not await self._database.put(
            _DIRECTORY, WriteOp(_CHANGE_PERSON, (row, (person.number,)))
        ):
            raise UsageError(f"there is no person {person.address}")

    async def delete_person(self, person: PersonNumber, *, keep_address: bool = False) -> None:
        """See ``PeopleStore``."""
        shape = _ERASE_PERSON if keep_address else _DELETE_PERSON
        rows = ((person,),) * len(shape.statements)
        await self._database.put(_DIRECTORY, WriteOp(shape, rows))

    async def add_department(self, department: Department) -> Department:
        """See ``PeopleStore``.

        Raises:
            UsageError: The parent is not there either.

        """
        fields = (department.name, department.parent, department.address)
        number = await self._add(_ADD_DEPARTMENT, department.address, fields)
        return replace(department, number=DepartmentNumber(number))

    async def change_department(self, department: Department) -> None:
        """See ``PeopleStore``.

        Raises:
            UsageError: There is no such department, or no such parent.

        """
        row = (department.name, department.parent, department.number)
        try:
            rows = await self._database.put(_DIRECTORY, WriteOp(_CHANGE_DEPARTMENT, (row,)))
        except UnknownReferenceError as error:
            raise _no_parent(department.address) from error
        if not rows:
            raise UsageError(f"there is no department {department.address}")

    async def remove_department(self, department: Department) -> None:
        """See ``PeopleStore``; harmless when there is none.

        Raises:
            UsageError: There are departments below it.

        """
        row = (department.number,)
        try:
            await self._database.put(_DIRECTORY, WriteOp(_REMOVE_DEPARTMENT, (row, row, row)))
        except UnknownReferenceError as error:
            raise UsageError(f"there are departments below {department.address}") from error

    async def join(self, membership: Membership) -> None:
        """See ``PeopleStore``.

        Raises:
            UsageError: There is no such person or department.

        """
        row = (
            membership.person,
            membership.department,
            membership.title,
            int(membership.manager),
        )
        try:
            await self._database.put(_DIRECTORY, WriteOp(_JOIN, (row,)))
        except UnknownReferenceError as error:
            raise UsageError("there is no such person or department") from error

    async def leave(self, person: PersonNumber, department: DepartmentNumber) -> None:
        """See ``PeopleStore``."""
        await self._database.put(_DIRECTORY, WriteOp(_LEAVE, ((person, department),)))

    async def _add(self, shape: Shape, address: str, fields: tuple[Value, ...]) -> int:
        try:
            rows = await self._database.put(_DIRECTORY, WriteOp(shape, ((address,), fields)))
        except TakenError as error:
            if await self._database.read(_ERASED, (address,)):
                raise UsageError(
                    f"the address {address} was that of a person who was erased, and is not given"
                    " again"
                ) from error
            raise UsageError(f"the address {address} is taken") from error
        except UnknownReferenceError as error:
            raise _no_parent(address) from error
        return _integer(rows[0][0])


def _no_parent(address: str) -> UsageError:
    return UsageError(f"the department above {address} is not there")


def _person_fields(person: Person) -> tuple[Value, ...]:
    return (
        person.name,
        person.phone,
        person.language,
        person.time_zone,
        int(person.admin),
        int(person.disabled),
    )


def _person(row: Row) -> Person:
    number, address, name, phone, language, time_zone, admin, disabled = row
    return Person(
        number=PersonNumber(_integer(number)),
        address=str(address),
        name=str(name),
        phone=None if phone is None else str(phone),
        language=str(language),
        time_zone=str(time_zone),
        admin=admin == 1,
        disabled=disabled == 1,
    )


def _department(row: Row) -> Department:
    number, address, name, parent = row
    return Department(
        number=DepartmentNumber(_integer(number)),
        address=str(address),
        name=str(name),
        parent=None if parent is None else DepartmentNumber(_integer(parent)),
    )


def _membership(row: Row) -> Membership:
    person, department, title, manager = row
    return Membership(
        person=PersonNumber(_integer(person)),
        department=DepartmentNumber(_integer(department)),
        title=str(title),
        manager=manager == 1,
    )


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value
