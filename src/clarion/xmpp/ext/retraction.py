"""Message retraction: the card; the work is done where messages are kept (XEP-0424 0.4.2).

A retraction is a message like any other. ``keeping.py`` reads whom it names,
and the archive puts a tombstone in the place of what was said, for everybody
and in the same transaction (sections 4 and 5). Only what the same person said
in the same conversation can be taken back, and once.
"""

from typing import Final

from clarion.wire.xmpp.payloads import RETRACTION
from clarion.xmpp.extension import Card, Extension

_FEATURES: Final = (RETRACTION, f"{RETRACTION}#tombstone")

retraction = Extension(
    Card(
        name="retraction",
        spec="XEP-0424",
        title="Message Retraction",
        version="0.4.2",
        test="tests/talk/xmpp/xep0424_retraction.talk",
        features=_FEATURES,
        account_features=_FEATURES,
        needs=("archive",),
    )
)
