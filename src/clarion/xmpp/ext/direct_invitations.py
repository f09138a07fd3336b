"""Direct invitations: the card (XEP-0249 1.2).

One is a message from person to person and goes like any other; a room that
invites in somebody's name writes one too (``xmpp/rooms/inviting.py``).
"""

from clarion.xmpp.extension import Card, Extension

direct_invitations = Extension(
    Card(
        name="direct_invitations",
        spec="XEP-0249",
        title="Direct MUC Invitations",
        version="1.2",
        needs=("rooms",),
        test="tests/talk/xmpp/rooms_7_8_invitations.talk",
    )
)
