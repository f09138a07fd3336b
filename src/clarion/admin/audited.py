"""What the audit log says of each verb that changes something: its target, and no secret.

Of people's own data it says which fields were given and never what they say:
an entry stays for ever, and people may be erased.
"""

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from clarion.admin.desk import Desk
from clarion.admin.files import token_of
from clarion.admin.placing import found
from clarion.lib.errors import ClarionError

Described = tuple[str, Mapping[str, Any]]
Describe = Callable[[Desk, Mapping[str, Any]], Described | None]

_PLAIN: Final = ("admin", "manager")
"""Fields whose values are told."""


def local_actor(uid: int | None = None) -> str:
    """Return the actor that a user of this machine is.

    Args:
        uid: The user's number; ``None``: who runs this process.

    """
    return f"cli:{os.getuid() if uid is None else uid}"


def _address(desk: Desk, arguments: Mapping[str, Any], name: str = "address") -> str:
    text = str(arguments.get(name, ""))
    try:
        return desk.directory.own_address(text)
    except ClarionError:  # the verb refuses it
        return text


def _person(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    details: dict[str, Any] = {
        name: arguments[name] for name in _PLAIN if isinstance(arguments.get(name), bool)
    }
    given = [
        name
        for name, value in arguments.items()
        if name not in {"address", *_PLAIN} and value is not None
    ]
    if given:
        details["given"] = sorted(str(name) for name in given)
    return _address(desk, arguments), details


def _password(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    return _address(desk, arguments), {"removed": arguments.get("password") is None}


def _erase(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    return _address(desk, arguments), {"messages": arguments.get("messages") is True}


def _file(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    return "", {"file": token_of(str(arguments.get("file", "")))[:64]}


def _offer(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    contacts = arguments.get("contacts")
    count = len(contacts) if isinstance(contacts, list) else 0
    return _address(desk, arguments, "to"), {"contacts": count}


def _import(desk: Desk, arguments: Mapping[str, Any]) -> Described | None:
    if arguments.get("dry") is True:
        return None
    persons = arguments.get("persons")
    count = len(persons) if isinstance(persons, list) else 0
    return "", {"persons": count, "update": arguments.get("update") is True}


def _withdraw(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    return "", {"id": str(arguments.get("id", ""))[:16]}


def _department(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    details: dict[str, Any] = {}
    if isinstance(arguments.get("parent"), str):
        details["parent"] = arguments["parent"]
    if isinstance(arguments.get("persons"), list):
        details["persons"] = [str(one) for one in arguments["persons"]][:100]
    given = {"name", "title", "manager", "members"} & set(arguments)
    if any(arguments[name] not in {None, False} for name in given):
        details["given"] = sorted(name for name in given if arguments[name] not in {None, False})
    text = str(arguments.get("department", ""))
    try:
        where = found(desk.directory, text)
    except ClarionError:  # the verb refuses it
        where = None
    return text if where is None else where.address, details


def _retention(desk: Desk, arguments: Mapping[str, Any]) -> Described | None:
    return None if arguments.get("dry") is True else ("", {})


def _backup(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    return str(arguments.get("file", "")), {"size_bytes": arguments.get("size_bytes")}


def _reload(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    return "", {}


def _room(desk: Desk, arguments: Mapping[str, Any]) -> Described:
    details = {
        name: str(arguments[name])
        for name in ("address", "affiliation")
        if arguments.get(name) is not None
    }
    return str(arguments.get("room", "")), details


CHANGES: Final[Mapping[str, Describe]] = MappingProxyType(
    {
        "backup": _backup,
        "department.add": _department,
        "department.join": _department,
        "department.leave": _department,
        "department.remove": _department,
        "department.set": _department,
        "file.remove": _file,
        "person.add": _person,
        "person.app_password.add": _person,
        "person.app_password.remove": _person,
        "person.disable": _person,
        "person.enable": _person,
        "person.erase": _erase,
        "person.import": _import,
        "person.invitation.withdraw": _withdraw,
        "person.invite": _person,
        "person.offer": _offer,
        "person.password": _password,
        "person.set": _person,
        "reload": _reload,
        "retention.run": _retention,
        "room.affiliate": _room,
        "room.destroy": _room,
    }
)
"""The verbs that change something; ``None`` where a call of one changes nothing."""
LOOKING: Final = frozenset(
    {
        "department.list",
        "department.show",
        "file.list",
        "ledger.show",
        "person.invitation.list",
        "person.list",
        "person.show",
        "room.list",
        "room.show",
        "status",
    }
)
"""The others: ``tests/admin`` sees to it that every verb is in one of both."""
