"""The port that keeps people's pubsub nodes (XEP-0060, XEP-0163), and what it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from clarion.core.model import PersonNumber
from clarion.wire.xmpp.node_config import NodeConfig
from clarion.wire.xmpp.node_parties import Party


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One node of one person.

    Attributes:
        name: Unique among the nodes of its owner.
        config: How it is set up.
        created: UNIX seconds, UTC.

    """

    name: str
    config: NodeConfig
    created: float


@dataclass(frozen=True, slots=True)
class NodeItem:
    """One item of one node.

    Attributes:
        id: Unique in its node.
        number: Orders the items of a person by when they were last published.
        payload: One self-contained element, or ``b""``.
        publisher: The full JID that published it.
        at: When, UNIX seconds, UTC.

    """

    id: str
    number: int
    payload: bytes
    publisher: str
    at: float


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """Where an item stands, without what it holds.

    Attributes:
        id: Unique in its node.
        number: As ``NodeItem.number``.
        payload_bytes: Size of its payload.

    """

    id: str
    number: int
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class StoredNode:
    """A node, the places of its items, oldest first, and its parties, by JID."""

    node: NodeRecord
    items: Sequence[ItemPlace] = field(default=())
    parties: Sequence[Party] = field(default=())


class PubsubStore(Protocol):
    """Keeps nodes; every change is one transaction, and ``UnavailableError`` means none of it."""

    async def load(self, owner: PersonNumber) -> Sequence[StoredNode]:
        """Return all nodes of a person."""
        ...

    async def put_node(
        self, owner: PersonNumber, node: NodeRecord, dropped: Sequence[str] = ()
    ) -> None:
        """Add a node or set it up anew, and remove these items of it."""
        ...

    async def delete_node(self, owner: PersonNumber, node: str) -> None:
        """Remove a node, its items and its parties."""
        ...

    async def change_parties(
        self, owner: PersonNumber, node: str, put: Sequence[Party], dropped: Sequence[Party]
    ) -> None:
        """Remove parties of a node, and add others; who is there already stays."""
        ...

    async def put_item(
        self,
        owner: PersonNumber,
        node: str,
        item: NodeItem,
        dropped: Sequence[str] = (),
        made: NodeRecord | None = None,
    ) -> None:
        """Add or replace an item.

        Args:
            owner: Whose.
            node: Its name.
            item: The item.
            dropped: Items of the node that make room for it.
            made: The node, where it is new or is set up anew by the same step.

        """
        ...

    async def drop_items(self, owner: PersonNumber, node: str, dropped: Sequence[str]) -> None:
        """Remove items of a node."""
        ...

    async def clear(self, owner: PersonNumber, node: str) -> None:
        """Remove all items of a node."""
        ...

    async def item(self, owner: PersonNumber, node: str, item: str) -> NodeItem | None:
        """Return one item."""
        ...

    async def items(
        self, owner: PersonNumber, node: str, first: int, last: int
    ) -> Sequence[NodeItem]:
        """Return the items whose numbers are from ``first`` to ``last``, oldest first."""
        ...

    async def shown(self) -> Sequence[tuple[str, str]]:
        """Return owner's address and name of every node that not only its owner may see."""
        ...

    async def newest(self, node: str) -> Sequence[tuple[str, NodeConfig, bytes]]:
        """Return owner's address, configuration and newest payload of all nodes of this name."""
        ...

    async def ids(self, node: str) -> Sequence[tuple[str, str]]:
        """Return owner's address and id of every item in all nodes of this name."""
        ...

    async def tell_once(self, owner: PersonNumber, what: str) -> bool:
        """Note that a person was told of ``what``; ``False``: that was so already."""
        ...
