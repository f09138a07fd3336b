"""Avatars of rooms: the card (XEP-0486 0.1.0); see ``xmpp/rooms/avatar.py``."""

from clarion.xmpp.extension import Card, Extension

room_avatars = Extension(
    Card(
        name="room_avatars",
        spec="XEP-0486",
        title="MUC Avatars",
        version="0.1.0",
        status="partial",
        missing="more than one picture of a room (section 6.1): the first is kept",
        needs=("rooms",),
        test="tests/talk/xmpp/rooms_xep0486_avatar.talk",
    )
)
