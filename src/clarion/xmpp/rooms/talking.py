"""What is said in a room (XEP-0045 sections 7.4, 7.5 and 8.1, XEP-0359, XEP-0421)."""

from asyncio import Future
from collections.abc import Awaitable, Coroutine
from typing import Any, Final

from clarion.core.archive import Item, Owner, Retraction, room_thread
from clarion.core.ports import ItemRef
from clarion.core.rooms import Role, Subject, Whom
from clarion.lib.ids import ItemId
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.parts import Parts, take_apart
from clarion.wire.xmpp.payloads import DELAYED, MARKER, RETRACT
from clarion.wire.xmpp.splice import Child
from clarion.wire.xmpp.stamps import ORIGIN_ID, STANZA_ID, stanza_id
from clarion.xmpp import keeping
from clarion.xmpp.rooms import reading, tombstones
from clarion.xmpp.rooms.history import SUBJECT, sets_subject
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.occupants import Client, Occupant, send
from clarion.xmpp.rooms.room import OCCUPANT_ID, RoomEntity, not_here

SUBJECT_LIMIT: Final = 1_024
"""LIMIT: characters of a subject; everybody who enters is sent it."""

_MARK: Final = f"{{{OCCUPANT_ID}}}occupant-id"
_EMPTY_X: Final = muc.user_x()


def groupchat(
    room: RoomEntity, incoming: Incoming
) -> Future[Any] | Coroutine[Any, Any, Future[Any] | None] | None:
    """Send a message to everybody (section 7.4); one with nothing but a subject sets it (8.1).

    Returns:
        What is to be waited for before it counts.

    Raises:
        StanzaError: The sender is not in the room, has no voice, or has said
            too much lately.

    """
    if incoming.nick:
        raise StanzaError(
            StanzaCondition.BAD_REQUEST, "what is for one occupant is of type chat, not groupchat"
        )
    occupant = _occupant(room, incoming)
    tags = incoming.stanza.children
    if sets_subject(tags):
        return _subject(room, occupant, incoming)
    if reading.only_marks(incoming.stanza):
        return _mark(room, occupant, incoming)
    if occupant.role < Role.PARTICIPANT:
        raise StanzaError(StanzaCondition.FORBIDDEN, "you have no voice in this room")
    if RETRACT in tags and room.room.config.archived:
        return _retract(room, occupant, incoming)
    if MARKER in tags:
        return _mark(room, occupant, incoming)
    return _say(room, occupant, incoming)


def private(room: RoomEntity, incoming: Incoming) -> None:
    """Send a message to one occupant (section 7.5), to all of their clients.

    Raises:
        StanzaError: There is no such occupant, the sender is not in the room,
            or private messages are not for them.

    """
    occupant = _occupant(room, incoming)
    other = room.occupants.nick(incoming.nick)
    if other is None:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"there is no {incoming.nick} here")
    allowed = room.room.config.private_messages
    least = {Whom.ANYONE: Role.NONE, Whom.PARTICIPANTS: Role.PARTICIPANT}.get(
        allowed, Role.MODERATOR
    )
    if allowed is Whom.NONE or occupant.role < least:
        raise StanzaError(StanzaCondition.FORBIDDEN, "private messages are not allowed here")
    room.spend(occupant.bare)
    parts = _cleaned(room, incoming)
    sheet = parts.sheet(occupant.sender, occupant.mark, _EMPTY_X)
    for client in tuple(other.clients.values()):
        send(room.services, client, "message", incoming.kind, occupant.jid, sheet)


def bounced_private(room: RoomEntity, occupant: Occupant, incoming: Incoming) -> None:
    """Tell who sent a private message that it could not be delivered."""
    other = room.occupants.nick(incoming.nick)
    if other is None:
        return
    sheet = _cleaned(room, incoming).sheet(occupant.sender, occupant.mark)
    for client in tuple(other.clients.values()):
        send(room.services, client, "message", "error", occupant.jid, sheet)


def _occupant(room: RoomEntity, incoming: Incoming) -> Occupant:
    occupant = room.occupants.client(incoming.sender.full)
    if occupant is None:
        raise not_here()
    return occupant


