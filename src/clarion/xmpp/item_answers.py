"""Items of a node as they go out: pages of them, as many as fit in an answer (XEP-0060 6.5)."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from clarion.core.pubsub import ItemPlace
from clarion.wire.xml import escape
from clarion.wire.xmpp import pubsub as ask
from clarion.wire.xmpp import pubsub_answers as say
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.result_set import RsmAnswer, RsmRequest
from clarion.xmpp.node_book import Node, NodeBook

ANSWER_LIMIT_BYTES: Final = 1 << 20
"""LIMIT: items, or names of them, in one answer; half of what may wait for a client that reads
slowly."""
SLICE: Final = 500
"""Items that are written before others get their turn on the loop: about 1 ms."""


async def items_of(book: NodeBook, node: Node, request: ask.GetItems) -> bytes:
    """Return the items that were asked for, as many as fit in an answer.

    Raises:
        StanzaError: A page begins or ends at an item that is not there.
        UnavailableError: The store cannot answer.

    """
    name = request.node
    if request.ids:
        return say.items_answer(name, await _named(book, node, request.ids))
    every = list(node.items.values())
    asked = request.page
    if asked is not None:
        chosen, from_end = _page(every, asked)
    else:
        chosen, from_end = every[-request.newest :] if request.newest else every, True
    fitting = _fitting(chosen, from_end=from_end)
    items = await book.items(node, fitting)
    page = None
    if asked is not None or len(fitting) < len(chosen):
        page = RsmAnswer(count=len(every))
        if fitting:
            index = next(n for n, place in enumerate(every) if place is fitting[0])
            page = RsmAnswer(fitting[0].id, fitting[-1].id, len(every), index)
    written = []
    for number, one in enumerate(items, start=1):
        written.append(say.item_element(say.Written(one.id, one.payload)))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return say.items_answer(name, written, page)


async def _named(book: NodeBook, node: Node, ids: Sequence[str]) -> list[bytes]:
    """Return these items, as many as fit in an answer."""
    written: list[bytes] = []
    size = 0
    for item_id in dict.fromkeys(ids):
        place = node.items.get(item_id)
        if place is None or size + _size_bytes(place) > ANSWER_LIMIT_BYTES:
            continue  # not even read: a hundred items may hold 20 MiB
        item = await book.item(node, item_id)
        if item is not None:
            written.append(say.item_element(say.Written(item.id, item.payload)))
            size += _size_bytes(place)
    return written


def _page(every: Sequence[ItemPlace], asked: RsmRequest) -> tuple[Sequence[ItemPlace], bool]:
    """Return a page, oldest first, and whether it is filled from its end (XEP-0059).

    Raises:
        StanzaError: It begins or ends at an item that is not there.

    """
    start, end = 0, len(every)
    if asked.index is not None:
        start = asked.index
    if asked.after is not None:
        start = _place(every, asked.after) + 1
    if asked.before:
        end = _place(every, asked.before)
    chosen = every[start:end]
    if asked.maximum is None:
        return chosen, asked.backwards
    if asked.backwards:
        return chosen[max(0, len(chosen) - asked.maximum) :], True
    return chosen[: asked.maximum], False


def _place(every: Sequence[ItemPlace], item_id: str) -> int:
    for number, place in enumerate(every):
        if place.id == item_id:
            return number
    raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such item")


def _fitting(chosen: Sequence[ItemPlace], *, from_end: bool) -> Sequence[ItemPlace]:
    size = count = 0
    for place in reversed(chosen) if from_end else chosen:
        size += _size_bytes(place)
        if size > ANSWER_LIMIT_BYTES:
            break
        count += 1
    return chosen[len(chosen) - count :] if from_end else chosen[:count]


def _size_bytes(place: ItemPlace) -> int:
    return place.payload_bytes + len(escape(place.id).encode())


def as_many(listed: Iterable[str]) -> bytes:
    """Return as many of these elements as fit in an answer."""
    fitting, size = [], 0
    for one in listed:
        raw = one.encode()
        size += len(raw)
        if size > ANSWER_LIMIT_BYTES:
            break
        fitting.append(raw)
    return b"".join(fitting)
