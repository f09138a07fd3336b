"""People invite others to a room, who may decline (XEP-0045 section 7.8.2)."""

from asyncio import Future
from typing import Any

from clarion.core.rooms import Affiliated, Affiliation
from clarion.wire.xml import escape
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid
from clarion.xmpp.rooms import inviting
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.room import RoomEntity
from clarion.xmpp.rooms.standing import RULED, rank


async def take(room: RoomEntity, incoming: Incoming) -> None:
    """Pass invitations on, or that one is declined.

    Raises:
        StanzaError: It is not for the sender to invite, or not these people;
            then nobody is invited.
        UnavailableError: The store cannot keep it.

    """
    x = incoming.tree.find(muc.USER_X)
    assert x is not None, "the table says so"
    asked = muc.parse_user(x)
    if asked.decline is not None:
        await _decline(room, incoming, asked.decline)
    elif asked.invites:
        await _invite(room, incoming, asked)
    else:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a message to a room says what it is for")


async def _invite(room: RoomEntity, incoming: Incoming, asked: muc.Invitations) -> None:
    sender, lasting = incoming.sender, room.room
    here = room.occupants.client(sender.full)
    standing = rank(room, sender.bare)
    if here is None and standing < Affiliation.MEMBER:
        raise StanzaError(StanzaCondition.FORBIDDEN, "only who is in the room invites others")
    closed = lasting.config.members_only
    if closed and standing < Affiliation.ADMIN and not lasting.config.invites:
        raise StanzaError(StanzaCondition.FORBIDDEN, "only an admin invites to this room")
    whom = {one.to.bare: one for one in asked.invites}
    for one in whom.values():
        _check(room, one.to, closed=closed)
    for _ in whom:
        room.spend(sender.bare)
    if closed:
        # Section 9.5: an invitation to a members-only room makes the invitee a member.
        new = [
            Affiliated(bare, Affiliation.MEMBER)
            for bare in whom
            if lasting.affiliation(bare) is Affiliation.NONE
        ]
        if new:
            await room.book.affiliate(lasting, new, sender.bare)
    # A member outside must not learn the password by inviting somebody.
    knows = here is not None or standing >= Affiliation.ADMIN
    password = lasting.config.password if knows else asked.password
    by = inviting.name_of(room, sender)
    waiting: list[Future[Any]] = []
    for bare, one in whom.items():
        kept = inviting.invite(room, bare, by, one.reason, one.thread, password=password)
        if kept is not None:
            waiting.append(kept)
    for kept in waiting:
        await kept


def _check(room: RoomEntity, to: Jid, *, closed: bool) -> None:
    """Refuse an invitation of somebody who is not there, or may not come."""
    services = room.services
    if to.domain == services.domain and services.directory.person(to.bare) is None:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"there is no {to.bare}")
    if to.domain == services.rooms_domain or not to.local:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"{to.bare} is nobody's address")
    known = room.room.affiliation(to.bare)
    if known is Affiliation.OUTCAST:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, f"{to.bare} is banned from this room")
    if closed and known is Affiliation.NONE and room.room.department is not None:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, RULED)


async def _decline(room: RoomEntity, incoming: Incoming, decline: muc.Decline) -> None:
    """Tell who invited; the room must not be a way to write to just anybody."""
    sender = incoming.sender
    if room.room.affiliation(sender.bare) is Affiliation.OUTCAST:
        raise StanzaError(StanzaCondition.FORBIDDEN, "you are banned from this room")
    to = decline.to
    if to.bare == room.address:
        occupant = room.occupants.nick(to.resource)
        bare = "" if occupant is None else occupant.bare
    else:
        bare = to.bare
    known = bool(room.occupants.person(bare)) or room.room.affiliation(bare) >= Affiliation.MEMBER
    if not bare or not known:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"{escape(to.full)} has not invited you")
    room.spend(sender.bare)
    kept = inviting.send(room, bare, muc.user_x(muc.declined(sender.bare, decline.reason)))
    if kept is not None:
        await kept
