"""What clients keep with private XML storage: items of a private node (XEP-0049).

One item holds all elements of one name, inside of the ``query`` they came in.
The caller holds the person's book.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.node_config import PRIVATE
from clarion.wire.xmpp.pubsub import Publish, self_contained
from clarion.wire.xmpp.pubsub_reading import NAME_LIMIT_BYTES
from clarion.xmpp import publishing
from clarion.xmpp.node_book import NodeBook

NODE: Final = "jabber:iq:private"
QUERY: Final = f"{{{NODE}}}query"
NAMES_LIMIT: Final = 500
"""LIMIT: names of elements that one person keeps; each of some size, see ``ITEM_LIMIT_BYTES``."""


def asked(query: Element) -> list[Element]:
    """Return the elements of a request.

    Raises:
        StanzaError: There is none, or one has no namespace of its own (section 2.1).

    """
    for one in query:
        namespace = one.tag[1:].rpartition("}")[0] if one.tag.startswith("{") else ""
        if namespace in {"", NODE}:
            raise StanzaError(
                StanzaCondition.NOT_ACCEPTABLE, "what is kept must have a namespace of its own"
            )
        if len(one.tag.encode()) > NAME_LIMIT_BYTES:
            raise StanzaError(
                StanzaCondition.NOT_ACCEPTABLE,
                f"namespace and name have {NAME_LIMIT_BYTES} bytes at most",
            )
    if not len(query):
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "the request must hold an element")
    return list(query)


async def kept(book: NodeBook, tag: str) -> list[Element]:
    """Return the elements of this name.

    Raises:
        UnavailableError: The store cannot answer.

    """
    node = book.get(NODE)
    item = None if node is None else await book.item(node, tag)
    if item is None:
        return []
    try:
        query = parse(item.payload)
    except PeerError:
        return []
    return query.findall(tag) if query.tag == QUERY else []


async def keep(book: NodeBook, elements: list[Element], publisher: str, now: float) -> None:
    """Keep elements, in place of those of the same names.

    Raises:
        StanzaError: They are too large, or too many; those before it are kept.
        UnavailableError: The store cannot keep them; those before are kept.

    """
    by_name: dict[str, Element] = {}
    for one in elements:
        by_name.setdefault(one.tag, Element(QUERY)).append(one)
    node = book.get(NODE)
    known = set() if node is None else set(node.items)
    if len(known | by_name.keys()) > NAMES_LIMIT:
        raise StanzaError(
            StanzaCondition.RESOURCE_CONSTRAINT,
            f"elements of {NAMES_LIMIT} names are kept at most",
        )
    for tag, query in by_name.items():
        request = Publish(NODE, has_item=True, item_id=tag, payload=self_contained(query))
        await publishing.publish_as(book, PRIVATE, request, publisher, now)
