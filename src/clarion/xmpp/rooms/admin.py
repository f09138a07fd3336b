"""What moderators and admins do with people (XEP-0045 sections 8.2 to 8.5, 9, 10.3 to 10.8).

All of one request is looked at before any of it is done. What follows for
those who are in the room follows from the book's event, or from their role
(``room.py``).
"""

from collections.abc import Iterable
from typing import Final

from clarion.core.room_book import LastOwnerError, NickTakenError
from clarion.core.rooms import Affiliated, Affiliation, Role, Whom
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.muc_admin import (
    Change,
    admin_item,
    admin_list,
    parse_changes,
    parse_listing,
)
from clarion.xmpp.rooms import inviting
from clarion.xmpp.rooms.announcing import client_shown
from clarion.xmpp.rooms.asked import Asked
from clarion.xmpp.rooms.occupants import Occupant
from clarion.xmpp.rooms.room import RoomEntity
from clarion.xmpp.rooms.standing import RULED, moderates, rank, require, ruled_affiliation

_AFFILIATIONS: Final = {one.word: one for one in Affiliation}
_ROLES: Final = {one.word: one for one in Role}


def listing(asked: Asked) -> bytes:
    """Tell who has a role or an affiliation (8.5, 9.2, 9.5, 9.8, 10.5, 10.8).

    Raises:
        StanzaError: It is not for who asks, or asks for no list.

    """
    wanted = parse_listing(asked.payload)
    if wanted.role:
        return admin_list(_by_role(asked, _ROLES[wanted.role]))
    affiliation = _AFFILIATIONS[wanted.affiliation]
    if not _may_list(asked, affiliation):
        raise StanzaError(StanzaCondition.FORBIDDEN, "this list is not for you")
    return admin_list(_by_affiliation(asked.room, affiliation))


async def change(asked: Asked) -> None:
    """Change roles or affiliations, all that are named or none.

    Raises:
        StanzaError: One of them may not be changed so by who asks.
        UnavailableError: The store cannot keep it.

    """
    changes = parse_changes(asked.payload)
    roles = [one for one in changes if one.role]
    if not roles:
        await _affiliate(asked, changes)
    elif len(roles) == len(changes):
        _set_roles(asked, roles)
    else:
        raise StanzaError(
            StanzaCondition.BAD_REQUEST, "roles and affiliations are changed one kind at a time"
        )


# -- lists -----------------------------------------------------------------------------


def _by_role(asked: Asked, role: Role) -> Iterable[bytes]:
    if role is Role.NONE:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "who has no role is not in the room")
    if role is Role.MODERATOR:
        require(asked, Affiliation.ADMIN)  # section 9.8
    elif not moderates(asked.room, asked.sender.bare):
        raise StanzaError(StanzaCondition.FORBIDDEN, "only a moderator may do that")  # section 8.5
    for one in asked.room.occupants:
        if one.role is role:
            yield _item_of(one)


def _item_of(one: Occupant) -> bytes:
    return admin_item(one.affiliation.word, client_shown(one).full, one.nick, one.role.word)


def _by_affiliation(room: RoomEntity, affiliation: Affiliation) -> Iterable[bytes]:
    if affiliation is Affiliation.NONE:
        for one in room.occupants:
            if one.affiliation is Affiliation.NONE:
                yield _item_of(one)
        return
    for known in room.room.affiliations.values():
        if known.affiliation is affiliation:
            here = room.occupants.person(known.jid)
            role = here[0].role.word if here else ""
            nick = here[0].nick if here else known.nick
            reason = known.reason if affiliation is Affiliation.OUTCAST else ""
            yield admin_item(affiliation.word, known.jid, nick, role, reason)


def _may_list(asked: Asked, affiliation: Affiliation) -> bool:
    room, config = asked.room, asked.room.room.config
    found = rank(room, asked.sender.bare)
    open_names = config.whois is Whom.ANYONE
    if affiliation is Affiliation.OUTCAST or found >= Affiliation.ADMIN:
        # 10.5 and 10.8: where people are not known to all, those lists are for owners.
        least = Affiliation.ADMIN
        if affiliation >= Affiliation.ADMIN and not open_names:
            least = Affiliation.OWNER
        return found >= least
    if not open_names:
        return False
    # 9.5: members may know each other, also from outside.
    role = asked.role
    if found is Affiliation.MEMBER:
        role = max(role, Role.PARTICIPANT)
    least_role = {
        Whom.ANYONE: Role.VISITOR,
        Whom.PARTICIPANTS: Role.PARTICIPANT,
        Whom.MODERATORS: Role.MODERATOR,
    }.get(config.members_list)
    return least_role is not None and role >= least_role


# -- roles -----------------------------------------------------------------------------


def _set_roles(asked: Asked, changes: Iterable[Change]) -> None:
    room, bare = asked.room, asked.sender.bare
    if not moderates(room, bare):
        raise StanzaError(StanzaCondition.FORBIDDEN, "only a moderator may do that")
    by = rank(room, bare)
    found: list[tuple[Occupant, Role, str]] = []
    for one in changes:
        role = _ROLES[one.role]
        for occupant in _occupants(room, one):
            _check_role(by, occupant, role)
            found.append((occupant, role, one.reason))
    actor = _nick_of(asked)
    for occupant, role, reason in found:
        if occupant.clients and occupant.role is not role:
            room.set_role(occupant, role, actor=actor, reason=reason)


