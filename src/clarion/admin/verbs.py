"""Every verb of the administration door, in one table."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from clarion.admin import (
    departments,
    files,
    forgetting,
    importing,
    inviting,
    offering,
    persons,
    reading,
    reloading,
    rooms,
)
from clarion.admin.arguments import Arguments
from clarion.admin.audited import CHANGES, local_actor
from clarion.admin.desk import Desk, Progress
from clarion.lib.errors import UsageError

Verb = Callable[[Desk, Arguments, Progress], Awaitable[Any]]

VERBS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "backup": forgetting.backed_up,
        "department.add": departments.add,
        "department.join": departments.join,
        "department.leave": departments.leave,
        "department.list": departments.listing,
        "department.remove": departments.remove,
        "department.set": departments.change,
        "department.show": departments.show,
        "file.list": files.listing,
        "file.remove": files.remove,
        "ledger.show": reading.show_ledger,
        "person.add": persons.add,
        "person.app_password.add": persons.add_app_password,
        "person.app_password.remove": persons.remove_app_password,
        "person.disable": persons.disable,
        "person.enable": persons.enable,
        "person.erase": forgetting.erase,
        "person.import": importing.import_persons,
        "person.invitation.list": inviting.listing,
        "person.invitation.withdraw": inviting.withdraw,
        "person.invite": inviting.invite,
        "person.offer": offering.offer,
        "person.list": persons.listing,
        "person.password": persons.password,
        "person.set": persons.change,
        "person.show": persons.show,
        "reload": reloading.reload,
        "retention.run": forgetting.run_retention,
        "room.affiliate": rooms.affiliate,
        "room.destroy": rooms.destroy,
        "room.list": rooms.listing,
        "room.show": rooms.show,
        "status": reading.status,
    }
)


async def perform(
    desk: Desk,
    verb: str,
    arguments: Mapping[str, Any],
    progress: Progress,
    actor: str | None = None,
) -> Any:
    """Do what is asked, keep an entry of it in the audit log, and return a JSON value.

    The entry is part of the first write that the verb leads to; of a verb
    that writes nothing it is written behind. What is refused leaves none.

    Args:
        desk: What the verbs work on.
        verb: One of ``VERBS``.
        arguments: JSON values by name.
        progress: Told how much is done.
        actor: Who asks; ``None``: who runs this process.

    Raises:
        UsageError: There is no such verb, or it cannot be done so.
        UnavailableError: The store cannot do it now.

    """
    action = VERBS.get(verb)
    if action is None:
        raise UsageError(f"{verb[:64]}: there is no such verb")
    describe = CHANGES.get(verb)
    described = None if describe is None else describe(desk, arguments)
    if described is None or desk.auditor is None:
        return await action(desk, Arguments(arguments), progress)
    target, details = described
    with desk.auditor.act(actor or local_actor(), verb, target, details) as act:
        result = await action(desk, Arguments(arguments), progress)
        if verb == "reload":
            details = {key: result[key] for key in ("certificate", "changed", "restart")}
        await desk.auditor.finish(act, details)
    return result
