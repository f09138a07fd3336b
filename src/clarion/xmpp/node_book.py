"""One person's pubsub nodes in memory, changed only after the commit (XEP-0060, XEP-0163).

A book knows the nodes and the places of their items; what items hold stays in
the store. What may be done with nodes is in ``publishing.py``.
"""

from asyncio import Lock
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from clarion.core.model import Person, PersonNumber
from clarion.core.pubsub import ItemPlace, NodeItem, NodeRecord, PubsubStore, StoredNode
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.node_config import AccessModel, NodeConfig, refusal
from clarion.wire.xmpp.node_parties import Party, PartyKind

NODES_LIMIT: Final = 500
"""LIMIT: nodes of one person; OMEMO's first version takes one for each device ever used."""
PERSON_LIMIT_BYTES: Final = 8 * 1024 * 1024
"""LIMIT: all items of one person, with what keeping each one takes."""
ITEM_COST_BYTES: Final = 256
"""What an item counts besides its payload and its name: the place of both."""
LAST_KEPT_BYTES: Final = 4_096
"""LIMIT: payload of a node's last item that stays in memory for those who come on line."""
PARTIES_LIMIT: Final = 1_000
"""LIMIT: subscriptions to one node, and as many members and outcasts of it."""


class Node:
    """One node in memory.

    Attributes:
        record: Its name and how it is set up.
        items: Where they stand, oldest first.
        affiliations: Who is member or outcast, by bare JID (XEP-0060 section 4.1).
        subscribers: JIDs, some with a resource, in the order of their text at first.
        last: The newest item, where it is small and somebody has asked for it.

    """

    __slots__ = ("affiliations", "items", "last", "record", "subscribers")

    def __init__(self, stored: StoredNode) -> None:
        self.record = stored.node
        self.items = {place.id: place for place in stored.items}
        self.affiliations: dict[str, PartyKind] = {}
        self.subscribers: dict[str, None] = {}
        self.last: NodeItem | None = None
        for party in stored.parties:
            self.took(party)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.record.name

    @property
    def shown(self) -> bool:
        """Whether anybody but its owner may see it."""
        return (
            self.config.access is not AccessModel.WHITELIST
            or PartyKind.MEMBER in self.affiliations.values()
        )

    def took(self, party: Party) -> None:
        """Somebody is something to it from now on."""
        if party.kind is PartyKind.SUBSCRIBER:
            self.subscribers[party.jid] = None
        else:
            self.affiliations[party.jid] = party.kind

    def lost(self, party: Party) -> None:
        """Somebody is that no longer."""
        if party.kind is PartyKind.SUBSCRIBER:
            self.subscribers.pop(party.jid, None)
        elif self.affiliations.get(party.jid) is party.kind:
            del self.affiliations[party.jid]

    def parties(self, address: str) -> list[Party]:
        """Return all that somebody is to it.

        Args:
            address: Bare JID.

        """
        found = [Party(jid, PartyKind.SUBSCRIBER) for jid in self.subscriptions(address)]
        if address in self.affiliations:
            found.append(Party(address, self.affiliations[address]))
        return found

    def subscriptions(self, address: str) -> list[str]:
        """Return the JIDs with which somebody is subscribed."""
        return [jid for jid in self.subscribers if jid.partition("/")[0] == address]

    @property
    def config(self) -> NodeConfig:
        """How it is set up."""
        return self.record.config


