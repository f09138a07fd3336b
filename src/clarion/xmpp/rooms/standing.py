"""Who may do what in a room beside what its roles say (XEP-0045 5.2; the directory)."""

from typing import Final

from clarion.core.model import Department
from clarion.core.rooms import Affiliation, Role, Room
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.xmpp.rooms.asked import Asked
from clarion.xmpp.rooms.room import RoomEntity
from clarion.xmpp.services import Services

RULED: Final = "this is the room of a department: the organisation's directory says who belongs"


def rank(room: RoomEntity, bare: str) -> Affiliation:
    """Return what somebody counts as who changes the room.

    The affiliation; but where nobody owns a room, as that of a department,
    the organisation's administrators count as its owners.
    """
    found = room.room.affiliation(bare)
    if found is Affiliation.OWNER:
        return found
    person = room.services.directory.person(bare)
    if person is None or not person.admin or person.disabled:
        return found
    owned = any(one.affiliation is Affiliation.OWNER for one in room.room.affiliations.values())
    return found if owned else Affiliation.OWNER


def require(asked: Asked, least: Affiliation) -> Affiliation:
    """Return the rank of who asks.

    Raises:
        StanzaError: It is below ``least``.

    """
    found = rank(asked.room, asked.sender.bare)
    if found < least:
        raise StanzaError(
            StanzaCondition.FORBIDDEN, f"only an {least.word} of the room may do that"
        )
    return found


def require_configurer(asked: Asked) -> None:
    """Let owners set the room up, and in a department's room those who manage that.

    Raises:
        StanzaError: Who asks is neither.

    """
    ruled = asked.room.room.department is not None
    require(asked, Affiliation.ADMIN if ruled else Affiliation.OWNER)


def moderates(room: RoomEntity, bare: str) -> bool:
    """Whether somebody is in the room as a moderator, or could be one at will."""
    if any(one.role is Role.MODERATOR for one in room.occupants.person(bare)):
        return True
    return rank(room, bare) >= Affiliation.ADMIN


def department_of(services: Services, room: Room) -> Department | None:
    """Return whose room it is."""
    if room.department is None:
        return None
    return services.directory.department_by_number(room.department)


def ruled_affiliation(services: Services, room: Room, bare: str) -> Affiliation:
    """Return what the directory makes of somebody in a department's room."""
    department = department_of(services, room)
    person = services.directory.person(bare)
    if department is None or person is None or person.disabled:
        return Affiliation.NONE
    member = services.directory.membership(person, department)
    if member is None:
        return Affiliation.NONE
    return Affiliation.ADMIN if member.manager else Affiliation.MEMBER
