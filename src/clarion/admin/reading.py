"""The verbs that look: ``ledger.show`` and ``status``."""

from collections.abc import Mapping
from typing import Any, Final

from clarion import __version__
from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.core.book import SHOW_LIMIT
from clarion.core.ledger import Entry
from clarion.lib.errors import UsageError
from clarion.wire.address import normalise_address

SHOWN: Final = 50
"""Items of a thread that are shown unless another number is asked for."""


async def show_ledger(
    desk: Desk, arguments: Arguments, progress: Progress
) -> list[Mapping[str, Any]]:
    """``ledger.show``: ``item``, or ``a`` and ``b``, or ``room``, these with ``limit``.

    Returns:
        Rows, oldest item first.

    """
    item = arguments.optional_text("item")
    one = arguments.optional_text("a")
    other = arguments.optional_text("b")
    room = arguments.optional_text("room")
    limit = arguments.number("limit", SHOWN, 1, SHOW_LIMIT)
    arguments.finish()
    match (item, one, other, room):
        case (str(), None, None, None):
            entries = list(await desk.ledger.show_item(desk.seal.open(item)))
        case (None, str(), str(), None):
            entries = [entry for _, entry in await desk.ledger.show_thread(one, other, limit)]
        case (None, None, None, str()):
            shown = await desk.ledger.show_room(normalise_address(room), limit)
            entries = [entry for _, entry in shown]
        case _:
            raise UsageError("name an item, or two persons, or a room")
    return [_row(desk, entry) for entry in entries]


async def status(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``status``: what runs here."""
    arguments.finish()
    persons = desk.directory.persons()
    return {
        "version": __version__,
        "domain": desk.directory.domain,
        "persons": len(persons),
        "disabled": sum(person.disabled for person in persons),
        "departments": len(desk.directory.departments()),
        **desk.facts(),
    }


def _row(desk: Desk, entry: Entry) -> Mapping[str, Any]:
    return {
        "item": desk.seal.seal(entry.item),
        "reader": entry.reader,
        "state": str(entry.state),
        "at": entry.at,
        "door": None if entry.door is None else str(entry.door),
        "act": None if entry.act is None else str(entry.act),
    }
