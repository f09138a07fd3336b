"""Pubsub nodes on a database (XEP-0060, XEP-0163)."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from typing import Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Row, Shape, Value, WriteOp, person_entity
from clarion.core.pubsub import ItemPlace, NodeItem, NodeRecord, StoredNode
from clarion.lib.errors import UsageError
from clarion.store.refusals import UnknownReferenceError
from clarion.wire.xmpp.node_config import AccessModel, NodeConfig, SendLast
from clarion.wire.xmpp.node_parties import Party, PartyKind

SLICE: Final = 500
"""Items that are read before others get their turn on the loop: about 1 ms."""

_NODE: Final = (
    "INSERT INTO pubsub_node (owner, node, access, config, created) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (owner, node) DO UPDATE SET access = excluded.access, config = excluded.config"
)
_ITEM: Final = (
    "INSERT INTO pubsub_item (owner, node, id, number, payload_bytes, publisher, at, payload)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (owner, node, id) DO UPDATE SET number = excluded.number,"
    " payload_bytes = excluded.payload_bytes, publisher = excluded.publisher, at = excluded.at,"
    " payload = excluded.payload"
)
_DROP: Final = "DELETE FROM pubsub_item WHERE owner = ? AND node = ? AND id = ?"
_CLEAR: Final = "DELETE FROM pubsub_item WHERE owner = ? AND node = ?"
_DELETE: Final = "DELETE FROM pubsub_node WHERE owner = ? AND node = ?"
_DELETE_PARTIES: Final = "DELETE FROM pubsub_party WHERE owner = ? AND node = ?"
_PUT_PARTY: Final = (
    "INSERT INTO pubsub_party (owner, node, jid, kind, address) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_DROP_PARTY: Final = (
    "DELETE FROM pubsub_party WHERE owner = ? AND node = ? AND jid = ? AND kind = ?"
)
_TELL: Final = (
    "INSERT INTO told_once (owner, what) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1"
)

# The steps of everyday, each made once.
_PUT_ITEM: Final = Shape((_ITEM,), mergeable=True)
_PUT_ITEM_AND_DROP: Final = Shape((_ITEM, _DROP), mergeable=True)
_CLEARING: Final = Shape((_CLEAR,))
_DELETING: Final = Shape((_CLEAR, _DELETE_PARTIES, _DELETE))
_TELLING: Final = Shape((_TELL,))

_NODES: Final = "SELECT node, config, created FROM pubsub_node WHERE owner = ? ORDER BY node"
_PLACES: Final = (
    "SELECT node, id, number, payload_bytes FROM pubsub_item WHERE owner = ? ORDER BY node, number"
)
_FIELDS: Final = "SELECT id, number, payload, publisher, at FROM pubsub_item"
_ONE: Final = _FIELDS + " WHERE owner = ? AND node = ? AND id = ?"
_SOME: Final = (
    _FIELDS + " WHERE owner = ? AND node = ? AND number >= ? AND number <= ? ORDER BY number"
)
_SHOWN: Final = (
    "SELECT party.address, pubsub_node.node FROM pubsub_node"
    " JOIN party ON party.number = pubsub_node.owner WHERE pubsub_node.access <> ?"
    " OR EXISTS (SELECT 1 FROM pubsub_party AS one WHERE one.owner = pubsub_node.owner"
    " AND one.node = pubsub_node.node AND one.kind = ?)"
)
_PARTIES: Final = (
    "SELECT node, jid, kind FROM pubsub_party WHERE owner = ? ORDER BY node, jid, kind"
)
_NEWEST: Final = (
    "SELECT party.address, config, payload FROM pubsub_node"
    " JOIN party ON party.number = pubsub_node.owner"
    " JOIN pubsub_item ON pubsub_item.owner = pubsub_node.owner"
    " AND pubsub_item.node = pubsub_node.node WHERE pubsub_node.node = ? AND pubsub_item.number ="
    " (SELECT max(number) FROM pubsub_item AS one WHERE one.owner = pubsub_node.owner"
    " AND one.node = pubsub_node.node) ORDER BY pubsub_node.owner"
)
_IDS: Final = (
    "SELECT party.address, pubsub_item.id FROM pubsub_node"
    " JOIN party ON party.number = pubsub_node.owner"
    " JOIN pubsub_item ON pubsub_item.owner = pubsub_node.owner"
    " AND pubsub_item.node = pubsub_node.node WHERE pubsub_node.node = ?"
)


class DatabasePubsub:
    """Implements ``core.pubsub.PubsubStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, owner: PersonNumber) -> Sequence[StoredNode]:
        """See ``PubsubStore``. Nobody writes meanwhile: the caller holds the owner's book."""
        nodes = await self._database.read(_NODES, (owner,))
        if not nodes:
            return []
        places: dict[str, list[ItemPlace]] = {}
        rows = await self._database.read(_PLACES, (owner,))
        for count, (node, item, number, size) in enumerate(rows, start=1):
            place = ItemPlace(str(item), _integer(number), _integer(size))
            places.setdefault(str(node), []).append(place)
            if count % SLICE == 0:
                await asyncio.sleep(0)
        parties: dict[str, list[Party]] = {}
        for node, jid, kind in await self._database.read(_PARTIES, (owner,)):
            parties.setdefault(str(node), []).append(Party(str(jid), PartyKind(str(kind))))
        return [
            StoredNode(
                _node(row),
                tuple(places.get(str(row[0]), ())),
                tuple(parties.get(str(row[0]), ())),
            )
            for row in nodes
        ]

    async def put_node(
        self, owner: PersonNumber, node: NodeRecord, dropped: Sequence[str] = ()
    ) -> None:
        """See ``PubsubStore``."""
        drops = [(owner, node.name, item) for item in dropped]
        shape = Shape((_NODE, *[_DROP] * len(drops)))
        await self._write(owner, shape, (_node_row(owner, node), *drops))

    async def delete_node(self, owner: PersonNumber, node: str) -> None:
        """See ``PubsubStore``."""
        await self._write(owner, _DELETING, ((owner, node),) * 3)

    async def change_parties(
        self, owner: PersonNumber, node: str, put: Sequence[Party], dropped: Sequence[Party]
    ) -> None:
        """See ``PubsubStore``."""
        gone = [(owner, node, one.jid, one.kind.value) for one in dropped]
        come = [(owner, node, one.jid, one.kind.value, one.address) for one in put]
        shape = Shape((*[_DROP_PARTY] * len(gone), *[_PUT_PARTY] * len(come)))
        await self._write(owner, shape, (*gone, *come))

    async def put_item(
        self,
        owner: PersonNumber,
        node: str,
        item: NodeItem,
        dropped: Sequence[str] = (),
        made: NodeRecord | None = None,
    ) -> None:
        """See ``PubsubStore``."""
        row = (
            owner,
            node,
            item.id,
            item.number,
            len(item.payload),
            item.publisher,
            item.at,
            item.payload,
        )
        drops = [(owner, node, one) for one in dropped]
        if made is not None:
            shape = Shape((_NODE, _ITEM, *[_DROP] * len(drops)))
            await self._write(owner, shape, (_node_row(owner, made), row, *drops))
        elif len(drops) > 1:
            await self._write(owner, Shape((_ITEM, *[_DROP] * len(drops))), (row, *drops))
        else:
            await self._write(owner, _PUT_ITEM_AND_DROP if drops else _PUT_ITEM, (row, *drops))

    async def drop_items(self, owner: PersonNumber, node: str, dropped: Sequence[str]) -> None:
        """See ``PubsubStore``."""
        drops = tuple((owner, node, item) for item in dropped)
        await self._write(owner, Shape((_DROP,) * len(drops)), drops)

    async def clear(self, owner: PersonNumber, node: str) -> None:
        """See ``PubsubStore``."""
        await self._write(owner, _CLEARING, ((owner, node),))

    async def item(self, owner: PersonNumber, node: str, item: str) -> NodeItem | None:
        """See ``PubsubStore``."""
        rows = await self._database.read(_ONE, (owner, node, item))
        return _item(rows[0]) if rows else None

    async def items(
        self, owner: PersonNumber, node: str, first: int, last: int
    ) -> Sequence[NodeItem]:
        """See ``PubsubStore``."""
        items = []
        rows = await self._database.read(_SOME, (owner, node, first, last))
        for place, row in enumerate(rows, start=1):
            items.append(_item(row))
            if place % SLICE == 0:
                await asyncio.sleep(0)
        return items

    async def shown(self) -> Sequence[tuple[str, str]]:
        """See ``PubsubStore``."""
        closed = (AccessModel.WHITELIST.value, PartyKind.MEMBER.value)
        rows = await self._database.read(_SHOWN, closed)
        return [(str(address), str(node)) for address, node in rows]

    async def newest(self, node: str) -> Sequence[tuple[str, NodeConfig, bytes]]:
        """See ``PubsubStore``."""
        found = []
        for owner, config, payload in await self._database.read(_NEWEST, (node,)):
            assert isinstance(payload, bytes)
            found.append((str(owner), _config(str(config)), payload))
        return found

    async def ids(self, node: str) -> Sequence[tuple[str, str]]:
        """See ``PubsubStore``."""
        rows = await self._database.read(_IDS, (node,))
        return [(str(address), str(item)) for address, item in rows]

    async def tell_once(self, owner: PersonNumber, what: str) -> bool:
        """See ``PubsubStore``."""
        op = WriteOp(_TELLING, ((owner, what),))
        return bool(await self._database.put(person_entity(f"#{owner}"), op))

    async def _write(
        self, owner: PersonNumber, shape: Shape, parameters: tuple[tuple[Value, ...], ...]
    ) -> None:
        try:
            await self._database.put(person_entity(f"#{owner}"), WriteOp(shape, parameters))
        except UnknownReferenceError as error:
            raise UsageError("there is no such person") from error


def _node_row(owner: PersonNumber, node: NodeRecord) -> tuple[Value, ...]:
    config = json.dumps(dataclasses.asdict(node.config), ensure_ascii=False)
    return (owner, node.name, node.config.access.value, config, node.created)


def _node(row: Row) -> NodeRecord:
    name, config, created = row
    assert isinstance(created, float)
    return NodeRecord(str(name), _config(str(config)), created)


def _config(text: str) -> NodeConfig:
    fields = json.loads(text)
    fields["access"] = AccessModel(fields["access"])
    fields["send_last"] = SendLast(fields["send_last"])
    fields["groups"] = tuple(fields["groups"])
    return NodeConfig(**fields)


def _item(row: Row) -> NodeItem:
    item, number, payload, publisher, at = row
    assert isinstance(payload, bytes)
    assert isinstance(at, float)
    return NodeItem(str(item), _integer(number), payload, str(publisher), at)


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value
