"""The payloads of messages by which the server decides what to do: each name is written here once.

What the server itself adds to what it delivers is in ``stamps.py``.
"""

from typing import Final

from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stamps import DELAY, MARKERS

THREAD: Final = f"{{{CLIENT}}}thread"
"""Which conversation a message belongs to (RFC 6121 section 5.2.5)."""

CHAT_STATES: Final = "http://jabber.org/protocol/chatstates"
"""The namespace of chat state notifications (XEP-0085 section 11.1)."""
STATES: Final = frozenset(
    f"{{{CHAT_STATES}}}{state}" for state in ("active", "composing", "paused", "inactive", "gone")
)
"""What somebody does in a chat just now (XEP-0085 section 2)."""

HINTS_NS: Final = "urn:xmpp:hints"
"""The namespace of message processing hints (XEP-0334 section 8)."""
NO_PERMANENT_STORE: Final = f"{{{HINTS_NS}}}no-permanent-store"
"""Is to be in no archive, but may wait for its recipient (XEP-0334 section 4.1)."""
NO_STORE: Final = f"{{{HINTS_NS}}}no-store"
"""Is to be kept nowhere, not even to wait (XEP-0334 section 4.2)."""
NO_COPY: Final = f"{{{HINTS_NS}}}no-copy"
"""Is only for the client that it is addressed to (XEP-0334 section 4.3)."""
STORE: Final = f"{{{HINTS_NS}}}store"
"""Is to be kept although it looks fleeting (XEP-0334 section 4.4)."""
HINTS: Final = frozenset({NO_PERMANENT_STORE, NO_STORE, NO_COPY, STORE})
"""All hints (XEP-0334 section 4)."""

CARBONS: Final = "urn:xmpp:carbons:2"
"""The namespace of message carbons (XEP-0280 section 13.1)."""
PRIVATE: Final = f"{{{CARBONS}}}private"
"""The sender wants no copies of this one (XEP-0280 section 9)."""
FORWARD: Final = "urn:xmpp:forward:0"
"""The namespace of a stanza inside another, as in a copy (XEP-0297 section 6.1)."""

RECEIPTS: Final = "urn:xmpp:receipts"
"""The namespace of delivery receipts (XEP-0184 section 10.1)."""
RECEIPT_REQUEST: Final = f"{{{RECEIPTS}}}request"
"""Asks for a receipt (XEP-0184 section 7)."""
RECEIPT: Final = f"{{{RECEIPTS}}}received"
"""Says that a client has a message (XEP-0184 section 7)."""

MARKER_REQUEST: Final = f"{{{MARKERS}}}markable"
"""Asks for a displayed marker (XEP-0333 section 4.1)."""
MARKER: Final = f"{{{MARKERS}}}displayed"
"""Says that somebody has read up to a message (XEP-0333 section 4.2)."""
OLD_MARKERS: Final = frozenset({f"{{{MARKERS}}}received", f"{{{MARKERS}}}acknowledged"})
"""COMPAT(Conversations, 2.x): what XEP-0333 had besides before 0.4."""

CORRECTION: Final = "{urn:xmpp:message-correct:0}replace"
"""Stands for the message before (XEP-0308 section 3)."""
RETRACTION: Final = "urn:xmpp:message-retract:1"
"""The namespace of message retraction (XEP-0424 section 8.1)."""
RETRACT: Final = f"{{{RETRACTION}}}retract"
"""Takes a message back (XEP-0424 section 3)."""
REACTIONS_NS: Final = "urn:xmpp:reactions:0"
"""The namespace of message reactions (XEP-0444 section 6.1)."""
REACTIONS: Final = f"{{{REACTIONS_NS}}}reactions"
"""All reactions of one person to a message (XEP-0444 section 3.1)."""
REPLY: Final = "{urn:xmpp:reply:0}reply"
"""Names the message that this one answers (XEP-0461 section 3)."""
FALLBACK: Final = "{urn:xmpp:fallback:0}fallback"
"""The body is for those who do not know what is in it besides (XEP-0428 section 2.2)."""

DELAYED: Final = f"{{{DELAY}}}delay"
"""When the message was first sent (XEP-0203 section 2)."""

ROOM_INVITATION: Final = "{jabber:x:conference}x"
"""A direct invitation to a room (XEP-0249 section 2)."""
MUC_USER: Final = "{http://jabber.org/protocol/muc#user}x"
"""What a room tells of a person, or asks for one (XEP-0045 section 7.8.2)."""
MUC_INVITE: Final = "{http://jabber.org/protocol/muc#user}invite"
"""Inside of ``MUC_USER``: an invitation that the room passes on (XEP-0045 section 7.8.2)."""
