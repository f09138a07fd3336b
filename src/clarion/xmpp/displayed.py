"""What a person's own devices tell each other they have displayed, and when the sender counts it.

XEP-0490 section 4: an item of the node names a chat, and in it the stanza-id
of the newest message that was displayed. The ids are not checked before they
are published (section 5.2); here they are, before they count in the ledger.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.archive import pair_thread, room_thread
from clarion.core.ledger import Act, Door, State
from clarion.lib.errors import PeerError, UsageError
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.splice import drop_children
from clarion.wire.xmpp.stamps import STANZA_ID
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context

NODE: Final = "urn:xmpp:mds:displayed:0"
DISPLAYED: Final = f"{{{NODE}}}displayed"

NOTICE: Final = "sync-counts"
NOTICE_TEXT: Final = (
    "What you mark as read on one device is known to your other devices. Here it also shows the "
    "sender that you have read the message, even if your app does not send read receipts. "
    "Your administrator has chosen this."
)


def without_displayed(stanza: Stanza) -> Stanza:
    """Return a message without what is for the sender's own server (section 4.6.3)."""
    raw = drop_children(stanza.raw, lambda tag, _: tag == DISPLAYED)
    kept = [place for place, tag in enumerate(stanza.children) if tag != DISPLAYED]
    return Stanza(
        stanza.tag,
        stanza.attributes,
        tuple(stanza.children[place] for place in kept),
        raw,
        tuple(stanza.child_attributes[place] for place in kept),
    )


async def count(context: Context, chat: str, displayed: Element) -> None:
    """Move the mark of the session's person as an item says.

    Nothing moves for what is not a message of that very chat, as everywhere
    without a word. One's own message stands for what had reached this session
    when it was sent, as a reply does: the client may never have seen what
    crossed it.

    Args:
        context: Who displayed it.
        chat: The item's id, the JID of the chat.
        displayed: The item's payload.

    Raises:
        UnavailableError: The archive cannot say whether there is such a message.

    """
    services, account = context.services, context.account
    named = displayed.findall(STANZA_ID)
    if displayed.tag != DISPLAYED or len(named) != 1:
        return
    try:
        peer, by = parse_jid(chat), parse_jid(named[0].get("by", ""))
        item_id = services.seal.open(named[0].get("id", ""))
    except (JidError, UsageError):
        return
    # What was said in a room has the room's stanza-id (XEP-0490 section 4.2).
    in_room = peer.domain == services.rooms_domain
    if peer.resource or by.full != (peer.bare if in_room else account) or peer.bare == account:
        return
    if services.blocking.lists and services.blocking.between(context.session.jid, peer):
        return  # who is blocked is not told either (XEP-0191 section 3.3)
    thread = room_thread(peer.bare) if in_room else pair_thread(peer.bare, account)
    if services.ledger.has_come(thread, account, State.READ, item_id):
        return  # the marker in the same message said as much (XEP-0333)
    # What was displayed may have been delivered before its commit.
    await services.archive.settled()
    item = await services.archive.get(item_id)
    if item is None or item.thread != thread:
        return
    if item.sender.partition("/")[0] == account:
        reached = context.session.reached.get(thread)
        if reached is None:
            return
        item_id = min(item_id, reached)
    services.ledger.move(thread, account, item_id, services.clock.wall(), Door.CHAT, Act.MARKED)


async def count_published(context: Context, chat: str, payload: bytes) -> None:
    """Count an item that was published without the server's help, as ``[ledger] sync_counts`` says.

    The person is told once that it counts.

    Raises:
        UnavailableError: The store cannot answer.

    """
    try:
        displayed = parse(payload)
    except PeerError:
        return
    await count(context, chat, displayed)
    services, session = context.services, context.session
    if await services.nodes.tell_once(context.person, NOTICE) and not session.ended:
        session.send(
            f"<message from='{escape(services.domain)}' to='{escape(session.full)}'"
            f" id='{services.token()}'><body>{escape(NOTICE_TEXT)}</body></message>".encode()
        )
