"""Standards that are built into the door itself: cards without handlers, for docs/protocols.md.

``name`` is the file that does most of the work, from ``src/clarion`` on.
"""

from typing import Final

from clarion.xmpp.extension import Card

_NO_SERVERS: Final = "server to server"

STANDARDS: Final = (
    Card(
        name="wire/xmpp/stream",
        spec="RFC 6120",
        title="XMPP: Core",
        status="partial",
        missing=_NO_SERVERS,
        test="tests/wire/xmpp/test_stream.py",
    ),
    Card(
        name="xmpp/routing",
        spec="RFC 6121, sections 5, 6 and 8",
        title="XMPP: Instant Messaging: messages and how stanzas are routed",
        status="partial",
        missing=f"{_NO_SERVERS} (section 8.3)",
        test="tests/xmpp/test_routing.py",
    ),
    Card(
        name="lib/tls",
        spec="RFC 7590",
        title="Use of TLS in XMPP",
        status="partial",
        missing=_NO_SERVERS,
        test="tests/lib/test_tls.py",
    ),
    Card(
        name="wire/xmpp/jid",
        spec="RFC 7622",
        title="XMPP: Address Format",
        test="tests/wire/xmpp/test_jid.py",
    ),
    Card(
        name="wire/sasl/plain",
        spec="RFC 4616",
        title="The PLAIN SASL Mechanism",
        test="tests/wire/sasl/test_plain.py",
    ),
    Card(
        name="wire/sasl/scram",
        spec="RFC 5802",
        title="SCRAM-SHA-1 and SCRAM-SHA-1-PLUS",
        test="tests/wire/sasl/test_scram.py",
    ),
    Card(
        name="wire/sasl/scram",
        spec="RFC 7677",
        title="SCRAM-SHA-256 and SCRAM-SHA-256-PLUS",
        test="tests/wire/sasl/test_scram.py",
    ),
    Card(
        name="lib/tls",
        spec="RFC 5929",
        title="Channel Bindings for TLS",
        status="partial",
        missing="tls-unique-for-telnet; tls-unique is there with TLS 1.2 only, "
        "as TLS 1.3 does not define it",
        test="tests/lib/test_tls.py",
    ),
    Card(
        name="wire/xmpp/forms",
        spec="XEP-0004",
        title="Data Forms",
        version="2.13.2",
        test="tests/wire/xmpp/test_forms.py",
    ),
    Card(
        name="wire/xmpp/result_set",
        spec="XEP-0059",
        title="Result Set Management",
        version="1.0",
        status="partial",
        missing="pages by index (section 2.6); the count is given where it is asked for with max "
        "0 (section 2.7), and with a page that holds everything; the index with a page that "
        "begins at the first item",
        test="tests/wire/xmpp/test_result_set.py",
    ),
    Card(
        name="wire/xmpp/forms",
        spec="XEP-0068",
        title="Field Standardization for Data Forms",
        version="1.3.0",
        test="tests/wire/xmpp/test_forms.py",
    ),
    Card(
        name="wire/xmpp/stamps",
        spec="XEP-0082",
        title="XMPP Date and Time Profiles",
        version="1.1.1",
        status="partial",
        missing="the profiles Date (section 3.1) and Time (section 3.3), which nothing here uses",
        test="tests/wire/xmpp/test_stamps.py",
    ),
    Card(
        name="xmpp/ext/pep",
        spec="XEP-0060",
        title="Publish-Subscribe",
        version="1.30.0",
        status="partial",
        missing="all but the nodes of people's own accounts (XEP-0163); subscriptions (6.1 to 6.4) "
        "and their management (8.6 to 8.8), affiliations but the owner's (8.9.2), the access "
        "model authorize, items that expire, notice of new configurations (8.2.5)",
        test="tests/xmpp/test_publishing.py",
    ),
    Card(
        name="xmpp/ext/pep",
        spec="XEP-0223",
        title="Persistent Storage of Private Data via PubSub",
        version="1.1.1",
        test="tests/xmpp/test_pep.py",
    ),
    Card(
        name="xmpp/ext/disco",
        spec="XEP-0128",
        title="Service Discovery Extensions",
        version="1.0.1",
        test="tests/xmpp/test_contact.py",
    ),
    Card(
        name="xmpp/commands/persons",
        spec="XEP-0133",
        title="Service Administration",
        version="1.3.1",
        status="partial",
        missing="the roster of a user (a roster is its owner's alone), black and white lists, "
        "message of the day, welcome message, restart and shut-down; of the statistics only "
        "contacts and sessions; the last log-in is the last time that somebody was here",
        test="tests/xmpp/test_commands.py",
    ),
    Card(
        name="xmpp/contact",
        spec="XEP-0157",
        title="Contact Addresses for XMPP Services",
        version="1.1.1",
        test="tests/xmpp/test_contact.py",
    ),
    Card(
        name="xmpp/ext/archive",
        spec="XEP-0297",
        title="Stanza Forwarding",
        version="1.0",
        test="tests/xmpp/test_archive.py",
    ),
    Card(
        name="lib/tls",
        spec="XEP-0368",
        title="SRV records for XMPP over TLS",
        version="1.1.0",
        status="partial",
        missing=f"{_NO_SERVERS} (xmpps-server)",
        test="tests/lib/test_tls.py",
    ),
    Card(
        name="xmpp/welcome",
        spec="XEP-0386",
        title="Bind 2",
        version="1.1.0",
        test="tests/house/test_log_in_2.py",
    ),
    Card(
        name="wire/xmpp/sasl2",
        spec="XEP-0388",
        title="Extensible SASL Profile",
        version="1.0.4",
        status="partial",
        missing="tasks (section 2.6.3): a log-in here needs none; white space between the elements "
        "of an exchange is not refused (section 2.4)",
        test="tests/house/test_log_in_2.py",
    ),
    Card(
        name="wire/xmpp/stream_header",
        spec="XEP-0440",
        title="SASL Channel-Binding Type Capability",
        version="1.0.0",
        test="tests/wire/xmpp/test_stream_login.py",
    ),
    Card(
        name="wire/sasl/scram",
        spec="XEP-0474",
        title="SASL SCRAM Downgrade Protection",
        version="0.5.0",
        test="tests/wire/sasl/test_scram.py",
    ),
    Card(
        name="wire/xmpp/stream_header",
        spec="XEP-0478",
        title="Stream Limits Advertisement",
        version="0.2.0",
        status="partial",
        missing=f"the limits of other servers: {_NO_SERVERS} (sections 3.2 and 4)",
        test="tests/wire/xmpp/test_stream_limits.py",
    ),
    Card(
        name="core/tokens",
        spec="XEP-0484",
        title="Fast Authentication Streamlining Tokens",
        version="0.2.0",
        test="tests/house/test_log_in_2.py",
    ),
)
