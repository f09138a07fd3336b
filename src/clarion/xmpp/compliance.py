"""What the XMPP Compliance Suites ask of an Advanced Server (XEP-0479 0.1.0, sections 2.1 to 2.5).

``docs/protocols.md`` lists what of it has no card under "Not built", so that
the reader sees what is not there too. Rows that say N/A for servers are left out.
"""

from typing import Final

ADVANCED: Final = (
    (
        "Core",
        (
            ("RFC 6120", "XMPP: Core"),
            ("RFC 7590", "Use of TLS in XMPP"),
            ("XEP-0368", "SRV records for XMPP over TLS"),
            ("XEP-0030", "Service Discovery"),
            ("XEP-0115", "Entity Capabilities"),
            ("XEP-0114", "Jabber Component Protocol"),
            ("XEP-0163", "Personal Eventing Protocol"),
        ),
    ),
    (
        "Web",
        (
            ("RFC 7395", "An XMPP Subprotocol for WebSocket"),
            ("XEP-0206", "XMPP Over BOSH"),
            ("XEP-0124", "Bidirectional-streams Over Synchronous HTTP (BOSH)"),
        ),
    ),
    (
        "IM",
        (
            ("RFC 6121", "XMPP: Instant Messaging and Presence"),
            ("XEP-0398", "User Avatar to vCard-Based Avatars Conversion"),
            ("XEP-0153", "vCard-Based Avatars"),
            ("XEP-0054", "vcard-temp"),
            ("XEP-0280", "Message Carbons"),
            ("XEP-0191", "Blocking Command"),
            ("XEP-0045", "Multi-User Chat"),
            ("XEP-0249", "Direct MUC Invitations"),
            ("XEP-0048", "Bookmarks"),
            ("XEP-0402", "PEP Native Bookmarks"),
            ("XEP-0410", "MUC Self-Ping (Schrödinger's Chat)"),
            ("XEP-0223", "Persistent Storage of Private Data via PubSub"),
            ("XEP-0049", "Private XML Storage"),
            ("XEP-0198", "Stream Management"),
            ("XEP-0313", "Message Archive Management"),
            ("XEP-0363", "HTTP File Upload"),
        ),
    ),
    (
        "Mobile",
        (
            ("XEP-0198", "Stream Management"),
            ("XEP-0352", "Client State Indication"),
            ("XEP-0357", "Push Notifications"),
        ),
    ),
    ("A/V", (("XEP-0215", "External Service Discovery"),)),
)
"""Category, and its specifications with their titles."""
