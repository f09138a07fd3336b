"""Displayed markers: somebody has read up to here (XEP-0333 1.0).

``routing.py`` asks for them (``<markable/>``) where ``[ledger] ask`` says so,
and sends them on; here they become marks in the ledger.
"""

from collections.abc import Awaitable

from clarion.core.ledger import Act
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.payloads import MARKER as DISPLAYED
from clarion.wire.xmpp.stamps import MARKERS
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.marks import move_mark

chat_markers = Extension(
    Card(
        name="chat_markers",
        spec="XEP-0333",
        title="Displayed Markers",
        version="1.0.0",
        status="partial",
        missing="section 4.3, group chats: there are no rooms yet",
        test="tests/xmpp/test_chat_markers.py",
        account_features=(MARKERS,),
        needs=("stanza_ids",),
    )
)


@chat_markers.on_message(DISPLAYED)
def displayed(context: Context, stanza: Stanza) -> Awaitable[None] | None:
    """Move this reader's mark forward.

    A marker stands for its message *and all before it* in the chat, and only
    ever moves forward; one that points back, or at a message its sender was
    never sent, moves nothing, without a word (sections 1 and 5).

    Raises:
        StanzaError: The marker names no message.

    """
    message_id = stanza.child_attribute(DISPLAYED, "id")
    if not message_id and stanza.attributes.get("type") != "error":
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a displayed marker must name a message")
    return move_mark(context, stanza, message_id, Act.MARKED)
