"""Moderators take back what others said (XEP-0425 0.3.0)."""

from typing import Final

from clarion.core.archive import Item, Owner, Retraction, room_thread
from clarion.core.rooms import Role
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.muc import REASON_LIMIT, limited
from clarion.wire.xmpp.parts import Parts
from clarion.wire.xmpp.payloads import RETRACT, RETRACTION
from clarion.wire.xmpp.stamps import stanza_id
from clarion.xmpp.rooms import tombstones
from clarion.xmpp.rooms.asked import Asked

NS: Final = "urn:xmpp:message-moderate:1"
MODERATE: Final = f"{{{NS}}}moderate"
_GROUPCHAT: Final = Parts(b"<message", b" type='groupchat'", b"")


async def moderate(asked: Asked) -> None:
    """Take a message back: a tombstone takes its place, and everybody is told after the commit.

    Raises:
        StanzaError: It is not for who asks, or there is no such message.
        UnavailableError: The store cannot keep it; nothing has changed.

    """
    room, moderator = asked.room, asked.occupant
    _check(asked)
    assert moderator is not None, "it was looked at"
    sealed = asked.payload.get("id", "")
    said = await tombstones.find(room, sealed)
    if said is None:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such message any more")
    reason = limited(asked.payload.findtext(f"{{{NS}}}reason"), REASON_LIMIT, "a reason")
    by = (
        b"<moderated xmlns='%s' by='%s'>" % (NS.encode(), moderator.sender)
        + moderator.mark
        + b"</moderated>"
        + (f"<reason>{escape(reason)}</reason>".encode() if reason else b"")
    )
    services = room.services
    retract = f"<retract xmlns='{RETRACTION}' id='{escape(sealed)}'>".encode() + by + b"</retract>"
    sender = escape(room.address).encode()
    name = services.token()
    attributes = f" id='{escape(name)}'".encode()
    item = Item(
        services.mint.item(),
        room_thread(room.address),
        room.address,
        room.address,
        name,
        "",
        _GROUPCHAT.sheet(sender, retract, attributes=attributes).bare(),
        countable=False,
    )
    owner = Owner(room.room.owner, incoming=True)
    tombstone = tombstones.moderated(room, said, by)
    await services.archive.append(item, (owner,), Retraction("", tombstone, said.id))
    room.history.replace(said.id, None)
    stamp = stanza_id(room.address, services.seal.seal(item.id))
    room.say(_GROUPCHAT.sheet(sender, retract, stamp, attributes=attributes), room.address)


def _check(asked: Asked) -> None:
    if asked.role is not Role.MODERATOR:
        raise StanzaError(
            StanzaCondition.FORBIDDEN,
            "only moderators take back what others said",
            kind=ErrorType.MODIFY,
        )
    if asked.payload.find(RETRACT) is None:
        raise StanzaError(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED, "messages can be taken back, and no more"
        )
