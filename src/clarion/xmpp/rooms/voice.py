"""Visitors ask for a voice, and moderators give it (XEP-0045 sections 7.13 and 8.6)."""

from typing import Final

from clarion.core.rooms import Role
from clarion.lib.errors import PeerError
from clarion.wire.xml import escape
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import (
    TAG,
    Field,
    FieldKind,
    Form,
    FormKind,
    Option,
    flag_field,
    parse_form,
    text_field,
    type_field,
)
from clarion.wire.xmpp.parts import Parts
from clarion.xmpp.rooms.announcing import client_shown
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.occupants import Occupant, send
from clarion.xmpp.rooms.room import RoomEntity

REQUEST: Final = f"{muc.MUC}#request"
_ROLE: Final = "muc#role"
_JID: Final = "muc#jid"
_NICK: Final = "muc#roomnick"
_ALLOW: Final = "muc#request_allow"
_MESSAGE: Final = Parts(b"<message", b"", b"")


def take(room: RoomEntity, incoming: Incoming) -> None:
    """Take a form: somebody asks for a voice, or a moderator answers.

    Raises:
        StanzaError: It is no such form, or not for the sender.

    """
    element = incoming.tree.find(TAG)
    assert element is not None, "the table says so"
    try:
        given = parse_form(element)
        kind, allowed = given.form_type, given.flag(_ALLOW)
        role, nick = given.value(_ROLE), given.value(_NICK)
    except PeerError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None
    occupant = room.occupants.client(incoming.sender.full)
    if occupant is None:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "you are not in this room")
    if kind != REQUEST or role != Role.PARTICIPANT.word:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "the form must ask for a voice")
    if given.kind is FormKind.CANCEL:
        return
    if given.kind is not FormKind.SUBMIT:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "the form must be submitted")
    if allowed is None:
        _ask(room, occupant)
    else:
        _answer(room, occupant, nick or "", given.values(_JID), allowed=allowed)


def _ask(room: RoomEntity, occupant: Occupant) -> None:
    if not room.room.config.voice_requests:
        raise StanzaError(StanzaCondition.FORBIDDEN, "nobody may ask for a voice in this room")
    if occupant.role is not Role.VISITOR:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "you have a voice")
    room.spend(occupant.bare)
    form = _form(occupant).to_bytes()
    name = f" id='{escape(room.services.token())}'".encode()
    sheet = _MESSAGE.sheet(escape(room.address).encode(), form, attributes=name)
    for other in room.occupants:
        if other.role is Role.MODERATOR:
            for client in tuple(other.clients.values()):
                send(room.services, client, "message", "normal", room.address, sheet)


def _form(occupant: Occupant) -> Form:
    participant = Role.PARTICIPANT.word
    return Form(
        FormKind.FORM,
        (
            type_field(REQUEST),
            Field(
                _ROLE,
                (participant,),
                FieldKind.LIST_SINGLE,
                "Requested role",
                options=(Option(participant, "Participant"),),
            ),
            Field(_JID, (client_shown(occupant).full,), FieldKind.JID_SINGLE, "User ID"),
            text_field(_NICK, occupant.nick, label="Room Nickname"),
            flag_field(_ALLOW, value=False, label="Grant voice to this person?"),
        ),
        "Voice request",
        ("To approve this request for voice, select the last field and submit the form.",),
    )


def _answer(
    room: RoomEntity,
    moderator: Occupant,
    nick: str,
    jids: tuple[str, ...],
    *,
    allowed: bool,
) -> None:
    if moderator.role is not Role.MODERATOR:
        raise StanzaError(StanzaCondition.FORBIDDEN, "only a moderator may do that")
    occupant = room.occupants.nick(nick)
    # The nickname may be somebody else's by now.
    if occupant is None or (jids and not any(jid in occupant.clients for jid in jids)):
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"{nick} is not in the room any more")
    if allowed and occupant.role is Role.VISITOR:
        room.set_role(occupant, Role.PARTICIPANT, actor=moderator.nick)
