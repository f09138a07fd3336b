"""The verbs about departments: add, list, show, set, remove, join and leave.

A department is named by its address or, where that is clear, by its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.admin.placing import address_for, found, name_for
from clarion.core.model import Department
from clarion.core.profile import checked_name
from clarion.lib.errors import UsageError

PERSONS_LIMIT: Final = 1_000
"""LIMIT: persons in one ``department.join`` or ``leave``; ``person.import`` takes more."""


def as_record(desk: Desk, department: Department) -> dict[str, Any]:
    """Return what is told of a department; no number, which is the store's own."""
    directory = desk.directory
    parent = department.parent
    above = None if parent is None else directory.department_by_number(parent)
    return {
        "address": department.address,
        "name": department.name,
        "parent": None if above is None else above.address,
        "departments": [one.address for one in directory.children(department)],
        "people": len(directory.members(department)),
        "managers": [one.address for one in directory.managers(department)],
    }


def shown(desk: Desk, department: Department) -> dict[str, Any]:
    """Return a department with its people."""
    directory = desk.directory
    record = as_record(desk, department)
    record["members"] = [
        {
            "address": person.address,
            "name": person.name,
            "title": membership.title if membership else "",
            "manager": bool(membership and membership.manager),
            "disabled": person.disabled,
        }
        for person in directory.members(department)
        for membership in [directory.membership(person, department)]
    ]
    return record


async def add(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``department.add``: ``department`` is an address, or a name that an address is made of."""
    directory = desk.directory
    text = arguments.text("department")
    name = arguments.optional_text("name")
    parent = arguments.optional_text("parent")
    arguments.finish()
    above = None if parent is None else _department(desk, parent)
    before = found(directory, text)
    if before is not None:
        directory.check_free(before.address)
    department = await directory.add_department(
        address_for(directory, text),
        name=name_for(text) if name is None else name,
        parent=None if above is None else above.address,
    )
    return shown(desk, department)


async def listing(desk: Desk, arguments: Arguments, progress: Progress) -> list[Mapping[str, Any]]:
    """``department.list``: by address."""
    arguments.finish()
    return [as_record(desk, department) for department in desk.directory.departments()]


async def show(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``department.show``."""
    department = _department(desk, arguments.text("department"))
    arguments.finish()
    return shown(desk, department)


async def change(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``department.set``: what is given is changed; an empty ``parent`` means the top."""
    directory = desk.directory
    department = _department(desk, arguments.text("department"))
    name = arguments.optional_text("name")
    parent = arguments.optional_text("parent")
    arguments.finish()
    checked_name(name or "")
    above = _department(desk, parent) if parent else None
    if parent is not None:
        department = await directory.move_department(
            department.address, None if above is None else above.address
        )
    if name is not None:
        department = await directory.rename_department(department.address, name)
    return shown(desk, department)


async def remove(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``department.remove``: with ``members`` also one that has people, who stay persons."""
    department = _department(desk, arguments.text("department"))
    members = arguments.flag("members")
    arguments.finish()
    record = shown(desk, department)
    if record["people"] and not members:
        raise UsageError(
            f"{department.address}: still has people ({record['people']}); let them leave first, or"
            " say that their memberships may go (--members)"
        )
    await desk.directory.remove_department(department.address)
    return record


async def join(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``department.join``: ``persons`` belong to it, or change title and manager there."""
    directory = desk.directory
    department = _department(desk, arguments.text("department"))
    persons = _persons(desk, arguments)
    title = arguments.optional_text("title")
    manager = arguments.flag("manager") if arguments.has("manager") else None
    arguments.finish()
    checked_name(title or "", "title")
    for place, address in enumerate(persons, start=1):
        before = directory.membership(directory.require_person(address), department)
        await directory.join(
            address,
            department.address,
            title=(before.title if before else "") if title is None else title,
            manager=bool(before and before.manager) if manager is None else manager,
        )
        progress(place, len(persons))
    return shown(desk, department)


async def leave(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``department.leave``: ``persons`` belong to it no more; all of them must be there."""
    directory = desk.directory
    department = _department(desk, arguments.text("department"))
    persons = _persons(desk, arguments)
    arguments.finish()
    for address in persons:
        if directory.membership(directory.require_person(address), department) is None:
            raise UsageError(f"{address}: is not in {department.address}")
    for place, address in enumerate(persons, start=1):
        await directory.leave(address, department.address)
        progress(place, len(persons))
    return shown(desk, department)


def _department(desk: Desk, text: str) -> Department:
    department = found(desk.directory, text)
    if department is None:
        raise UsageError(f"{text}: there is no such department")
    return department


def _persons(desk: Desk, arguments: Arguments) -> Sequence[str]:
    """Take ``persons``, all of whom exist, each once."""
    texts = arguments.texts("persons")
    if not 1 <= len(texts) <= PERSONS_LIMIT:
        raise UsageError(f"persons: name 1 to {PERSONS_LIMIT}")
    return list(dict.fromkeys(desk.directory.require_person(text).address for text in texts))
