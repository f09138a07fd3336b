"""The verbs about persons: add, list, show, set, disable, enable, and their passwords."""

from collections.abc import Mapping
from typing import Any

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.admin.placing import check_place, found, found_or_made
from clarion.core.model import Person
from clarion.core.profile import PersonFields, checked_fields, checked_name
from clarion.core.tokens import IN_USE
from clarion.lib.errors import UsageError
from clarion.wire.sasl.keys import prepare_password
from clarion.wire.xmpp.stamps import utc


def as_record(person: Person) -> dict[str, Any]:
    """Return what is told of a person; no number, which is the store's own."""
    return {
        "address": person.address,
        "name": person.name,
        "phone": person.phone,
        "language": person.language,
        "time_zone": person.time_zone,
        "admin": person.admin,
        "disabled": person.disabled,
    }


def shown(desk: Desk, person: Person) -> dict[str, Any]:
    """Return a person with departments."""
    record = as_record(person)
    record["departments"] = [
        {
            "address": department.address,
            "name": department.name,
            "title": membership.title if membership else "",
            "manager": bool(membership and membership.manager),
        }
        for department in desk.directory.departments_of(person)
        for membership in [desk.directory.membership(person, department)]
    ]
    return record


def fields_of(arguments: Arguments) -> PersonFields:
    """Take what is given of a person's fields."""
    fields = PersonFields()
    if (name := arguments.optional_text("name")) is not None:
        fields["name"] = name
    if (phone := arguments.optional_text("phone")) is not None:
        fields["phone"] = phone
    if (language := arguments.optional_text("language")) is not None:
        fields["language"] = language
    if (time_zone := arguments.optional_text("time_zone")) is not None:
        fields["time_zone"] = time_zone
    if arguments.has("admin"):
        fields["admin"] = arguments.flag("admin")
    return fields


