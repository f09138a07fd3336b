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
        missing="approval of registrations by admins (9.9); "
        "the lists of owners and admins in the configuration form (15.5.3); converting a chat "
        "into a room (7.9) but for the invitations; unsetting a reserved nickname without "
        "leaving (9.5); news of affiliations of people who are not in the room (10.3)",
        needs=("disco", "presence"),
        test="tests/talk/xmpp/rooms_7_2_entering.talk",
    )
)
