"""The archive of a room, for all who may enter it (XEP-0313 1.1.3 section 5.1.2)."""

from typing import Final

from clarion.core.archive import Item, ThreadId
from clarion.core.ports import Parcel
from clarion.core.rooms import Affiliation, Role, Whom
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.result_set import RsmAnswer
from clarion.wire.xmpp.splice import append_child, dissect, readdress
from clarion.xmpp.archive_answer import Results, fin, fitting, metadata_answer, place
from clarion.xmpp.archive_request import (
    METADATA,
    NS,
    QUERY,
    form_payload,
    read_request,
    unknown_item,
)
from clarion.xmpp.rooms.asked import Asked
from clarion.xmpp.rooms.room import RoomEntity

__all__ = ("METADATA", "NS", "QUERY", "form", "metadata", "search")

_FORM: Final = form_payload()


def form(asked: Asked) -> bytes:
    """Tell by which fields the archive can be searched.

    Raises:
        StanzaError: It is not for who asks.

    """
    _check(asked)
    return _FORM


async def metadata(asked: Asked) -> bytes:
    """Name the first and the last item.

    Raises:
        StanzaError: It is not for who asks.
        UnavailableError: The store cannot answer.

    """
    _check(asked)
    room, kept = asked.room, asked.room.services.archive
    await kept.settled(room.room.owner)
    return metadata_answer(await kept.ends(room.room.owner), room.services.seal)


async def search(asked: Asked) -> bytes:
    """Send a page of what was said, then say which page it was.

    Raises:
        PeerError: The request cannot be understood.
        StanzaError: It is not for who asks, or asks for what is not here.
        UnavailableError: The store cannot answer.

    """
    _check(asked)
    room = asked.room
    owner, services = room.room.owner, room.services
    sees = _sees_jids(asked)

    def parties(text: str | None) -> tuple[ThreadId | None, str | None]:
        return _parties(room, text, sees=sees)

    request = read_request(asked.payload, services.seal, parties)
    kept = services.archive
    person = services.directory.person(asked.sender.bare)
    asker = None if person is None else person.number
    await kept.settled(owner)
    if request.known and not await kept.has(owner, *request.known):
        raise unknown_item()
    if request.count_only:
        number = await kept.count(owner, request.query, asker=asker)
        return fin(RsmAnswer(count=number), complete=number == 0)
    limits = services.limits
    room_bytes = min(limits.unacknowledged_bytes, limits.send_queue_bytes) // 4
    found = await kept.page(owner, request.query, asker=asker)
    page = fitting(request.query, found, limits.unacknowledged_stanzas // 2, room_bytes)
    sealed = [services.seal.seal(item.id) for item in page.items]
    results = Results(room.address, asked.sender.full, asked.payload.get("queryid"))
    pairs = list(zip(page.items, sealed, strict=True))
    if request.flipped:
        pairs.reverse()
    entity = services.entity(asked.sender.bare)
    for item, name in pairs:
        stanza = results.stanza(item, name, _told(room, item, sees=sees))
        parcel = Parcel("message", "normal", room.address, asked.sender.resource, stanza)
        services.router.to_entity(entity, parcel)
    return fin(place(request, page, sealed), complete=page.complete)


def _check(asked: Asked) -> None:
    """Let in whoever may enter the room now (section 5.1.2).

    Raises:
        StanzaError: Who asks may not, or nothing is archived here.

    """
    room = asked.room.room
    affiliation = asked.affiliation
    if not room.config.archived:
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "this room has no archive")
    if affiliation is Affiliation.OUTCAST:
        raise StanzaError(StanzaCondition.FORBIDDEN, "you are banned from this room")
    if affiliation >= Affiliation.MEMBER or asked.role is not Role.NONE:
        return
    closed = asked.room.is_closed_to(asked.sender.bare)
    if closed or room.config.password or room.locked:
        raise StanzaError(StanzaCondition.FORBIDDEN, "who may not enter may not read either")


def _sees_jids(asked: Asked) -> bool:
    """Whether who asks may know who the others are."""
    if asked.room.room.config.whois is Whom.ANYONE:
        return True
    return asked.role is Role.MODERATOR or asked.affiliation >= Affiliation.ADMIN


def _parties(
    room: RoomEntity, text: str | None, *, sees: bool
) -> tuple[ThreadId | None, str | None]:
    """Return what ``with`` means here: the full JID of who said it (section 4.1.1)."""
    if not text:
        return None, None
    jid = parse_jid(text)
    if jid.full == room.address:
        return None, None
    if not sees or not jid.resource or jid.bare == room.address:
        raise StanzaError(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
            "a room's archive is searched by full JIDs of people, where those are seen",
        )
    return None, jid.full


def _told(room: RoomEntity, item: Item, *, sees: bool) -> bytes:
    """Return an item as it is shown: with who it was, to those who may know."""
    if not item.whole:
        # What stands in its place bears the real addresses, which not everybody may see.
        stanza, _ = dissect(item.stanza)
        if stanza.attributes.get("from", "").startswith(f"{room.address}/"):
            return item.stanza  # a tombstone that the room made
        return readdress(stanza, sender=room.address, recipient=room.address)
    if not sees or item.sender == room.address:
        return item.stanza
    affiliation = room.room.affiliation(parse_jid(item.sender).bare)
    told = muc.user_x(muc.item(affiliation.word, jid=item.sender))
    return append_child(item.stanza, told)