class NodeBook:
    """One person's nodes.

    Whoever changes it holds ``lock`` until all have been told, so changes and
    what is told of them have one order. ``Nodes.change`` does that.

    Attributes:
        address: The owner's bare JID.
        owner: The owner's number.
        lock: First come, first served.
        loaded: Whether the store has been read.
        size_bytes: What all items count.

    """

    __slots__ = (
        "__weakref__",
        "_nodes",
        "_number",
        "_shown",
        "_store",
        "address",
        "loaded",
        "lock",
        "owner",
        "size_bytes",
    )

    def __init__(self, person: Person, store: PubsubStore, shown: dict[str, set[str]]) -> None:
        self.address = person.address
        self.owner: PersonNumber = person.number
        self.lock = Lock()
        self.loaded = False
        self.size_bytes = 0
        self._store = store
        self._shown = shown
        self._nodes: dict[str, Node] = {}
        self._number = 0

    async def load(self) -> None:
        """Read the store, once; the caller holds ``lock``.

        Raises:
            UnavailableError: The store cannot answer; it is asked again next time.

        """
        if self.loaded:
            return
        for stored in await self._store.load(self.owner):
            node = self._nodes[stored.node.name] = Node(stored)
            for place in node.items.values():
                self.size_bytes += _cost(place)
                self._number = max(self._number, place.number)
        self.loaded = True

    def get(self, name: str) -> Node | None:
        """Return the node with this name."""
        return self._nodes.get(name)

    def require(self, name: str) -> Node:
        """Return the node with this name.

        Raises:
            StanzaError: There is none.

        """
        node = self._nodes.get(name)
        if node is None:
            raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such node")
        return node

    def nodes(self) -> Collection[Node]:
        """Return all nodes."""
        return self._nodes.values()

    # -- changes; the caller holds the lock -------------------------------------------------

    async def put_node(self, record: NodeRecord, dropped: Sequence[str] = ()) -> None:
        """Add a node, or set it up anew and remove items.

        Raises:
            UnavailableError: The store cannot do it; nothing has changed.

        """
        await self._store.put_node(self.owner, record, dropped)
        self._show(record)
        self._dropped(self.require(record.name), dropped)

    async def put_item(
        self,
        name: str,
        item: NodeItem,
        dropped: Sequence[str] = (),
        made: NodeRecord | None = None,
    ) -> None:
        """Add or replace an item; see ``PubsubStore.put_item``.

        Raises:
            StanzaError: There is no room for it.
            UnavailableError: The store cannot do it; nothing has changed.

        """
        node = self.get(name)
        self._check_room({} if node is None else node.items, item, dropped)
        await self._store.put_item(self.owner, name, item, dropped, made)
        if made is not None:
            self._show(made)
        self._took(self.require(name), item, dropped)

    async def drop(self, node: Node, dropped: Sequence[str]) -> None:
        """Remove items of a node.

        Raises:
            UnavailableError: The store cannot do it; nothing has changed.

        """
        await self._store.drop_items(self.owner, node.record.name, dropped)
        self._dropped(node, dropped)

    async def clear(self, node: Node) -> None:
        """Remove all items of a node.

        Raises:
            UnavailableError: The store cannot do it; nothing has changed.

        """
        await self._store.clear(self.owner, node.record.name)
        self._dropped(node, tuple(node.items))

    async def delete(self, node: Node) -> None:
        """Remove a node and its items.

        Raises:
            UnavailableError: The store cannot do it; nothing has changed.

        """
        name = node.record.name
        await self._store.delete_node(self.owner, name)
        self._dropped(node, tuple(node.items))
        del self._nodes[name]
        self._hide(name)

    async def change_parties(
        self, node: Node, put: Sequence[Party], dropped: Sequence[Party]
    ) -> None:
        """Change who is what to a node.

        Raises:
            StanzaError: They would be too many.
            UnavailableError: The store cannot do it; nothing has changed.

        """
        jids = {party.jid for party in put if party.kind is PartyKind.SUBSCRIBER}
        others = {party.jid for party in put if party.kind is not PartyKind.SUBSCRIBER}
        for known, new in ((node.subscribers, jids), (node.affiliations, others)):
            if new and len(known.keys() | new) > PARTIES_LIMIT:
                raise refusal(
                    StanzaCondition.POLICY_VIOLATION,
                    "too-many-subscriptions",
                    f"{PARTIES_LIMIT} are subscribed to a node at most, and as many are members"
                    " or outcasts",
                )
        await self._store.change_parties(self.owner, node.name, put, dropped)
        for party in dropped:
            node.lost(party)
        for party in put:
            node.took(party)
        self._show(node.record)

    def forget(self, address: str) -> None:
        """Forget somebody who is no more; whoever deletes empties the store."""
        for node in self._nodes.values():
            for party in node.parties(address):
                node.lost(party)

    def next_number(self) -> int:
        """Return the number of the item that is published next."""
        return self._number + 1

    # -- looking ----------------------------------------------------------------------------

    async def item(self, node: Node, item_id: str) -> NodeItem | None:
        """Return one item of a node.

        Raises:
            UnavailableError: The store cannot answer.

        """
        if item_id not in node.items:
            return None
        return await self._store.item(self.owner, node.record.name, item_id)

    async def items(self, node: Node, places: Sequence[ItemPlace]) -> Sequence[NodeItem]:
        """Return items that follow each other in a node.

        Raises:
            UnavailableError: The store cannot answer.

        """
        if not places:
            return ()
        first, last = places[0].number, places[-1].number
        return await self._store.items(self.owner, node.record.name, first, last)

    async def last(self, node: Node) -> NodeItem | None:
        """Return the item that was published last.

        Raises:
            UnavailableError: The store cannot answer.

        """
        if node.last is not None or not node.items:
            return node.last
        newest = next(reversed(node.items))
        item = await self._store.item(self.owner, node.record.name, newest)
        current = next(reversed(node.items), None)
        # Somebody may have published meanwhile.
        if item is not None and newest == current and node.items[newest].number == item.number:
            node.last = _small(item)
        return item

    # -- bookkeeping -------------------------------------------------------------------------

    def new(self, name: str, config: NodeConfig, now: float) -> NodeRecord:
        """Return a node that may be made.

        Raises:
            StanzaError: It is one too many.

        """
        if len(self._nodes) >= NODES_LIMIT:
            raise refusal(
                StanzaCondition.CONFLICT,
                "max-nodes-exceeded",
                f"you have {NODES_LIMIT} nodes; delete one first",
            )
        return NodeRecord(name, config, now)

    def _check_room(
        self, known: dict[str, ItemPlace], item: NodeItem, dropped: Iterable[str]
    ) -> None:
        size = _cost(_place(item))
        for gone in (item.id, *dropped):
            place = known.get(gone)
            if place is not None:
                size -= _cost(place)
        # What takes no more room may always be: limits were once higher.
        if size > 0 and self.size_bytes + size > PERSON_LIMIT_BYTES:
            raise StanzaError(
                StanzaCondition.RESOURCE_CONSTRAINT,
                f"your items take {PERSON_LIMIT_BYTES} bytes at most; remove some first",
            )

    def _show(self, record: NodeRecord) -> None:
        node = self._nodes.get(record.name)
        if node is None:
            node = self._nodes[record.name] = Node(StoredNode(record))
        else:
            node.record = record
        if node.shown:
            self._shown.setdefault(record.name, set()).add(self.address)
        else:
            self._hide(record.name)

    def _hide(self, name: str) -> None:
        owners = self._shown.get(name)
        if owners is not None:
            owners.discard(self.address)
            if not owners:
                del self._shown[name]

    def _took(self, node: Node, item: NodeItem, dropped: Iterable[str]) -> None:
        self._dropped(node, (*dropped, item.id))
        place = node.items[item.id] = _place(item)
        node.last = _small(item)
        self.size_bytes += _cost(place)
        self._number = item.number

    def _dropped(self, node: Node, dropped: Iterable[str]) -> None:
        for item_id in dropped:
            place = node.items.pop(item_id, None)
            if place is not None:
                self.size_bytes -= _cost(place)
        node.last = None


def _place(item: NodeItem) -> ItemPlace:
    return ItemPlace(item.id, item.number, len(item.payload))


def _cost(place: ItemPlace) -> int:
    return place.payload_bytes + len(place.id.encode()) + ITEM_COST_BYTES


def _small(item: NodeItem) -> NodeItem | None:
    return item if len(item.payload) <= LAST_KEPT_BYTES else None
