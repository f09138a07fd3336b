"""Hats: in a department's room everybody wears their title there (XEP-0317 0.3.1 section 3.1)."""

from typing import Final
from urllib.parse import quote

from clarion.core.rooms import Room
from clarion.wire.xml import escape
from clarion.xmpp.rooms.room import RoomEntity
from clarion.xmpp.rooms.standing import department_of
from clarion.xmpp.services import Services

NS: Final = "urn:xmpp:hats:0"
HATS: Final = f"{{{NS}}}hats"
TITLES: Final = "urn:clarion:title:"
"""What a title's URI begins with; the title follows, percent-encoded."""


def worn(services: Services, room: Room, bare: str) -> bytes:
    """Return the ``<hats/>`` of somebody in a room; nothing for who has no title there."""
    department = department_of(services, room)
    person = services.directory.person(bare)
    if department is None or person is None:
        return b""
    member = services.directory.membership(person, department)
    if member is None or not member.title:
        return b""
    uri = TITLES + quote(member.title, safe="")
    hat = f"<hat title='{escape(member.title)}' uri='{escape(uri)}'/>"
    return f"<hats xmlns='{NS}'>{hat}</hats>".encode()


def refresh(room: RoomEntity) -> None:
    """Tell everybody whose title has changed: the directory says others now."""
    for occupant in room.occupants:
        now = worn(room.services, room.room, occupant.bare)
        if now != occupant.hats:
            occupant.hats = now
            occupant.sheets.clear()
            room.tell(occupant, room.present(occupant))
