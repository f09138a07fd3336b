"""Nicknames that are reserved: registering with a room (XEP-0045 sections 7.10 and 7.12)."""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.room_book import NickTakenError
from clarion.core.rooms import Affiliated, Affiliation
from clarion.lib.errors import PeerError
from clarion.wire.xml import escape
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.caps import Identity
from clarion.wire.xmpp.disco_answers import info
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import TAG as FORM
from clarion.wire.xmpp.forms import Form, FormKind, parse_form, text_field, type_field
from clarion.wire.xmpp.names import REGISTER
from clarion.xmpp.rooms.asked import Asked
from clarion.xmpp.rooms.standing import RULED

QUERY: Final = f"{{{REGISTER}}}query"
ITEM_NODE: Final = "x-roomuser-item"
TYPE: Final = f"{muc.MUC}#register"
_NICK: Final = "muc#register_roomnick"


def reserved(asked: Asked) -> bytes:
    """Tell somebody which nickname is theirs (section 7.12), for service discovery."""
    nick = _own(asked)
    return info((Identity("conference", "text", nick),), ()) if nick else b""


def get(asked: Asked) -> bytes:
    """Say what is needed to register, or as whom one is registered.

    Raises:
        StanzaError: Who asks may not register.

    """
    nick = _own(asked)
    if nick:
        inner = f"<registered/><username>{escape(nick)}</username>".encode()
    else:
        _check(asked)
        inner = Form(
            FormKind.FORM,
            (type_field(TYPE), text_field(_NICK, label="Desired Nickname", required=True)),
            "Registration with the room",
            ("The nickname is yours from then on.",),
        ).to_bytes()
    return f"<query xmlns='{REGISTER}'>".encode() + inner + b"</query>"


async def change(asked: Asked) -> None:
    """Register, with a nickname to reserve, or be registered no more.

    Raises:
        StanzaError: It cannot be.
        UnavailableError: The store cannot keep it.

    """
    room, bare = asked.room, asked.sender.bare
    room.spend(bare)
    if asked.payload.find(f"{{{REGISTER}}}remove") is not None:
        await _end(asked)
        return
    nick = _wanted(asked.payload)
    _check(asked)
    other = room.occupants.nick(nick)
    if other is not None and other.bare != bare:
        raise StanzaError(StanzaCondition.CONFLICT, f"{nick} is somebody else in this room")
    affiliation = max(asked.affiliation, Affiliation.MEMBER)
    try:
        await room.book.affiliate(room.room, (Affiliated(bare, affiliation, nick),), bare)
    except NickTakenError as error:
        raise StanzaError(StanzaCondition.CONFLICT, str(error)) from None


async def _end(asked: Asked) -> None:
    room, bare = asked.room, asked.sender.bare
    if room.room.department is not None:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, RULED)
    if asked.affiliation is not Affiliation.MEMBER:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED, "only members leave a room for good: ask an owner"
        )
    await room.book.affiliate(room.room, (Affiliated(bare, Affiliation.NONE),), bare)


def _wanted(query: Element) -> str:
    element = query.find(FORM)
    if element is None:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "registering with a room takes a form")
    try:
        form = parse_form(element)
        nick, kind = form.value(_NICK), form.form_type
    except PeerError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None
    if form.kind is not FormKind.SUBMIT or kind not in {TYPE, ""} or not nick:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "the form must name a nickname")
    return muc.prepare_nick(nick)


def _own(asked: Asked) -> str:
    known = asked.room.room.affiliations.get(asked.sender.bare)
    return "" if known is None or known.affiliation < Affiliation.MEMBER else known.nick


def _check(asked: Asked) -> None:
    """Let members register, and who is in an open room where all have a voice anyway.

    Raises:
        StanzaError: It would be a way around the room's rules.

    """
    if asked.affiliation >= Affiliation.MEMBER:
        return
    config = asked.room.room.config
    if (
        asked.affiliation is Affiliation.OUTCAST
        or config.members_only
        or config.moderated
        or asked.occupant is None
    ):
        raise StanzaError(StanzaCondition.NOT_ALLOWED, "an admin makes people members here")