async def add(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.add``: everything is checked before anything is kept."""
    address = desk.directory.own_address(arguments.text("address"))
    fields = fields_of(arguments)
    password = arguments.optional_text("password")
    department = arguments.optional_text("department")
    title = checked_name(arguments.optional_text("title") or "", "title")
    manager = arguments.flag("manager")
    arguments.finish()
    desk.directory.check_free(address)
    checked_fields(fields, address)
    if password is not None:
        prepare_password(password)
    if department is None and (title or manager):
        raise UsageError("title, manager: these belong to a department; name one")
    if department is not None:
        check_place(desk.directory, department, address)
    where = None if department is None else await found_or_made(desk.directory, department)
    person = await desk.directory.add_person(address, **fields)
    if password is not None:
        await desk.identity.set_password(person, password)
    if where is not None:
        await desk.directory.join(address, where.address, title=title, manager=manager)
    return shown(desk, person)


async def listing(desk: Desk, arguments: Arguments, progress: Progress) -> list[Mapping[str, Any]]:
    """``person.list``: by address; those who fit ``search``, those of ``department``."""
    search = arguments.optional_text("search")
    department = arguments.optional_text("department")
    arguments.finish()
    persons = desk.directory.persons()
    if department is not None:
        where = found(desk.directory, department)
        if where is None:
            raise UsageError(f"{department}: there is no such department")
        persons = desk.directory.members(where)
    if search:
        sought = search.casefold()
        persons = [one for one in persons if sought in one.name.casefold() or sought in one.address]
    return [shown(desk, person) for person in persons]


async def show(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.show``."""
    person = _person(desk, arguments)
    record = shown(desk, person)
    record["managers"] = [one.address for one in desk.directory.managers_of(person)]
    record["password"] = await desk.identity.has_password(person)
    record["app_passwords"] = list(await desk.identity.app_passwords(person))
    record["push"] = _places(desk, person)
    record["clients"] = [
        {
            "software": token.software,
            "device": token.device,
            "app_password": token.label,
            "until": utc(token.expires),
        }
        for token in ([] if desk.tokens is None else await desk.tokens.of(person))
        if token.slot == IN_USE
    ]
    return record


async def change(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.set``: what is given is changed; ``phone`` may be empty, for none.

    ``department`` joins one, or changes ``title`` and ``manager`` there;
    ``leave`` leaves one.
    """
    address = desk.directory.own_address(arguments.text("address"))
    fields = fields_of(arguments)
    password = arguments.optional_text("password")
    department = arguments.optional_text("department")
    leave = arguments.optional_text("leave")
    title = arguments.optional_text("title")
    manager = arguments.flag("manager") if arguments.has("manager") else None
    arguments.finish()
    person = desk.directory.require_person(address)
    checked_fields(fields, address)
    checked_name(title or "", "title")
    if password is not None:
        prepare_password(password)
    if department is None and (title is not None or manager is not None):
        raise UsageError("title, manager: these belong to a department; name one")
    if department is not None:
        check_place(desk.directory, department, address)
    left = None if leave is None else found(desk.directory, leave)
    if leave is not None and left is None:
        raise UsageError(f"{leave}: there is no such department")
    if fields:
        person = await desk.directory.change_person(address, **fields)
    if password is not None:
        await desk.identity.set_password(person, password)
    if left is not None:
        await desk.directory.leave(address, left.address)
    if department is not None:
        await _place(desk, person, department, title, manager=manager)
    return shown(desk, person)


async def disable(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.disable``: the person is thrown out at once; nothing is deleted."""
    return as_record(await desk.directory.disable(_person(desk, arguments).address))


async def enable(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.enable``."""
    return as_record(await desk.directory.enable(_person(desk, arguments).address))


async def password(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.password``: ``null`` takes it away."""
    person = desk.directory.require_person(arguments.text("address"))
    text = arguments.optional_text("password")
    arguments.finish()
    if text is None:
        await desk.identity.remove_password(person)
    else:
        await desk.identity.set_password(person, text)
    return as_record(person)


async def add_app_password(
    desk: Desk, arguments: Arguments, progress: Progress
) -> Mapping[str, Any]:
    """``person.app_password.add``: the only time that it is shown."""
    person = desk.directory.require_person(arguments.text("address"))
    label = arguments.text("label")
    arguments.finish()
    made = await desk.identity.new_app_password(person, label)
    return {"address": person.address, "label": label, "password": made}


async def remove_app_password(
    desk: Desk, arguments: Arguments, progress: Progress
) -> Mapping[str, Any]:
    """``person.app_password.remove``."""
    person = desk.directory.require_person(arguments.text("address"))
    label = arguments.text("label")
    arguments.finish()
    if not label:
        raise UsageError("label: missing")
    await desk.identity.remove_password(person, label)
    return {"address": person.address, "label": label}


def _places(desk: Desk, person: Person) -> list[dict[str, Any]]:
    """Return where the person's clients are told of what waits, and how that went; no secret."""
    if desk.devices is None:
        return []
    return [
        {
            "service": device.service,
            "node": device.node,
            "since": device.since,
            "error": device.error or None,
            "failed_at": device.failed_at or None,
            "record": [
                {"at": one.at, "what": one.what, "why": one.why, "times": one.times}
                for one in desk.devices.record(device.key)
            ],
        }
        for device in desk.devices.of(person.number)
    ]


def _person(desk: Desk, arguments: Arguments) -> Person:
    person = desk.directory.require_person(arguments.text("address"))
    arguments.finish()
    return person


async def _place(
    desk: Desk, person: Person, department: str, title: str | None, *, manager: bool | None
) -> None:
    where = await found_or_made(desk.directory, department)
    before = desk.directory.membership(person, where)
    if title is None:
        title = before.title if before else ""
    if manager is None:
        manager = bool(before and before.manager)
    await desk.directory.join(person.address, where.address, title=title, manager=manager)
