"""What a person sent a short while ago, by the names that clients give it.

A message sent again for want of an acknowledgement is known by its origin-id
(XEP-0359 section 2.2) and by its content: a client may use an id twice, and
what is taken for a message sent again is not delivered. A receipt (XEP-0184)
or displayed marker (XEP-0333) names a message by its sender's own ``id``. Both
mostly concern the newest messages, and those are found here without a query.
It is only a memory: the archive knows everything, and ``fill`` makes the
memory again from it.
"""

import hashlib
from collections.abc import Iterable
from typing import Final, TypeVar

from clarion.core.archive import Item
from clarion.core.ports import ItemRef
from clarion.lib.ids import ItemId
from clarion.wire.xmpp.splice import content
from clarion.wire.xmpp.stamps import MARKABLE

SENT_LIMIT: Final = 256
"""LIMIT: messages remembered per person and kind of name, some 90 KiB when all are
used; more than a client sends before an acknowledgement is due."""
NAME_LIMIT: Final = 256
"""LIMIT: characters of an id that is remembered. Clients use UUIDs; a message with a
longer id is found in the archive, and taken for a new one when it is sent again."""

_Key = tuple[str, str]
_Sent = tuple[ItemId, bytes]  # the item and the digest of its content, or _GONE
Kept = TypeVar("Kept", ItemRef, _Sent)

# Stands for content that is no more (XEP-0424). Whatever has its origin-id is taken for it: what
# was retracted must not come back because a client sends it again.
_GONE: Final = b""


def digest(stanza: bytes) -> bytes:
    """Return 16 bytes that are the same for a message and the same message sent again.

    The start tag does not count: a client that sends again may have another
    resource or language. Nor does the last child where it is the
    ``<markable/>`` of ``routing.py``, which may be added or not.

    Args:
        stanza: As archived.

    """
    said = content(stanza).removesuffix(MARKABLE)
    return hashlib.blake2b(said, digest_size=16).digest()


class SentMemory:
    """The messages that one person sent last; pure bookkeeping.

    What was asked for or sent longest ago goes first.

    Args:
        limit: Messages remembered, by their ids and by their origin-ids.

    """

    __slots__ = ("_by_id", "_by_origin", "_limit")

    def __init__(self, limit: int = SENT_LIMIT) -> None:
        self._limit = limit
        # No OrderedDict, which takes 230 bytes when it is empty: most sessions are idle.
        self._by_id: dict[_Key, ItemRef] = {}
        self._by_origin: dict[_Key, _Sent] = {}

    def add(self, peer: str, item: Item) -> None:
        """Remember what was sent to the bare JID ``peer``; of two with one id the newer counts."""
        if item.message_id:
            ref = ItemRef(item.id, item.thread if item.countable else None)
            self._put(self._by_id, (peer, item.message_id), ref)
        if item.origin_id:
            sent = (item.id, digest(item.stanza) if item.whole else _GONE)
            self._put(self._by_origin, (peer, item.origin_id), sent)

    def fill(self, items: Iterable[Item]) -> None:
        """Remember what the archive kept, oldest first, behind what is known already."""
        newer_ids, newer_origins = self._by_id, self._by_origin
        self._by_id, self._by_origin = {}, {}
        for item in items:
            self.add(item.recipient.partition("/")[0], item)
        for name, ref in newer_ids.items():
            self._put(self._by_id, name, ref)
        for name, known in newer_origins.items():
            self._put(self._by_origin, name, known)

    def forget(self, peer: str, item: Item) -> None:
        """Forget an item that could not be kept: sent again, it is new."""
        by_id, by_origin = (peer, item.message_id), (peer, item.origin_id)
        ref = self._by_id.get(by_id)
        if ref is not None and ref.item == item.id:
            del self._by_id[by_id]
        known = self._by_origin.get(by_origin)
        if known is not None and known[0] == item.id:
            del self._by_origin[by_origin]

    def find(self, peer: str, message_id: str) -> ItemRef | None:
        """Return what was sent to the bare JID ``peer`` with this id."""
        ref = self._by_id.get((peer, message_id))
        if ref is not None:
            self._by_id[peer, message_id] = self._by_id.pop((peer, message_id))
        return ref

    def resent(self, peer: str, origin_id: str, stanza: bytes) -> ItemId | None:
        """Return the item that was sent to ``peer`` with this origin-id and content before.

        Args:
            peer: A bare JID.
            origin_id: The sender's.
            stanza: As it would be archived.

        """
        known = self._by_origin.get((peer, origin_id))
        if known is None or known[1] not in {_GONE, digest(stanza)}:
            return None
        self._by_origin[peer, origin_id] = self._by_origin.pop((peer, origin_id))
        return known[0]

    def _put(self, where: dict[_Key, Kept], name: _Key, what: Kept) -> None:
        if len(name[1]) > NAME_LIMIT:
            return
        where.pop(name, None)
        where[name] = what
        if len(where) > self._limit:
            del where[next(iter(where))]
