"""Every verb of the administration door, in one table."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from clarion.admin import departments, importing, offering, persons, reading, reloading
from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.lib.errors import UsageError

Verb = Callable[[Desk, Arguments, Progress], Awaitable[Any]]

VERBS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "department.add": departments.add,
        "department.join": departments.join,
        "department.leave": departments.leave,
        "department.list": departments.listing,
        "department.remove": departments.remove,
        "department.set": departments.change,
        "department.show": departments.show,
        "ledger.show": reading.show_ledger,
        "person.add": persons.add,
        "person.app_password.add": persons.add_app_password,
        "person.app_password.remove": persons.remove_app_password,
        "person.disable": persons.disable,
        "person.enable": persons.enable,
        "person.import": importing.import_persons,
        "person.offer": offering.offer,
        "person.list": persons.listing,
        "person.password": persons.password,
        "person.set": persons.change,
        "person.show": persons.show,
        "reload": reloading.reload,
        "status": reading.status,
    }
)


async def perform(desk: Desk, verb: str, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """Do what is asked and return a JSON value.

    Raises:
        UsageError: There is no such verb, or it cannot be done so.
        UnavailableError: The store cannot do it now.

    """
    action = VERBS.get(verb)
    if action is None:
        raise UsageError(f"{verb[:64]}: there is no such verb")
    return await action(desk, Arguments(arguments), progress)
