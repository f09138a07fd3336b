"""Who has read up to where in a room (XEP-0333 section 4 in rooms, product idea "one ledger").

A mark names a message by the room's own stanza-id (XEP-0333 section 4.1) and
moves the mark of the member who sent it: one line in the ledger for a member,
however many messages it covers. In a small room everybody is told, as clients
expect; in a large one that would cost as many deliveries for each reader, so
the mark is only counted there.
"""

from collections.abc import Awaitable

from clarion.core.archive import room_thread
from clarion.core.ledger import Act, Door, State
from clarion.core.rooms import Affiliation
from clarion.lib.errors import UsageError
from clarion.lib.ids import ItemId
from clarion.wire.xmpp.names import BODY
from clarion.wire.xmpp.payloads import MARKER
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.rooms.occupants import Occupant
from clarion.xmpp.rooms.room import RoomEntity


def only_marks(stanza: Stanza) -> bool:
    """Whether a message says nothing but how far its sender has read."""
    return MARKER in stanza.children and BODY not in stanza.children


def is_relayed(room: RoomEntity) -> bool:
    """Whether marks are told to everybody: the room has ``[ledger] relay_marks`` people at most."""
    most = room.services.relay_marks
    return len(room.occupants) <= most and len(room.room.affiliations) <= most


def note(room: RoomEntity, occupant: Occupant, stanza: Stanza) -> Awaitable[None] | None:
    """Move the mark of a member up to the message that a marker names.

    What is no message of this room, or comes from somebody who is no member,
    moves nothing and is not answered.

    Returns:
        ``None`` when it is done; else what must be awaited, because only the
        archive knows the message. That raises ``UnavailableError``.

    """
    if occupant.affiliation < Affiliation.MEMBER:
        return None
    try:
        item = room.services.seal.open(stanza.child_attribute(MARKER, "id"))
    except UsageError:
        return None
    thread, ledger = room_thread(room.address), room.services.ledger
    if ledger.has_come(thread, occupant.bare, State.READ, item):
        return None
    if room.history.holds(item):
        _move(room, occupant.bare, item)
        return None
    return _look_up(room, occupant.bare, item)


async def _look_up(room: RoomEntity, bare: str, item: ItemId) -> None:
    archive = room.services.archive
    # What was marked may have been delivered before its commit.
    await archive.settled(room.room.owner)
    found = await archive.get(item)
    if found is not None and found.thread == room_thread(room.address):
        _move(room, bare, item)


def _move(room: RoomEntity, bare: str, item: ItemId) -> None:
    services = room.services
    thread = room_thread(room.address)
    services.ledger.move(thread, bare, item, services.clock.wall(), Door.CHAT, Act.MARKED)
