"""Moderated message retraction: the card (XEP-0425 0.3.0); see ``xmpp/rooms/moderation.py``."""

from clarion.xmpp.extension import Card, Extension

moderation = Extension(
    Card(
        name="moderation",
        spec="XEP-0425",
        title="Moderated Message Retraction",
        version="0.3.0",
        needs=("rooms",),
        test="tests/talk/xmpp/rooms_xep0425_moderation.talk",
    )
)
