"""Where a stanza goes that a local session sends to a room (XEP-0045): to the room, which judges.

What the session's own server keeps of it, as for a message between people,
happens here.
"""

from asyncio import Future
from typing import Any

from clarion.core.archive import room_thread
from clarion.core.ports import Parcel, room_entity
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid
from clarion.wire.xmpp.names import MESSAGE, XML_LANG
from clarion.wire.xmpp.splice import readdress
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp import keeping
from clarion.xmpp.context import Context
from clarion.xmpp.displayed import DISPLAYED, without_displayed
from clarion.xmpp.routing import MESSAGE_TYPES, note_reply


def to_room(context: Context, stanza: Stanza, recipient: Jid) -> Future[Any] | None:
    """Hand a stanza to a room, or to the domain of rooms; a room judges for itself.

    Returns:
        As ``Router.hand_over``.

    """
    session, given = context.session, stanza.attributes
    name = stanza.tag.rpartition("}")[2]
    kind = given.get("type", "normal" if stanza.tag == MESSAGE else "")
    if stanza.tag == MESSAGE and kind not in MESSAGE_TYPES:
        kind = "normal"  # RFC 6121 section 5.2.2
    lang = session.lang if session.lang and XML_LANG not in given else None
    raw = readdress(stanza, sender=session.full, lang=lang)
    parcel = Parcel(name, kind, session.full, recipient.resource, raw)
    return context.services.router.hand_over(room_entity(recipient.bare), parcel)


def say_in_room(context: Context, stanza: Stanza, recipient: Jid) -> Future[Any] | None:
    """Hand a message to a room; what is kept of it reads what had reached the session.

    Returns:
        As ``to_room``.

    """
    if DISPLAYED in stanza.children:
        stanza = without_displayed(stanza)
    kept = to_room(context, stanza, recipient)
    if kept is not None and keeping.countable(stanza):
        note_reply(context, room_thread(recipient.bare))
    return kept


def present_in_room(context: Context, stanza: Stanza, recipient: Jid) -> Future[Any] | None:
    """Hand presence to a room, and remember that it must hear of its end (RFC 6121 4.6.3).

    Raises:
        StanzaError: Presence was sent to too many addresses, or is of a kind
            that rooms do not know.

    """
    session, kind = context.session, stanza.attributes.get("type", "")
    if session.ended:
        return None
    if kind == "":
        session.direct(recipient.bare)
    elif kind == "unavailable":
        session.directed.discard(recipient.bare)
    elif kind == "subscribe":
        raise StanzaError(StanzaCondition.NOT_ALLOWED, "one enters a room, and subscribes to none")
    elif kind != "error":
        return None
    return to_room(context, stanza, recipient)
