"""Messages for people who are not here (XEP-0160 1.0.1): the card.

There is no store of its own: what reached none of a person's clients waits in
the archive (``reach.py``) and is sent, oldest first, when a client next takes
messages (``PersonEntity.catch_up``).
"""

from clarion.xmpp.extension import Card, Extension

offline = Extension(
    Card(
        name="offline",
        spec="XEP-0160",
        title="Best Practices for Handling Offline Messages",
        version="1.0.1",
        test="tests/xmpp/test_offline.py",
        features=("msgoffline",),
        needs=("delay",),
    )
)
