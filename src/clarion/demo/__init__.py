"""The demonstration: a server of its own, three people with a foreign XMPP client, the ledger.

``main`` is what ``clarion demo`` runs. The people are slixmpp in processes of
their own (``person.py``); what they report is what their clients saw.
"""

from clarion.demo.show import main

__all__ = ["main"]
