"""Unique and stable ids (XEP-0359 0.7): the card; the work is done where messages pass.

``routing.py`` cuts stanza-ids that a client gives in our name and gives every
kept message the recipient's; ``core/seal.py`` makes them so that they tell
nothing. An origin-id is kept as it is, and tells a message sent again. A room
does the same for what is said there (``xmpp/rooms/talking.py``).
"""

from clarion.wire.xmpp.stamps import SID
from clarion.xmpp.extension import Card, Extension

stanza_ids = Extension(
    Card(
        name="stanza_ids",
        spec="XEP-0359",
        title="Unique and Stable Stanza IDs",
        version="0.7.0",
        test="tests/xmpp/test_stanza_ids.py",
        account_features=(SID,),
    )
)
