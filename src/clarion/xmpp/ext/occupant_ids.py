"""Who is who in a room, whatever they call themselves: the card (XEP-0421 1.0.1).

``RoomEntity.mark`` makes them; they are in all presence and messages of rooms.
"""

from clarion.xmpp.extension import Card, Extension

occupant_ids = Extension(
    Card(
        name="occupant_ids",
        spec="XEP-0421",
        title="Occupant identifiers for semi-anonymous MUCs",
        version="1.0.1",
        needs=("rooms",),
        test="tests/talk/xmpp/rooms_xep0421_occupant_ids.talk",
    )
)
