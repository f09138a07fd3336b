"""What a room, and the service of all rooms, is and can do (XEP-0045 section 6)."""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.room_book import RoomBook
from clarion.core.rooms import Affiliation, Room, Whom
from clarion.wire.xml import serialise
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.caps import INFO, Identity
from clarion.wire.xmpp.disco_answers import ITEMS, answer, item
from clarion.wire.xmpp.disco_answers import info as info_of
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Field, Form, FormKind, type_field
from clarion.wire.xmpp.names import REGISTER
from clarion.wire.xmpp.payloads import RETRACTION
from clarion.wire.xmpp.result_set import NS as RSM
from clarion.wire.xmpp.result_set import RsmAnswer, RsmRequest, find_request
from clarion.wire.xmpp.stamps import SID
from clarion.xmpp.archive_request import NS as MAM
from clarion.xmpp.rooms import avatar, hats, moderation, nicks
from clarion.xmpp.rooms.asked import Asked
from clarion.xmpp.rooms.room import OCCUPANT_ID

STABLE_ID: Final = f"{muc.MUC}#stable_id"
SELF_PING: Final = f"{muc.MUC}#self-ping-optimization"
ROOM_INFO: Final = f"{muc.MUC}#roominfo"
PAGE_LIMIT: Final = 200
"""LIMIT: rooms, or occupants, in one answer; the rest comes page by page (XEP-0059)."""

_SERVICE: Final = (INFO, ITEMS, muc.MUC, STABLE_ID, OCCUPANT_ID, RSM, avatar.NS)
_EVERY_ROOM: Final = (
    INFO,
    ITEMS,
    muc.MUC,
    STABLE_ID,
    SELF_PING,
    OCCUPANT_ID,
    SID,
    REGISTER,
    f"{muc.MUC}#request",
    avatar.NS,
)
_ARCHIVED: Final = (
    MAM,
    f"{MAM}#extended",
    RETRACTION,
    f"{RETRACTION}#tombstone",
    moderation.NS,
)


def service_info(query: Element) -> bytes:
    """Say what the rooms' domain is (section 6.2).

    Raises:
        StanzaError: It is asked for a node; it has none.

    """
    _no_node(query)
    return answer(query, INFO, info_of((Identity("conference", "text", "Rooms"),), _SERVICE))


def service_items(query: Element, book: RoomBook, bare: str) -> bytes:
    """List the public rooms, and those that ``bare`` belongs to (section 6.3).

    Raises:
        StanzaError: It is asked for a node, or for a page that is not there.

    """
    _no_node(query)
    seen = {room.address: room for room in book.all() if room.config.public and not room.locked}
    for room in book.affiliated(bare):
        if room.affiliation(bare) >= Affiliation.MEMBER:
            seen[room.address] = room
    listed = [(jid, room.config.name or jid.partition("@")[0]) for jid, room in seen.items()]
    return answer(query, ITEMS, _page(query, sorted(listed)))


def info(asked: Asked) -> bytes:
    """Say what a room is and how it is configured (section 6.4).

    Raises:
        StanzaError: It is asked for a node that is not there.

    """
    if asked.payload.get("node") == nicks.ITEM_NODE:
        return answer(asked.payload, INFO, nicks.reserved(asked))
    _no_node(asked.payload)
    room = asked.room.room
    name = room.config.name or room.address.partition("@")[0]
    told = info_of(
        (Identity("conference", "text", name),),
        (*_EVERY_ROOM, *_features(room)),
        (_form(asked),),
    )
    return answer(asked.payload, INFO, told)


def items(asked: Asked) -> bytes:
    """List who is in a room, to those who are (section 6.5); to others nobody is.

    Raises:
        StanzaError: It is asked for a node, or for a page that is not there.

    """
    _no_node(asked.payload)
    listed: list[tuple[str, str]] = []
    if asked.occupant is not None:
        listed = sorted((one.jid, one.nick) for one in asked.room.occupants)
    return answer(asked.payload, ITEMS, _page(asked.payload, listed))


def _features(room: Room) -> tuple[str, ...]:
    """Return the room's types as features (section 15.3)."""
    config = room.config
    features: tuple[str, ...] = (
        "muc_public" if config.public else "muc_hidden",
        "muc_persistent" if config.persistent else "muc_temporary",
        "muc_membersonly" if config.members_only else "muc_open",
        "muc_moderated" if config.moderated else "muc_unmoderated",
        "muc_nonanonymous" if config.whois is Whom.ANYONE else "muc_semianonymous",
        "muc_passwordprotected" if config.password else "muc_unsecured",
    )
    if room.department is not None:
        features = (*features, hats.NS)
    return (*features, *_ARCHIVED) if config.archived else features


def _form(asked: Asked) -> Form:
    """Return more about a room (section 15.5.4); of a closed one less to who is outside."""
    room = asked.room.room
    config, picture = room.config, avatar.avatar_hash(room)
    fields = [
        type_field(ROOM_INFO),
        Field("muc#roominfo_description", (config.description,)),
        Field("muc#roominfo_changesubject", ("1" if config.subject_change else "0",)),
    ]
    if config.language:
        fields.append(Field("muc#roominfo_lang", (config.language,)))
    if picture:
        fields.append(Field("muc#roominfo_avatarhash", (picture,)))
    open_to_all = not asked.room.is_closed_to(asked.sender.bare) and not config.password
    if open_to_all or asked.affiliation >= Affiliation.MEMBER or asked.occupant is not None:
        fields.append(Field("muc#roominfo_subject", (room.subject.text,)))
        fields.append(Field("muc#roominfo_occupants", (str(len(asked.room.occupants)),)))
    return Form(FormKind.RESULT, tuple(fields))


def _page(query: Element, listed: list[tuple[str, str]]) -> bytes:
    """Write a page of a list (XEP-0059)."""
    asked = find_request(query) or RsmRequest()
    start, end = asked.index or 0, len(listed)
    if asked.after:
        start = _place(listed, asked.after) + 1
    if asked.before:
        end = _place(listed, asked.before)
    most = PAGE_LIMIT if asked.maximum is None else min(asked.maximum, PAGE_LIMIT)
    if asked.backwards:
        start = max(start, end - most)
    chosen = listed[start : min(end, start + most)]
    told = b"".join(item(jid, name) for jid, name in chosen)
    if len(chosen) == len(listed) and query.find(f"{{{RSM}}}set") is None:
        return told
    first, last = (chosen[0][0], chosen[-1][0]) if chosen else (None, None)
    page = RsmAnswer(first, last, len(listed), start if chosen else None)
    return told + serialise(page.to_element(), ITEMS)


def _place(listed: list[tuple[str, str]], jid: str) -> int:
    for place, (one, _) in enumerate(listed):
        if one == jid:
            return place
    raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such item")


def _no_node(query: Element) -> None:
    if query.get("node"):
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such node")
