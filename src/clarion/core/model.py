"""The nouns of the directory: persons and departments. Frozen values, no behaviour."""

from dataclasses import dataclass
from typing import NewType

PersonNumber = NewType("PersonNumber", int)
"""A person's number in this organisation's store: small, never reused, the key of their rows."""

DepartmentNumber = NewType("DepartmentNumber", int)


@dataclass(frozen=True, slots=True)
class Person:
    """A human with an account.

    Attributes:
        number: Key of this person's rows; survives a change of every other field.
        address: ``local@domain``, normalised (``wire/address.py``).
        name: As shown to others; the local part of the address when nothing was given.
        phone: E.164, e.g. ``"+4930123456"``, or ``None``.
        language: BCP 47 tag, e.g. ``"de"``.
        time_zone: IANA name, e.g. ``"Europe/Berlin"``.
        admin: May administer the organisation over the wire.
        disabled: May not log in, and is thrown out at once; rows are kept.

    """

    number: PersonNumber
    address: str
    name: str
    phone: str | None = None
    language: str = "en"
    time_zone: str = "UTC"
    admin: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Department:
    """A group of persons in the organisation's tree.

    Attributes:
        number: Key of this department's rows.
        address: ``local@domain``; shares one name space with persons.
        name: As shown to people.
        parent: The department above, or ``None`` at the top.

    """

    number: DepartmentNumber
    address: str
    name: str
    parent: DepartmentNumber | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """That a person belongs to a department; a person may have many.

    Attributes:
        title: What the person is there, e.g. ``"Head of sales"``; may be empty.
        manager: Whether the person manages this department.

    """

    person: PersonNumber
    department: DepartmentNumber
    title: str = ""
    manager: bool = False
