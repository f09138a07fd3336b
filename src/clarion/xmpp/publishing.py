"""What may be done with a person's pubsub nodes (XEP-0060 sections 7 and 8, XEP-0163 section 3).

The caller holds the owner's book (``Nodes.change``) from before a step until
everybody was told of it, so that changes and what is told of them have one order.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from clarion.core.pubsub import NodeItem, NodeRecord
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.node_config import NodeConfig, preconditions_met, read_config, refusal
from clarion.wire.xmpp.pubsub import Publish
from clarion.xmpp.node_book import Node, NodeBook

ITEM_LIMIT_BYTES: Final = 192 * 1024
"""LIMIT: one item's payload; below the largest stanza, since it goes out in one."""
DEFAULT: Final = NodeConfig()
"""How a node is set up of which nobody says anything."""


@dataclass(frozen=True, slots=True)
class Published:
    """What came of publishing.

    Attributes:
        node: The node.
        item: The item; ``None``: the publisher gave none.
        retracted: Items that made room.

    """

    node: Node
    item: NodeItem | None
    retracted: tuple[str, ...] = ()

    @property
    def config(self) -> NodeConfig:
        """How the node is set up."""
        return self.node.config


async def publish(
    book: NodeBook,
    request: Publish,
    item_id: str,
    publisher: str,
    now: float,
    config: NodeConfig = DEFAULT,
) -> Published:
    """Publish an item; a node that is not there is made (XEP-0060 7.1, XEP-0163 3).

    Args:
        book: The publisher's own.
        request: What is published.
        item_id: Its name, or one for it where the publisher left that to us.
        publisher: The full JID.
        now: UNIX seconds, UTC.
        config: How a new node is set up where the options say nothing.

    Raises:
        StanzaError: It cannot be.
        UnavailableError: The store cannot keep it; nothing has changed.

    """
    node, made = book.get(request.node), None
    if node is None:
        if request.options is not None:
            config = read_config(request.options, config, strict=True)
        record = made = book.new(request.node, config, now)
    else:
        if request.options is not None and not preconditions_met(request.options, node.config):
            raise refusal(
                StanzaCondition.CONFLICT,
                "precondition-not-met",
                "the node is set up otherwise than the publish options say",
            )
        record = node.record
    _check_payload(request, record.config)
    item = None
    if request.has_item:
        item = NodeItem(item_id, book.next_number(), request.payload, publisher, now)
    return await _put(book, record, made, item)


async def publish_as(
    book: NodeBook, config: NodeConfig, request: Publish, publisher: str, now: float
) -> Published:
    """Publish an item of the server's own making, in a node that must be set up like this.

    A node that others could see, or that keeps nothing, is set up anew first.

    Raises:
        StanzaError: It cannot be.
        UnavailableError: The store cannot keep it; nothing has changed.

    """
    node, made = book.get(request.node), None
    if node is None:
        record = made = book.new(request.node, config, now)
    elif node.config.access is not config.access or not node.config.persist:
        record = made = replace(node.record, config=config)
    else:
        record = node.record
    item = NodeItem(request.item_id, book.next_number(), request.payload, publisher, now)
    return await _put(book, record, made, item)


async def _put(
    book: NodeBook, record: NodeRecord, made: NodeRecord | None, item: NodeItem | None
) -> Published:
    config = record.config
    if item is not None and len(item.payload) > ITEM_LIMIT_BYTES:
        raise refusal(
            StanzaCondition.NOT_ACCEPTABLE,
            "payload-too-big",
            f"an item holds {ITEM_LIMIT_BYTES} bytes at most",
        )
    if item is None or not config.persist:
        if made is not None:
            await book.put_node(made)
        return Published(book.require(record.name), item)
    node = book.get(record.name)
    known: Collection[str] = () if node is None else node.items
    over = len(known) + (item.id not in known) - config.capacity
    older = (other for other in known if other != item.id)
    dropped = tuple(islice(older, max(0, over)))
    await book.put_item(record.name, item, dropped, made)
    return Published(book.require(record.name), item, dropped)


async def retract(book: NodeBook, name: str, item_id: str) -> Node:
    """Take an item back (7.2); returns its node.

    Raises:
        StanzaError: There is no such node or item, or the node keeps none.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    node = book.require(name)
    check_persistent(node)
    if item_id not in node.items:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such item")
    await book.drop(node, (item_id,))
    return node


async def create(
    book: NodeBook, name: str, form: Form | None, now: float, config: NodeConfig = DEFAULT
) -> None:
    """Make a node (8.1); ``config`` holds where the form says nothing.

    Raises:
        StanzaError: It is there, or cannot be set up like this, or is one too many.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    if book.get(name) is not None:
        raise StanzaError(StanzaCondition.CONFLICT, "there is such a node already")
    if form is not None:
        config = read_config(form, config)
    await book.put_node(book.new(name, config, now))


async def configure(book: NodeBook, name: str, form: Form) -> tuple[Node, tuple[str, ...]]:
    """Set a node up anew (8.2.4).

    Returns:
        The node, and the items for which there is no more room.

    Raises:
        StanzaError: There is no such node, or it cannot be set up like this.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    node = book.require(name)
    config = read_config(form, node.config)
    over = max(0, len(node.items) - config.capacity)
    dropped = tuple(node.items)[:over]
    await book.put_node(replace(node.record, config=config), dropped)
    return node, dropped


async def delete(book: NodeBook, name: str) -> Node:
    """Remove a node (8.4); returns what it was.

    Raises:
        StanzaError: There is no such node.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    node = book.require(name)
    await book.delete(node)
    return node


async def purge(book: NodeBook, name: str) -> Node:
    """Remove all items of a node (8.5); returns the node.

    Raises:
        StanzaError: There is no such node, or it keeps no items.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    node = book.require(name)
    check_persistent(node)
    await book.clear(node)
    return node


def _check_payload(request: Publish, config: NodeConfig) -> None:
    """Apply section 7.1.3.6: what the node is for decides what may be published."""
    if not request.has_item and config.persist:
        raise refusal(StanzaCondition.BAD_REQUEST, "item-required", "this node keeps items")
    if not request.payload and config.payloads:
        raise refusal(
            StanzaCondition.BAD_REQUEST, "payload-required", "an item must hold something"
        )
    if request.has_item and not config.persist and not config.payloads:
        raise refusal(StanzaCondition.BAD_REQUEST, "item-forbidden", "this node has no items")


def check_persistent(node: Node) -> None:
    """Make sure that a node keeps items (6.5.9.4, 7.2.3.5, 8.5.3.3).

    Raises:
        StanzaError: It does not.

    """
    if not node.config.persist:
        raise refusal(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
            "unsupported",
            "this node keeps no items",
            feature="persistent-items",
        )
