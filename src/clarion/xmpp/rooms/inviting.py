"""A room invites somebody (XEP-0045 section 7.8.2): what is sent, and kept for who is away."""

from asyncio import Future
from typing import Any

from clarion.core.archive import Item, Keeping, Owner, pair_thread
from clarion.core.ports import ItemRef, Parcel
from clarion.core.rooms import Whom
from clarion.wire.xml import escape
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.jid import Jid
from clarion.xmpp.rooms.room import RoomEntity


def name_of(room: RoomEntity, sender: Jid) -> str:
    """Return how somebody is called to whom they invite: not by the real JID if that is hidden."""
    if room.room.config.whois is Whom.ANYONE:
        return sender.bare
    occupant = room.occupants.client(sender.full)
    if occupant is not None:
        return occupant.jid
    return next((one.jid for one in room.occupants.person(sender.bare)), room.address)


def invite(
    room: RoomEntity,
    bare: str,
    by: str,
    reason: str = "",
    thread: str | None = None,
    *,
    password: str,
) -> Future[Any] | None:
    """Invite somebody in the room's name; it waits for who is away.

    Args:
        room: Where to.
        bare: Whom: a bare JID.
        by: Who invites, as ``name_of`` says.
        reason: Why.
        thread: As in ``muc.Invite``.
        password: Of the room, as far as who invites knows it.

    Returns:
        The commit of what waits; ``None``: nothing does.

    """
    x = muc.user_x(muc.invited(by, reason, thread, password))
    # COMPAT(XEP-0045 7.8.2 unknown): clients that read no other form of invitation.
    old = muc.direct_invitation(room.address, reason, password)
    return send(room, bare, x + old)


def send(room: RoomEntity, bare: str, children: bytes) -> Future[Any] | None:
    """Send somebody a message of the room's own; it waits for one of ours who is away.

    Args:
        room: Which.
        bare: Whom: a bare JID.
        children: The content.

    Returns:
        As ``invite``.

    """
    services = room.services
    name = services.token()
    stanza = (
        f"<message from='{escape(room.address)}' to='{escape(bare)}' id='{escape(name)}'>"
    ).encode() + (children + b"</message>")
    person = services.directory.person(bare)
    ref, kept = None, None
    if person is not None:
        thread = pair_thread(room.address, bare)
        item = Item(
            services.mint.item(), thread, room.address, bare, name, "", stanza, countable=False
        )
        waits = Owner(person.number, incoming=True, keeping=Keeping.PASSING)
        kept = services.archive.append(item, (waits,))
        kept.add_done_callback(lambda done: done.cancelled() or done.exception())
        ref = ItemRef(item.id, None)
    parcel = Parcel("message", "normal", room.address, "", stanza, ref)
    services.router.to_entity(services.entity(bare), parcel)
    return kept