def _say(
    room: RoomEntity, occupant: Occupant, incoming: Incoming, takes_back: Retraction | None = None
) -> Future[Any] | None:
    """Keep a message if it is worth it, and send it to everybody at once."""
    room.spend(occupant.bare)
    services, stanza = room.services, incoming.stanza
    parts = _cleaned(room, incoming)
    if not keeping.worth_keeping(stanza):
        room.say(parts.sheet(occupant.sender, occupant.mark), occupant.jid)
        return None
    kept_as = parts.sheet(occupant.sender, occupant.mark).bare()
    origin_id = stanza.child_attribute(ORIGIN_ID, "id")
    if origin_id:
        known = room.history.resent(occupant.bare, origin_id, kept_as)
        if known is not None:
            # Sent again for want of an acknowledgement: kept once, and only its sender is told.
            _reflect(room, occupant, occupant.clients[incoming.sender.full], parts, known)
            return room.history.commit_of(known)
    item = Item(
        services.mint.item(),
        room_thread(room.address),
        incoming.sender.full,
        room.address,
        incoming.id,
        origin_id,
        kept_as,
        keeping.countable(stanza),
    )
    kept, sealed = None, ""
    if room.room.config.archived:
        sealed = services.seal.seal(item.id)
        kept = services.archive.append(item, (Owner(room.room.owner, incoming=True),), takes_back)
    # Section 7.2.13: what the subject is and was is no part of the history.
    shown = item.countable and not sets_subject(stanza.children)
    room.history.add(item, sealed, shown=shown, kept=kept)
    stamp = stanza_id(room.address, sealed) if sealed else b""
    ref = ItemRef(item.id, item.thread, room=True) if sealed and item.countable else None
    room.say(parts.sheet(occupant.sender, occupant.mark, stamp), occupant.jid, ref)
    if ref is not None:
        room.wake(room, occupant.jid, incoming)
    return kept


def _mark(
    room: RoomEntity, occupant: Occupant, incoming: Incoming
) -> Future[Any] | Coroutine[Any, Any, Future[Any] | None] | None:
    """Take how far somebody has read; tell the others where the room is small enough.

    Raises:
        StanzaError: The sender has said too much lately.

    """
    told = not reading.only_marks(incoming.stanza) or reading.is_relayed(room)
    if not told:
        room.spend_alone(occupant.bare)
    kept = _say(room, occupant, incoming) if told else None
    marked = reading.note(room, occupant, incoming.stanza)
    return kept if marked is None else _after(marked, kept)


async def _after(marked: Awaitable[None], kept: Future[Any] | None) -> Future[Any] | None:
    await marked
    return kept


async def _retract(room: RoomEntity, occupant: Occupant, incoming: Incoming) -> Future[Any] | None:
    """Take back what the same person said here (XEP-0424 section 4, by the stanza-id)."""
    said = await tombstones.find(room, incoming.stanza.child_attribute(RETRACT, "id") or "")
    if not occupant.clients:
        raise not_here()  # meanwhile
    if said is None or parse_jid(said.sender).bare != occupant.bare or not incoming.id:
        return _say(room, occupant, incoming)
    tombstone = tombstones.own(room, said, incoming.id)
    kept = _say(room, occupant, incoming, Retraction("", tombstone, said.id))
    room.history.replace(said.id, None)
    return kept


def _reflect(
    room: RoomEntity, occupant: Occupant, client: Client, parts: Parts, item: ItemId
) -> None:
    stamp = stanza_id(room.address, room.services.seal.seal(item))
    sheet = parts.sheet(occupant.sender, occupant.mark, stamp)
    send(room.services, client, "message", "groupchat", occupant.jid, sheet)


def _subject(
    room: RoomEntity, occupant: Occupant, incoming: Incoming
) -> Coroutine[Any, Any, Future[Any] | None]:
    """Check who sets the subject (section 8.1); what is returned sets it.

    Raises:
        StanzaError: It is not for them, or too long.

    """
    least = Role.PARTICIPANT if room.room.config.subject_change else Role.MODERATOR
    if occupant.role < least:
        raise StanzaError(StanzaCondition.FORBIDDEN, "you may not change the subject")
    text = next(child.text for child in incoming.children if child.tag == SUBJECT)
    if len(text) > SUBJECT_LIMIT:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"a subject has {SUBJECT_LIMIT} characters at most"
        )
    return _set_subject(room, occupant, incoming, text)


async def _set_subject(
    room: RoomEntity, occupant: Occupant, incoming: Incoming, text: str
) -> Future[Any] | None:
    subject = Subject(text, occupant.nick, room.services.clock.wall())
    kept = _say(room, occupant, incoming)  # refused, it changes nothing
    await room.book.set_subject(room.room, subject)
    return kept


def _cleaned(room: RoomEntity, incoming: Incoming) -> Parts:
    """Return a message without what only the room may say (XEP-0421, 0359 5, 0313 8.3)."""

    def forged(child: Child) -> bool:
        if child.tag in {_MARK, muc.USER_X}:
            return True
        if child.tag == STANZA_ID:
            return _is(room.address, child.attributes.get("by", ""))
        return child.tag == DELAYED and _is(room.address, child.attributes.get("from", ""))

    return take_apart(incoming.stanza.raw, incoming.children, forged)


def _is(address: str, text: str) -> bool:
    """Say whether ``text`` is the room's address, in whatever spelling."""
    try:
        return parse_jid(text).bare == address
    except JidError:
        return False
