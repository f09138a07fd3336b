"""A person's bookmarks, kept alike in their native and their old form (XEP-0402 section 6).

The native node is what counts. The old node, which clients of XEP-0048 use,
follows it; what such a client publishes there, or keeps with XEP-0049, is
spread over the items of the native one. The caller holds the person's book.
"""

from dataclasses import replace
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.bookmarks import (
    CONFERENCE,
    NS,
    OLD,
    STORAGE,
    old_list,
    others_in,
    rooms_in,
    same,
    with_extensions,
)
from clarion.wire.xmpp.errors import StanzaCondition
from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.node_config import PRIVATE, refusal
from clarion.wire.xmpp.pubsub import Publish, self_contained
from clarion.wire.xmpp.pubsub_answers import retract_event
from clarion.xmpp import publishing
from clarion.xmpp.context import Context
from clarion.xmpp.node_book import NodeBook
from clarion.xmpp.pep_notices import tell, tell_published

ROOMS_LIMIT: Final = 1_000
"""LIMIT: rooms that one person has bookmarked."""
ROOM_COST_BYTES: Final = 64
"""What a bookmark takes in the old list beside its JID and what it holds."""
CURRENT: Final = "current"
"""The id of the old list's item (XEP-0048 section 3.1)."""
OLD_CONFIG: Final = replace(PRIVATE, max_items=1)


def check(book: NodeBook, request: Publish) -> Publish:
    """Look at a bookmark before it is published, so that both forms can hold it.

    Raises:
        StanzaError: It is none, or there are too many, or they are too large.

    """
    if not request.payload:
        return request
    tag = parse(request.payload).tag
    try:
        room = parse_jid(request.item_id)
    except JidError:
        room = None
    if tag != CONFERENCE or room is None:
        raise refusal(
            StanzaCondition.BAD_REQUEST,
            "invalid-payload",
            "a bookmark is a conference, and its item's id is the JID of the room",
        )
    node = book.get(NS)
    others = [] if node is None else [p for p in node.items.values() if p.id != request.item_id]
    size = len(request.payload) + sum(p.payload_bytes for p in others)
    size += sum(len(place.id.encode()) + ROOM_COST_BYTES for place in others)
    if len(others) >= ROOMS_LIMIT or size > publishing.ITEM_LIMIT_BYTES:
        raise refusal(
            StanzaCondition.NOT_ACCEPTABLE,
            "payload-too-big",
            f"there are {ROOMS_LIMIT} bookmarks at most, and together they hold "
            f"{publishing.ITEM_LIMIT_BYTES} bytes at most",
        )
    return request


def check_old(book: NodeBook, request: Publish) -> Publish:
    """Look at an old list before it is published.

    Raises:
        StanzaError: It is none, or there are too many bookmarks.

    """
    if not request.payload:
        return request
    storage = parse(request.payload)
    if storage.tag != STORAGE:
        raise refusal(
            StanzaCondition.BAD_REQUEST, "invalid-payload", "a list of bookmarks is a storage"
        )
    if len(rooms_in(storage)) > ROOMS_LIMIT:
        raise refusal(
            StanzaCondition.NOT_ACCEPTABLE,
            "payload-too-big",
            f"there are {ROOMS_LIMIT} bookmarks at most",
        )
    return replace(request, item_id=CURRENT)


async def listed(book: NodeBook) -> Element | None:
    """Return all bookmarks as an old list; ``None``: there never was one.

    Raises:
        UnavailableError: The store cannot answer.

    """
    if book.get(NS) is None and book.get(OLD) is None:
        return None
    old = await _old(book)
    return old_list(await _rooms(book), [] if old is None else others_in(old))


async def follow(context: Context, book: NodeBook) -> None:
    """Make the old list say what the native bookmarks do by now.

    Raises:
        UnavailableError: The store cannot keep it.

    """
    storage = await listed(book)
    old = await _old(book)
    if storage is None or (old is None and not len(storage)):
        return
    if old is not None and old_rooms_same(old, storage):
        return
    await put_old(context, book, storage)


async def put_old(context: Context, book: NodeBook, storage: Element) -> None:
    """Publish an old list.

    Raises:
        StanzaError: There is no room for it.
        UnavailableError: The store cannot keep it; nothing has changed.

    """
    payload = self_contained(storage)
    request = check_old(book, Publish(OLD, has_item=True, item_id=CURRENT, payload=payload))
    published = await publishing.publish_as(
        book, OLD_CONFIG, request, context.session.full, context.services.clock.wall()
    )
    await tell_published(context, published)


async def spread(context: Context, book: NodeBook) -> None:
    """Make the native bookmarks say what the old list does by now (section 6.2).

    Only what differs is published, and told of. A list that was removed says
    nothing: whoever removes it has gone over to the native form.

    Raises:
        StanzaError: There is no room for them.
        UnavailableError: The store cannot keep it.

    """
    storage = await _old(book)
    if storage is None:
        return
    wanted, there = rooms_in(storage), await _rooms(book)
    node = book.get(NS)
    if node is not None and (wanted or there):
        config = replace(node.config, access=PRIVATE.access, persist=True, max_items=None)
        if config != node.config:
            await book.put_node(replace(node.record, config=config))
    services = context.services
    for jid, room in wanted.items():
        before = there.get(jid)
        native = with_extensions(room, before)
        if before is not None and same(native, before):
            continue
        request = Publish(NS, has_item=True, item_id=jid, payload=self_contained(native))
        published = await publishing.publish_as(
            book, PRIVATE, request, context.session.full, services.clock.wall()
        )
        await tell_published(context, published)
    gone = [jid for jid in there if jid not in wanted]
    if gone and node is not None:
        await book.drop(node, gone)
        await tell(context, node, retract_event(NS, gone))


def old_rooms_same(one: Element, other: Element) -> bool:
    """Say whether two old lists have the same rooms, whatever their order."""
    rooms, others = rooms_in(one), rooms_in(other)
    return rooms.keys() == others.keys() and all(same(rooms[jid], others[jid]) for jid in rooms)


async def _rooms(book: NodeBook) -> dict[str, Element]:
    """Return the native bookmarks."""
    node = book.get(NS)
    if node is None:
        return {}
    found = {}
    for item in await book.items(node, list(node.items.values())):
        room = _parsed(item.payload)
        if room is not None and room.tag == CONFERENCE:
            found[item.id] = room
    return found


async def _old(book: NodeBook) -> Element | None:
    node = book.get(OLD)
    item = None if node is None else await book.last(node)
    storage = None if item is None else _parsed(item.payload)
    return storage if storage is not None and storage.tag == STORAGE else None


def _parsed(payload: bytes) -> Element | None:
    try:
        return parse(payload)
    except PeerError:
        return None
