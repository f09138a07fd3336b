"""What may be asked of a room: who answers which request (XEP-0045 sections 6, 9 and 10).

A new one is added to ``ROOM``, ``APART`` or ``MESSAGES``, and nowhere else.
"""

from collections.abc import Mapping
from typing import Final

from clarion.wire.xmpp.caps import INFO_QUERY
from clarion.wire.xmpp.disco_answers import ITEMS_QUERY
from clarion.xmpp.rooms import archive, disco, instant
from clarion.xmpp.rooms.asked import Handler, MessageHandler

ROOM: Final[Mapping[tuple[str, str], Handler]] = {
    ("get", INFO_QUERY): disco.info,
    ("get", ITEMS_QUERY): disco.items,
    ("set", instant.QUERY): instant.owner_says,
}
"""By type and tag: requests to a room's bare JID, in the order in which they come."""

APART: Final[Mapping[tuple[str, str], Handler]] = {
    ("get", archive.QUERY): archive.form,
    ("set", archive.QUERY): archive.search,
    ("get", archive.METADATA): archive.metadata,
}
"""The same, but they take long and change nothing, so that the room does not wait for them."""

MESSAGES: Final[Mapping[str, MessageHandler]] = {}
"""By the tag of a child: messages to a room's bare JID that are not of type groupchat."""
