"""What has happened at the XMPP door since it opened: plain numbers that metrics read.

Whoever handles a stanza adds to an integer, and nothing else; what metrics
make of it is worked out when they are asked for (``xmpp/figures.py``).
"""

from collections import Counter


class Tally:
    """Counts; each only grows.

    Attributes:
        stanzas_in: Taken from sessions.
        stanzas_out: Sent by sessions that have ended; add those of the living.
        deliveries: Archived messages handed to sessions that have ended; likewise.
        refusals: Stanza errors that clients were sent, by condition.
        cut: Connections cut as soon as they were made, by the limit that they were over.
        sessions: Sessions begun (``bound``) and taken up again (``resumed``).

    """

    __slots__ = ("cut", "deliveries", "refusals", "sessions", "stanzas_in", "stanzas_out")

    def __init__(self) -> None:
        self.stanzas_in = 0
        self.stanzas_out = 0
        self.deliveries = 0
        self.refusals: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self.sessions: Counter[str] = Counter()
