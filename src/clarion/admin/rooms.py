"""The verbs about rooms: list, show, affiliate and destroy."""

from collections.abc import Mapping
from typing import Any

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.core.room_book import RoomBook
from clarion.core.rooms import Affiliated, Affiliation, Room
from clarion.lib.errors import UsageError
from clarion.wire.address import normalise_address

WORDS = tuple(one.word for one in Affiliation)
"""The affiliations as they are written."""


async def listing(desk: Desk, arguments: Arguments, progress: Progress) -> list[Mapping[str, Any]]:
    """``room.list``: by address."""
    arguments.finish()
    rooms = _book(desk).all()
    return [_record(desk, room) for room in sorted(rooms, key=lambda one: one.address)]


async def show(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``room.show``: with everybody who is affiliated, the strongest first."""
    room = _room(desk, arguments.text("room"))
    arguments.finish()
    return _shown(desk, room)


async def affiliate(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``room.affiliate``: ``room``, ``address`` and ``affiliation``, one of ``WORDS``."""
    room = _room(desk, arguments.text("room"))
    address = normalise_address(arguments.text("address"))
    word = arguments.text("affiliation")
    arguments.finish()
    if word not in WORDS:
        raise UsageError(f"{word}: an affiliation is {', '.join(WORDS)}")
    affiliation = Affiliation[word.upper()]
    if room.department is not None and affiliation is not Affiliation.OUTCAST:
        before = room.affiliation(address)
        if before is not Affiliation.OUTCAST:
            raise UsageError(
                f"{room.address} is a department's: join or leave the department instead"
            )
    await _book(desk).affiliate(room, [Affiliated(address, affiliation)], "")
    return _shown(desk, room)


async def destroy(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``room.destroy``: ``room`` and ``reason``; its archive goes with it."""
    room = _room(desk, arguments.text("room"))
    reason = arguments.optional_text("reason") or ""
    arguments.finish()
    if room.department is not None:
        raise UsageError(f"{room.address} is a department's: it goes with the department")
    record = _record(desk, room)
    await _book(desk).destroy(room, reason)
    return record


def _book(desk: Desk) -> RoomBook:
    if desk.rooms is None:
        raise UsageError("there are no rooms here")
    return desk.rooms


def _room(desk: Desk, text: str) -> Room:
    address = normalise_address(text.strip())
    room = _book(desk).get(address)
    if room is None:
        raise UsageError(f"{address}: there is no such room")
    return room


def _record(desk: Desk, room: Room) -> dict[str, Any]:
    """Return what is told of a room; no number, which is the store's own, and no password."""
    number = room.department
    department = None if number is None else desk.directory.department_by_number(number)
    config = room.config
    return {
        "address": room.address,
        "name": config.name,
        "department": None if department is None else department.address,
        "members": sum(one.affiliation >= Affiliation.MEMBER for one in room.affiliations.values()),
        "members_only": config.members_only,
        "persistent": config.persistent,
        "public": config.public,
        "archived": config.archived,
    }


def _shown(desk: Desk, room: Room) -> dict[str, Any]:
    return {
        **_record(desk, room),
        "subject": room.subject.text,
        "affiliations": [
            {"address": one.jid, "affiliation": one.affiliation.word, "nick": one.nick}
            for one in sorted(
                room.affiliations.values(), key=lambda one: (-one.affiliation, one.jid)
            )
        ],
    }
