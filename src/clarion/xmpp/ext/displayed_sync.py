"""Message displayed synchronisation with the server's help (XEP-0490 1.0.1).

Without that help it is a node like any other (``pep.py``).
"""

from typing import Final

from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.node_config import PRIVATE
from clarion.wire.xmpp.pubsub import Publish, self_contained
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp import displayed, publishing
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.pep_notices import tell_published

ASSIST: Final = "urn:xmpp:mds:server-assist:0"

displayed_sync = Extension(
    Card(
        name="displayed_sync",
        spec="XEP-0490",
        title="Message Displayed Synchronization",
        version="1.0.1",
        account_features=(ASSIST,),
        needs=("pep", "stanza_ids"),
        test="tests/xmpp/test_displayed_sync.py",
    )
)


@displayed_sync.on_message(displayed.DISPLAYED)
async def assist(context: Context, stanza: Stanza) -> None:
    """Publish what was displayed, and count it for the sender (section 4.6).

    The element itself goes no further: ``routing.py`` cuts it. A client that
    does not want the sender to know publishes the item by itself (section 7).

    Raises:
        StanzaError: It cannot be published.
        UnavailableError: The store cannot keep it.

    """
    services = context.services
    element = parse(stanza.raw, CLIENT).find(displayed.DISPLAYED)
    if element is None or stanza.attributes.get("type") == "error":
        return
    chat = stanza.attributes.get("to") or context.account
    request = Publish(displayed.NODE, has_item=True, item_id=chat, payload=self_contained(element))
    async with services.nodes.change(context.person) as book:
        published = await publishing.publish_as(
            book, PRIVATE, request, context.session.full, services.clock.wall()
        )
        await tell_published(context, published)
    await displayed.count(context, chat, element)
