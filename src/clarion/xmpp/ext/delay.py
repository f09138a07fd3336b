"""Delayed delivery (XEP-0203 2.0): the card; ``wire/xmpp/stamps.py`` writes the mark.

What waited in the archive is marked with the time at which it was accepted
(``person.py``), and so is every result of an archive query (``archive.py``).
"""

from clarion.wire.xmpp.stamps import DELAY
from clarion.xmpp.extension import Card, Extension

delay = Extension(
    Card(
        name="delay",
        spec="XEP-0203",
        title="Delayed Delivery",
        version="2.0",
        test="tests/xmpp/test_delay.py",
        features=(DELAY,),
        account_features=(DELAY,),
    )
)
