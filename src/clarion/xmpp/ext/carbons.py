"""XEP-0280 Message Carbons: every client sees both sides of all conversations.

Here clients turn copies on and off. Which messages are copied is in
``copies.py``, to whom in ``copiers.py``; ``routing.py`` copies what is sent and
``person.py`` what is received.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.payloads import CARBONS as NS
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.routing import local_person, recipient_of

RULES: Final = "urn:xmpp:carbons:rules:0"
ENABLE: Final = f"{{{NS}}}enable"
DISABLE: Final = f"{{{NS}}}disable"

carbons = Extension(
    Card(
        name="carbons",
        spec="XEP-0280",
        title="Message Carbons",
        version="1.0.1",
        features=(NS, RULES),
        needs=("stanza_ids", "hints"),
        test="tests/xmpp/test_carbons.py",
    )
)


@carbons.on_iq("set", ENABLE, at=("account",))
def enable(context: Context, stanza: Stanza, payload: Element) -> None:
    """Send copies to this session from now on; twice is no error (sections 4 and 10.1)."""
    context.session.carbons = True
    context.entity.refresh_copiers()


@carbons.on_bind(ENABLE)
def bind(context: Context, element: Stanza) -> bytes:
    """Send copies from the start (XEP-0386 section 3.2); no answer is needed."""
    context.session.carbons = True
    context.entity.refresh_copiers()
    return b""


@carbons.on_iq("set", DISABLE, at=("account",))
def disable(context: Context, stanza: Stanza, payload: Element) -> None:
    """Send no more copies to this session; twice is no error (sections 5 and 10.1)."""
    context.session.carbons = False
    context.entity.refresh_copiers()


@carbons.on_iq("set", ENABLE, at=("contact",))
@carbons.on_iq("set", DISABLE, at=("contact",))
def elsewhere(context: Context, stanza: Stanza, payload: Element) -> None:
    """Refuse: copies are for one's own clients (sections 4.1 and 5.1)."""
    local_person(context, recipient_of(context, stanza))
    raise StanzaError(StanzaCondition.NOT_ALLOWED, "copies are for one's own clients only")


@carbons.on_closed
def closed(context: Context) -> None:
    """Forget a session that is over."""
    if context.session.carbons:
        context.entity.refresh_copiers()
