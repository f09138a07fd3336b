"""What may be asked of a room: who answers which request (XEP-0045 sections 6, 9 and 10).

A new one is added to ``ROOM``, ``APART`` or ``MESSAGES``, and nowhere else.
"""

from collections.abc import Mapping
from typing import Final

from clarion.wire.xmpp.caps import INFO_QUERY
from clarion.wire.xmpp.disco_answers import ITEMS_QUERY
from clarion.wire.xmpp.forms import TAG as FORM
from clarion.wire.xmpp.muc import USER_X
from clarion.wire.xmpp.muc_admin import ADMIN_QUERY, OWNER_QUERY
from clarion.xmpp.rooms import (
    admin,
    archive,
    avatar,
    disco,
    invitations,
    moderation,
    nicks,
    owner,
    voice,
)
from clarion.xmpp.rooms.asked import Handler, MessageHandler

ROOM: Final[Mapping[tuple[str, str], Handler]] = {
    ("get", INFO_QUERY): disco.info,
    ("get", ITEMS_QUERY): disco.items,
    ("get", ADMIN_QUERY): admin.listing,
    ("set", ADMIN_QUERY): admin.change,
    ("get", OWNER_QUERY): owner.get,
    ("set", OWNER_QUERY): owner.change,
    ("get", nicks.QUERY): nicks.get,
    ("set", nicks.QUERY): nicks.change,
    ("set", moderation.MODERATE): moderation.moderate,
    ("get", avatar.VCARD): avatar.get,
    ("set", avatar.VCARD): avatar.change,
}
"""By type and tag: requests to a room's bare JID, in the order in which they come."""

APART: Final[Mapping[tuple[str, str], Handler]] = {
    ("get", archive.QUERY): archive.form,
    ("set", archive.QUERY): archive.search,
    ("get", archive.METADATA): archive.metadata,
}
"""The same, but they take long and change nothing, so that the room does not wait for them."""

MESSAGES: Final[Mapping[str, MessageHandler]] = {
    USER_X: invitations.take,
    FORM: voice.take,
}
"""By the tag of a child: messages to a room's bare JID that are not of type groupchat."""
