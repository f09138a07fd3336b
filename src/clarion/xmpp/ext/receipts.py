"""Delivery receipts: the recipient's client says that it has a message (XEP-0184 1.4).

The server makes no receipts and asks for none; it writes those that pass into
the ledger, and ``routing.py`` sends them on to the sender.
"""

from collections.abc import Awaitable

from clarion.core.ledger import Act
from clarion.wire.xmpp.payloads import RECEIPT as RECEIVED
from clarion.wire.xmpp.payloads import RECEIPTS as NS
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.marks import move_mark

receipts = Extension(
    Card(
        name="receipts",
        spec="XEP-0184",
        title="Message Delivery Receipts",
        version="1.4.0",
        test="tests/xmpp/test_receipts.py",
        account_features=(NS,),
        needs=("stanza_ids",),
    )
)


@receipts.on_message(RECEIVED)
def received(context: Context, stanza: Stanza) -> Awaitable[None] | None:
    """Note that this reader's client has the message.

    A receipt that names no message, as old clients send it, only passes.
    """
    return move_mark(context, stanza, stanza.child_attribute(RECEIVED, "id"), Act.DELIVERED)