def _occupants(room: RoomEntity, one: Change) -> tuple[Occupant, ...]:
    if one.nick:
        found = room.occupants.nick(one.nick)
        here: tuple[Occupant, ...] = () if found is None else (found,)
    else:
        here = room.occupants.person(one.jid or "")
    if not here:
        raise StanzaError(
            StanzaCondition.ITEM_NOT_FOUND, f"{one.nick or one.jid} is not in the room"
        )
    return here


def _check_role(by: Affiliation, occupant: Occupant, role: Role) -> None:
    """Say whether somebody of this rank may give an occupant a role.

    Raises:
        StanzaError: They may not.

    """
    if role is Role.MODERATOR:  # section 9.6
        if by < Affiliation.ADMIN:
            raise StanzaError(StanzaCondition.FORBIDDEN, "only an admin makes moderators")
        return
    if role is Role.NONE:  # section 8.2
        if occupant.affiliation > by:
            raise _stands_above(occupant)
    elif occupant.affiliation >= Affiliation.ADMIN:  # sections 8.4 and 9.7
        raise _stands_above(occupant)
    if occupant.role is Role.MODERATOR:
        if by < Affiliation.ADMIN:
            raise StanzaError(
                StanzaCondition.NOT_ALLOWED, f"{occupant.nick} is a moderator: an admin's to change"
            )
    elif role is Role.VISITOR and occupant.affiliation >= by:  # section 8.4
        raise _stands_above(occupant)


def _stands_above(occupant: Occupant) -> StanzaError:
    word = occupant.affiliation.word
    return StanzaError(
        StanzaCondition.NOT_ALLOWED, f"{occupant.nick} stands too high for that: {word}"
    )


# -- affiliations ----------------------------------------------------------------------


async def _affiliate(asked: Asked, changes: Iterable[Change]) -> None:
    room, lasting = asked.room, asked.room.room
    by = require(asked, Affiliation.ADMIN)
    wanted = []
    for one in changes:
        jid, nick = one.jid, one.nick
        if jid is None:
            jid, nick = _person_of(room, one.nick), ""
        to = _AFFILIATIONS[one.affiliation]
        before = lasting.affiliations.get(jid)
        current = Affiliation.NONE if before is None else before.affiliation
        _check_affiliation(asked, by, jid, current, to)
        if lasting.department is not None:
            to = _ruled(room, jid, current, to)
        wanted.append(Affiliated(jid, to, nick, one.reason))
    unknown = {one.jid for one in wanted if one.jid not in lasting.affiliations}
    try:
        done = await room.book.affiliate(lasting, wanted, asked.sender.bare)
    except (LastOwnerError, NickTakenError) as error:
        raise StanzaError(StanzaCondition.CONFLICT, str(error)) from None
    if lasting.config.members_only:
        for new in done:  # section 9.5
            there = room.occupants.person(new.jid)
            if new.affiliation is Affiliation.MEMBER and new.jid in unknown and not there:
                inviting.invite(
                    room, new.jid, _named(asked), new.reason, password=lasting.config.password
                )


def _person_of(room: RoomEntity, nick: str) -> str:
    occupant = room.occupants.nick(nick)
    bare = room.book.holder(room.room, nick) if occupant is None else occupant.bare
    if bare is None:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"nobody is called {nick} here")
    return bare


def _check_affiliation(
    asked: Asked, by: Affiliation, jid: str, current: Affiliation, to: Affiliation
) -> None:
    """Say whether who asks may change an affiliation so.

    Raises:
        StanzaError: They may not.

    """
    if to is Affiliation.OUTCAST and jid == asked.sender.bare:
        raise StanzaError(StanzaCondition.CONFLICT, "nobody bans themselves")  # section 9.1
    if by >= Affiliation.OWNER:
        return
    if to is Affiliation.OUTCAST and current >= by:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED, f"{jid} is {current.word}: an owner's to ban"
        )
    if max(to, current) >= Affiliation.ADMIN and to is not current:
        raise StanzaError(
            StanzaCondition.FORBIDDEN, "only an owner makes and unmakes admins and owners"
        )


def _ruled(room: RoomEntity, jid: str, current: Affiliation, to: Affiliation) -> Affiliation:
    """Return what becomes of somebody in a department's room: bans are all that is free.

    Raises:
        StanzaError: It is the directory's to say.

    """
    if to is Affiliation.OUTCAST or to is current:
        return to
    if current is Affiliation.OUTCAST and to is Affiliation.NONE:
        return ruled_affiliation(room.services, room.room, jid)
    raise StanzaError(StanzaCondition.NOT_ALLOWED, f"{RULED}; people can only be banned here")


def _nick_of(asked: Asked) -> str:
    occupant = asked.occupant
    if occupant is not None:
        return occupant.nick
    return next((one.nick for one in asked.room.occupants.person(asked.sender.bare)), "")


def _named(asked: Asked) -> str:
    return inviting.name_of(asked.room, asked.sender)
