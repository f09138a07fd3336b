"""Am I still in the room: the card (XEP-0410 1.1.0); ``xmpp/rooms/passing.py`` answers."""

from clarion.xmpp.extension import Card, Extension

self_ping = Extension(
    Card(
        name="self_ping",
        spec="XEP-0410",
        title="MUC Self-Ping (Schrödinger's Chat)",
        version="1.1.0",
        needs=("rooms",),
        test="tests/talk/xmpp/rooms_xep0410_self_ping.talk",
    )
)
