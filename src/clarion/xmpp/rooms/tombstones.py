"""What stands in a room's archive for a message that was taken back (XEP-0424 5, XEP-0425 5)."""

from clarion.core.archive import Item, room_thread
from clarion.lib.errors import UsageError
from clarion.wire.xml import escape
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.payloads import RETRACTION
from clarion.wire.xmpp.splice import dissect
from clarion.wire.xmpp.stamps import utc
from clarion.xmpp.rooms.room import RoomEntity


async def find(room: RoomEntity, sealed: str) -> Item | None:
    """Return the message that the room gave this stanza-id, if it is still whole.

    Raises:
        UnavailableError: The store cannot answer.

    """
    services, owner = room.services, room.room.owner
    try:
        name = services.seal.open(sealed)
    except UsageError:
        return None
    await services.archive.settled(owner)
    if not await services.archive.has(owner, name):
        return None
    item = await services.archive.get(name)
    ours = item is not None and item.whole and item.thread == room_thread(room.address)
    # What the room said itself, such as that a message was taken back, stays.
    return item if ours and item is not None and item.sender != room.address else None


def own(room: RoomEntity, said: Item, message_id: str) -> bytes:
    """Return what stands for a message that its author took back.

    Args:
        room: Where.
        said: The message.
        message_id: The ``id`` of the retraction.

    """
    stamp = utc(room.services.clock.wall())
    content = f"<retracted xmlns='{RETRACTION}' id='{escape(message_id)}' stamp='{stamp}'/>"
    return _message(room, said, content.encode())


def moderated(room: RoomEntity, said: Item, by: bytes) -> bytes:
    """Return what stands for a message that a moderator took back.

    Args:
        room: Where.
        said: The message.
        by: Who did it and why, already written.

    """
    stamp = utc(room.services.clock.wall())
    start = f"<retracted xmlns='{RETRACTION}' stamp='{stamp}'>".encode()
    return _message(room, said, start + by + b"</retracted>")


def _message(room: RoomEntity, said: Item, content: bytes) -> bytes:
    stanza, _ = dissect(said.stanza)
    given = stanza.attributes
    name = f" id='{escape(given['id'])}'" if "id" in given else ""
    start = f"<message from='{escape(given.get('from', room.address))}' type='groupchat'{name}>"
    author = room.mark(parse_jid(said.sender).bare)
    return start.encode() + author + content + b"</message>"
