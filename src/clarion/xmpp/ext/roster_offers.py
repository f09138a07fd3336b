"""Roster item exchange: contacts that the server offers (XEP-0144 1.1.1).

The server is a group service (section 7.3): an administrator lets it offer
contacts with ``clarion person offer``. What people send each other goes on as
it is. How an offer is made is in ``xmpp/offers.py``.
"""

from clarion.wire.xmpp.caps import Identity
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.offers import NS

roster_offers = Extension(
    Card(
        name="roster_offers",
        spec="XEP-0144",
        title="Roster Item Exchange",
        version="1.1.1",
        test="tests/xmpp/test_offers.py",
        features=(NS,),
        identities=(Identity("directory", "group", "Organisation"),),
    )
)
