"""A room that was just made is opened as it is, or given up (XEP-0045 sections 10.1.2, 10.1.3)."""

from typing import Final

from clarion.core.rooms import Affiliation
from clarion.wire.xmpp import forms
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.xmpp.rooms.asked import Asked

NS: Final = "http://jabber.org/protocol/muc#owner"
QUERY: Final = f"{{{NS}}}query"


async def owner_says(asked: Asked) -> None:
    """Open the room with what it is like, or destroy it if its owner gives up.

    Raises:
        StanzaError: It is not the owner who asks, or asks for something else.
        UnavailableError: The store cannot keep it.

    """
    room = asked.room
    if asked.affiliation is not Affiliation.OWNER:
        raise StanzaError(StanzaCondition.FORBIDDEN, "only an owner may do that")
    form = asked.payload.find(forms.TAG)
    kind = None if form is None else form.get("type")
    if kind == "cancel":
        if room.room.locked:
            await room.book.destroy(room.room)
        return
    if kind != "submit" or form is None or len(form):
        raise StanzaError(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED, "a room cannot be configured here yet"
        )
    await room.book.configure(room.room, room.room.config)
