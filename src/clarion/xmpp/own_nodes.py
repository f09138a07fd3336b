"""What the server itself does when certain nodes of a person change.

Everything happens under the owner's book, which the caller holds: what is
answered was done whole.
"""

from clarion.wire.xmpp.pubsub import Publish
from clarion.xmpp.context import Context
from clarion.xmpp.node_book import NodeBook


def prepared(context: Context, book: NodeBook, request: Publish) -> Publish:
    """Look at what is about to be published; returns it, perhaps with the id that it must have.

    Raises:
        StanzaError: It cannot stand in that node.

    """
    return request


async def changed(context: Context, book: NodeBook, name: str) -> None:
    """Carry on what a change of a node brings with it.

    Raises:
        UnavailableError: The store cannot keep it.

    """
