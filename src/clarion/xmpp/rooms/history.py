"""What was said last in a room: sent to who enters, and known when it is sent again.

XEP-0045 sections 7.2.13 and 7.2.14, XEP-0359 section 2.2. It is a memory of
the archive; a room whose messages are not archived remembers only what was
said since its first occupant came.
"""

from asyncio import Future
from collections import deque
from collections.abc import Collection, Iterable
from typing import Any, Final

from clarion.core.archive import Item
from clarion.lib.ids import ItemId, seconds
from clarion.wire.xmpp.muc import History as Wanted
from clarion.wire.xmpp.names import BODY, CLIENT
from clarion.wire.xmpp.parts import Sheet
from clarion.wire.xmpp.payloads import THREAD
from clarion.wire.xmpp.splice import after_name, append_child, dissect
from clarion.wire.xmpp.stamps import delay, stanza_id
from clarion.xmpp.sent import SentMemory

SUBJECT: Final = f"{{{CLIENT}}}subject"
HISTORY_LIMIT: Final = 100
"""LIMIT: messages that a room remembers, whatever its configuration wants to send."""
HISTORY_BYTES: Final = 1 << 19
"""LIMIT: bytes of them; the oldest go first."""
SENT_LIMIT: Final = 1_000
"""LIMIT: messages with an origin-id that a room knows when they are sent again."""


class Said:
    """One message of the history; a value but for ``sheet``, which is made when it is needed.

    Attributes:
        item: Its id in the archive, which holds the time.
        stanza: With ``from`` and without ``to``.
        sealed: Its stanza-id, or ``""``: it is not archived.

    """

    __slots__ = ("_sheet", "item", "sealed", "stanza")

    def __init__(self, item: ItemId, stanza: bytes, sealed: str) -> None:
        self.item = item
        self.stanza = stanza
        self.sealed = sealed
        self._sheet: Sheet | None = None

    def sheet(self, room: str) -> Sheet:
        """Return the message as who enters gets it."""
        if self._sheet is None:
            stamps = delay(room, seconds(self.item))
            if self.sealed:
                stamps += stanza_id(room, self.sealed)
            raw = append_child(self.stanza, stamps)
            cut = after_name(raw)
            self._sheet = Sheet(raw[:cut], raw[cut:])
        return self._sheet


class History:
    """What a room remembers.

    Args:
        room: Its bare JID.

    Attributes:
        loaded: Whether what the archive holds is in it.

    """

    def __init__(self, room: str) -> None:
        self.loaded = False
        self._room = room
        self._said: deque[Said] = deque()
        self._size_bytes = 0
        self._sent: dict[str, SentMemory] = {}
        self._sent_count = 0
        self._uncommitted: dict[ItemId, Future[Any]] = {}

    def fill(self, items: Iterable[tuple[Item, str]]) -> None:
        """Remember what the archive holds, oldest first, each with its stanza-id."""
        self.loaded = True
        for item, sealed in items:
            self._remember(item)
            if item.whole and not _set_subject(item.stanza):
                self._add(Said(item.id, item.stanza, sealed))

    def add(self, item: Item, sealed: str, *, shown: bool, kept: Future[Any] | None) -> None:
        """Remember what was said just now.

        Args:
            item: What was said.
            sealed: Its stanza-id, ``""`` where it is not archived.
            shown: Whether who enters is to see it.
            kept: Its commit; ``None``: it is not kept.

        """
        said = Said(item.id, item.stanza, sealed)
        if shown:
            self._add(said)
        if kept is None:
            return
        self._remember(item)
        if not kept.done():
            self._uncommitted[item.id] = kept
        kept.add_done_callback(lambda done: self._settled(item, said, done))

    def replace(self, item: ItemId, stanza: bytes | None) -> None:
        """Put a tombstone in the place of a message, or with ``None`` nothing (XEP-0425)."""
        for place, said in enumerate(self._said):
            if said.item == item:
                self._size_bytes -= len(said.stanza)
                if stanza is None:
                    del self._said[place]
                else:
                    self._size_bytes += len(stanza)
                    self._said[place] = Said(item, stanza, said.sealed)
                return

    def holds(self, item: ItemId) -> bool:
        """Whether this message of the room is remembered; if not, the archive may have it."""
        return any(said.item == item for said in reversed(self._said))

    def resent(self, sender: str, origin_id: str, stanza: bytes) -> ItemId | None:
        """Return the item that this bare JID sent with this origin-id and content before."""
        memory = self._sent.get(sender)
        return None if memory is None else memory.resent(self._room, origin_id, stanza)

    def commit_of(self, item: ItemId) -> Future[Any] | None:
        """Return the commit of an item that is under way; ``None``: it is committed."""
        return self._uncommitted.get(item)

    def wanted(self, wanted: Wanted | None, most: int, now: float) -> list[Sheet]:
        """Return what who enters is sent, oldest first (section 7.2.14).

        Args:
            wanted: What they asked for; ``None``: as the room has it.
            most: Messages that the room sends at most.
            now: UNIX seconds.

        """
        since, characters = float("-inf"), float("inf")
        if wanted is not None:
            if wanted.stanzas is not None:
                most = min(most, wanted.stanzas)
            if wanted.seconds is not None:
                since = now - wanted.seconds
            if wanted.since is not None:
                since = max(since, wanted.since)
            if wanted.characters is not None:
                characters = wanted.characters
        chosen: list[Sheet] = []
        for said in reversed(self._said):
            if len(chosen) >= most or seconds(said.item) < since:
                break
            sheet = said.sheet(self._room)
            # Of the complete XML stanzas (section 7.2.14): bytes are no fewer than characters.
            characters -= len(sheet)
            if characters < 0:
                break
            chosen.append(sheet)
        return chosen[::-1]

    def _add(self, said: Said) -> None:
        self._said.append(said)
        self._size_bytes += len(said.stanza)
        while len(self._said) > HISTORY_LIMIT or self._size_bytes > HISTORY_BYTES:
            self._size_bytes -= len(self._said.popleft().stanza)

    def _remember(self, item: Item) -> None:
        if not item.origin_id:
            return
        if self._sent_count >= SENT_LIMIT:
            self._sent.clear()  # the archive is not asked: it is only for what is sent again soon
            self._sent_count = 0
        self._sent_count += 1
        self._sent.setdefault(item.sender.partition("/")[0], SentMemory()).add(self._room, item)

    def _settled(self, item: Item, said: Said, done: Future[Any]) -> None:
        self._uncommitted.pop(item.id, None)
        if done.cancelled() or done.exception() is not None:
            memory = self._sent.get(item.sender.partition("/")[0])
            if memory is not None:
                memory.forget(self._room, item)
            if said in self._said:
                self._said.remove(said)
                self._size_bytes -= len(said.stanza)


def sets_subject(tags: Collection[str]) -> bool:
    """Say whether a message with these children sets the room's subject (section 8.1)."""
    return SUBJECT in tags and BODY not in tags and THREAD not in tags


def _set_subject(stanza: bytes) -> bool:
    """Say the same of a message of the archive; most need not be read for that."""
    return b"subject" in stanza and sets_subject(dissect(stanza)[0].children)
