"""The verb that offers contacts to a person: ``person.offer`` (XEP-0144)."""

from collections.abc import Mapping
from typing import Any, Final

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.lib.errors import UsageError

KINDS: Final = ("add", "delete", "modify")


async def offer(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.offer``: send ``to`` a message that suggests ``contacts``."""
    to = desk.directory.require_person(arguments.text("to"))
    contacts = [desk.directory.require_person(one) for one in arguments.texts("contacts")]
    kind = arguments.optional_text("action") or KINDS[0]
    arguments.finish()
    if kind not in KINDS:
        raise UsageError(f"action: must be {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if desk.offer is None:
        raise UsageError("an offer is a message, and only a running server sends one: start it")
    await desk.offer(to, contacts, kind)
    return {
        "to": to.address,
        "action": kind,
        "contacts": [one.address for one in contacts if one.number != to.number],
    }
