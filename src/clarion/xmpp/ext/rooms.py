"""Rooms: the card (XEP-0045 1.35.5); the work is done in ``xmpp/rooms``.

``dispatch.py`` hands over what is for the domain of rooms, unseen.
"""

from clarion.xmpp.extension import Card, Extension

rooms = Extension(
    Card(
        name="rooms",
        spec="XEP-0045",
        title="Multi-User Chat",
        version="1.35.5",
        status="partial",
        missing="administration by moderators, admins and owners (sections 8 to 10, but for making "
        "a room and setting the subject), invitations (7.8), registration (7.10), voice requests "
        "(7.13)",
        needs=("disco", "presence"),
        test="tests/talk/xmpp/rooms_7_2_entering.talk",
    )
)
