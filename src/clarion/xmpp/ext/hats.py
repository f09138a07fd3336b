"""Hats: the card (XEP-0317 0.3.1); see ``xmpp/rooms/hats.py``.

The directory says who wears what, so there is nothing to command.
"""

from clarion.xmpp.extension import Card, Extension

hats = Extension(
    Card(
        name="hats",
        spec="XEP-0317",
        title="Hats",
        version="0.3.1",
        status="partial",
        missing="the commands (sections 3.2 to 3.7): titles are the directory's, in rooms of "
        "departments; a hash of all hats (section 2)",
        needs=("rooms",),
        test="tests/xmpp/rooms/test_department_room.py",
    )
)
