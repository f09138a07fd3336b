"""The session request of old clients, which asks for nothing (RFC 3921 section 3).

COMPAT(clients of RFC 3921): RFC 6121 did away with it; ``wire/xmpp/stream.py``
offers it as optional so that old clients go on.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

NS: Final = "urn:ietf:params:xml:ns:xmpp-session"

session_compat = Extension(
    Card(
        name="session_compat",
        spec="RFC 3921, section 3",
        title="Session establishment, for old clients",
        test="tests/xmpp/test_session_compat.py",
    )
)


@session_compat.on_iq("set", f"{{{NS}}}session", at=("server", "account"))
def establish(context: Context, stanza: Stanza, payload: Element) -> None:
    """Say yes; the session is there since binding."""
