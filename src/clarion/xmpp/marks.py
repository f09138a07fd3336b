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
    sender = context.people.get(peer)
    ref = sender.sent.find(context.account, message_id) if sender is not None else None
    if ref is not None:
        _move(context, peer, ref.item, act)
        return None
    if context.services.directory.person(peer) is None:
        return None
    return _look_up(context, peer, message_id, act)


async def _look_up(context: Context, peer: str, message_id: str, act: Act) -> None:
    thread = pair_thread(peer, context.account)
    # The sender may have left, and the message be on its way to the disk.
    await context.services.archive.settled()
    item = await context.services.archive.find(thread, peer, message_id)
    if item is not None:
        _move(context, peer, item, act)


def _move(context: Context, peer: str, item: ItemId, act: Act) -> None:
    services = context.services
    thread = pair_thread(peer, context.account)
    now = services.clock.wall()
    services.ledger.move(thread, context.account, item, now, Door.CHAT, act)
