"""Which item a client means when it says "I have this", and the mark that moves for it.

In 1:1 chats receipts (XEP-0184) and displayed markers (XEP-0333) name a message
by the ``id`` that its sender gave it; an id means something only together with
who sent the message to whom.
"""

from collections.abc import Awaitable
from typing import Final

from clarion.core.archive import pair_thread
from clarion.core.ledger import Act, Door
from clarion.lib.ids import ItemId
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.people import People
from clarion.xmpp.services import Services

# An error tells that a receipt or marker did not arrive, and holds a copy of it; a room's
# receipts are not about a pair of people.
_NO_MARK: Final = frozenset({"error", "groupchat"})


def move_mark(
    context: Context, stanza: Stanza, message_id: str, act: Act
) -> Awaitable[None] | None:
    """Move the mark of the session's person up to a message of the stanza's recipient.

    What is no message that the recipient sent to this person moves nothing
    and is not answered, so that nobody can find out which ids there are.

    Returns:
        ``None`` when it is done; else what must be awaited, because only the
        archive may know the message. That raises ``UnavailableError``.

    Raises:
        JidError: The stanza's ``to`` is no JID.

    """
    to = stanza.attributes.get("to")
    if to is None or not message_id or stanza.attributes.get("type") in _NO_MARK:
        return None
    peer = parse_jid(to).bare
    if peer == context.account:
        return None
    return move_mark_of(context.services, context.people, context.account, peer, message_id, act)


def move_mark_of(
    services: Services, people: People, reader: str, peer: str, message_id: str, act: Act
) -> Awaitable[None] | None:
    """Move the mark of a reader, here or of another server, up to a message of ``peer``.

    Args:
        services: The house.
        people: Who is on line.
        reader: Bare JID of who has the message.
        peer: Bare JID of who sent it.
        message_id: What its sender called it.
        act: What the reader did.

    Returns:
        As ``move_mark``.

    """
    sender = people.get(peer)
    ref = sender.sent.find(reader, message_id) if sender is not None else None
    if ref is not None:
        _move(services, reader, peer, ref.item, act)
        return None
    if services.directory.person(peer) is None:
        return None
    return _look_up(services, reader, peer, message_id, act)


async def _look_up(services: Services, reader: str, peer: str, message_id: str, act: Act) -> None:
    thread = pair_thread(peer, reader)
    # The sender may have left, and the message be on its way to the disk.
    await services.archive.settled()
    item = await services.archive.find(thread, peer, message_id)
    if item is not None:
        _move(services, reader, peer, item, act)


def _move(services: Services, reader: str, peer: str, item: ItemId, act: Act) -> None:
    thread = pair_thread(peer, reader)
    services.ledger.move(thread, reader, item, services.clock.wall(), Door.CHAT, act)
