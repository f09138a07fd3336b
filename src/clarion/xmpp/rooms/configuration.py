"""The form that a room is configured with (XEP-0045 sections 10.1.3, 10.2 and 15.5.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from clarion.core.rooms import Role, Room, RoomConfig, Whom
from clarion.lib.errors import PeerError
from clarion.wire.xmpp.answers import checked
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import (
    Field,
    FieldKind,
    Form,
    FormKind,
    Option,
    flag_field,
    text_field,
    type_field,
)
from clarion.wire.xmpp.muc import PASSWORD_LIMIT, limited
from clarion.wire.xmpp.muc_admin import ROOM_CONFIG
from clarion.xmpp.rooms.entering import OCCUPANTS_LIMIT
from clarion.xmpp.rooms.history import HISTORY_LIMIT

NAME_LIMIT: Final = 128
"""LIMIT: characters of a room's name; lists of rooms show it."""
DESCRIPTION_LIMIT: Final = 1_024
"""LIMIT: characters of a room's description."""
LANGUAGE_LIMIT: Final = 35
"""LIMIT: characters of a language tag, as BCP 47 (RFC 5646 section 4.4.1) recommends."""

MENTION_PUSH: Final = "{urn:clarion:rooms}mention_push"
"""No field of the registry: Clark notation, as XEP-0068 section 3.4 has it."""

_P: Final = "muc#roomconfig_"
_SIZES: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, OCCUPANTS_LIMIT)
_WHOIS: Final = (
    Option("moderators", "Moderators only"),
    Option("anyone", "Anyone"),
)
_PRIVATE: Final = (
    Option("anyone", "Anyone"),
    Option("participants", "Anyone with voice"),
    Option("moderators", "Moderators only"),
    Option("none", "Nobody"),
)
_SEEN: Final = (
    Option("moderator", "Moderators"),
    Option("participant", "Participants"),
    Option("visitor", "Visitors"),
)
_LISTERS: Final[Mapping[Whom, tuple[str, ...]]] = MappingProxyType(
    {
        Whom.ANYONE: ("moderator", "participant", "visitor"),
        Whom.PARTICIPANTS: ("moderator", "participant"),
        Whom.MODERATORS: ("moderator",),
        Whom.NONE: (),
    }
)
_ALIASES: Final = ("mam", "muc#roomconfig_mam", "muc#roomconfig_enablearchiving")
"""COMPAT(other servers): how their clients call ``muc#roomconfig_enablelogging``."""
_RULED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "its name",
        "members_only": "who may enter",
        "persistent": "how long it lasts",
        "whois": "who sees real addresses",
    }
)
"""What of a department's room the directory rules."""


def form(room: Room) -> Form:
    """Return the form, showing what the room is like."""
    config = room.config
    whose = "a department" if room.department is not None else "this room"
    return Form(
        FormKind.FORM,
        (type_field(ROOM_CONFIG), *_of_room(config), *_of_people(config)),
        f"Configuration of {room.address.partition('@')[0]}",
        (f"What {whose} is like to those who are in it.",) if room.department is None else (
            "The organisation's directory says the name and who may enter.",
        ),
    )  # fmt: skip


def read(room: Room, given: Form) -> RoomConfig:
    """Return what a submitted form makes of a room; what is left out stays.

    Raises:
        StanzaError: A value cannot be; or it is the directory's to say
            (``not-allowed``).

    """
    try:
        form_ = checked(form(room), _renamed(given))
    except PeerError as error:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, str(error)) from None
    config = replace(
        room.config,
        name=_text(form_, "roomname", NAME_LIMIT),
        description=_text(form_, "roomdesc", DESCRIPTION_LIMIT),
        language=_text(form_, "lang", LANGUAGE_LIMIT),
        public=_flag(form_, "publicroom"),
        persistent=_flag(form_, "persistentroom"),
        members_only=_flag(form_, "membersonly"),
        moderated=_flag(form_, "moderatedroom"),
        password=_password(form_),
        whois=Whom(_one(form_, "whois") or room.config.whois),
        private_messages=Whom(_one(form_, "allowpm") or room.config.private_messages),
        subject_change=_flag(form_, "changesubject"),
        invites=_flag(form_, "allowinvites"),
        members_list=_listers(form_.values(f"{_P}getmemberlist")),
        presence=frozenset(Role[one.upper()] for one in form_.values(f"{_P}presencebroadcast")),
        voice_requests=_flag(form_, "allowvoicerequests"),
        archived=_flag(form_, "enablelogging"),
        occupants=_size(_one(form_, "maxusers")),
        history=_history(form_.value("muc#maxhistoryfetch")),
        mention_push=bool(form_.flag(MENTION_PUSH)),
    )
    if room.department is not None:
        _check_ruled(room.config, config)
    return config


def _of_room(config: RoomConfig) -> Iterable[Field]:
    return (
        text_field(f"{_P}roomname", config.name, label="Name"),
        text_field(f"{_P}roomdesc", config.description, label="Description"),
        text_field(f"{_P}lang", config.language, label="Language"),
        flag_field(f"{_P}publicroom", value=config.public, label="Everybody can find it"),
        flag_field(
            f"{_P}persistentroom", value=config.persistent, label="It stays when nobody is in it"
        ),
        flag_field(f"{_P}enablelogging", value=config.archived, label="What is said is kept"),
        flag_field(
            f"{_P}changesubject", value=config.subject_change, label="Occupants change the subject"
        ),
        text_field("muc#maxhistoryfetch", str(config.history), label="Messages for who enters"),
        _choice(
            f"{_P}maxusers",
            str(config.occupants) if config.occupants else "none",
            _sizes(config.occupants),
            "Occupants at most",
        ),
        flag_field(
            MENTION_PUSH,
            value=config.mention_push,
            label="Who is away is notified only when named",
        ),
    )


def _of_people(config: RoomConfig) -> Iterable[Field]:
    return (
        flag_field(f"{_P}membersonly", value=config.members_only, label="Only members enter"),
        flag_field(
            f"{_P}allowinvites", value=config.invites, label="Members invite (members-only rooms)"
        ),
        flag_field(
            f"{_P}passwordprotectedroom", value=bool(config.password), label="It has a password"
        ),
        Field(
            f"{_P}roomsecret",
            (config.password,) if config.password else (),
            FieldKind.TEXT_PRIVATE,
            "The password",
        ),
        flag_field(f"{_P}moderatedroom", value=config.moderated, label="It is moderated"),
        flag_field(
            f"{_P}allowvoicerequests", value=config.voice_requests, label="Visitors ask for voice"
        ),
        _choice(f"{_P}whois", config.whois, _WHOIS, "Who sees real addresses"),
        _choice(f"{_P}allowpm", config.private_messages, _PRIVATE, "Who sends private messages"),
        Field(
            f"{_P}getmemberlist",
            _LISTERS[config.members_list],
            FieldKind.LIST_MULTI,
            "Who sees the list of members",
            options=_SEEN,
        ),
        Field(
            f"{_P}presencebroadcast",
            tuple(one.value for one in _SEEN if Role[one.value.upper()] in config.presence),
            FieldKind.LIST_MULTI,
            "Whose presence is shown",
            options=_SEEN,
        ),
    )


def _choice(name: str, value: str, options: tuple[Option, ...], label: str) -> Field:
    return Field(name, (str(value),), FieldKind.LIST_SINGLE, label, options=options)


def _sizes(current: int) -> tuple[Option, ...]:
    sizes = sorted({*_SIZES, current} - {0})
    return (*(Option(str(one)) for one in sizes), Option("none", "As many as the server allows"))


def _renamed(given: Form) -> Form:
    """Return the form with other servers' names of a field as the registry has them."""
    names = {field.name for field in given.fields}
    alias = next((one for one in _ALIASES if one in names), None)
    if alias is None or f"{_P}enablelogging" in names:
        return given
    fields = tuple(
        replace(one, name=f"{_P}enablelogging") if one.name == alias else one
        for one in given.fields
    )
    return replace(given, fields=fields)


def _text(given: Form, name: str, limit: int) -> str:
    text = (given.value(_P + name) or "").strip()
    return limited(text, limit, f"the field {_P + name}")


def _one(given: Form, name: str) -> str:
    return given.value(_P + name) or ""


def _flag(given: Form, name: str) -> bool:
    return bool(given.flag(_P + name))


def _password(given: Form) -> str:
    """Return the password; a room that has one needs one that is not blank (10.1.3)."""
    if not _flag(given, "passwordprotectedroom"):
        return ""
    secret = limited(given.value(f"{_P}roomsecret"), PASSWORD_LIMIT, "a password")
    if not secret.strip():
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "the password of the room is blank")
    return secret


def _listers(roles: Iterable[str]) -> Whom:
    """Return the narrowest that holds all of these roles."""
    named = set(roles)
    return next(
        (one for one in reversed(tuple(_LISTERS)) if named <= set(_LISTERS[one])),
        Whom.ANYONE,
    )


def _size(text: str) -> int:
    return 0 if text in {"", "none"} else int(text)


def _history(text: str | None) -> int:
    digits = (text or "").strip()
    if not digits:
        return 0
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(HISTORY_LIMIT))):
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"a room sends {HISTORY_LIMIT} messages at most"
        )
    if int(digits) > HISTORY_LIMIT:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"a room sends {HISTORY_LIMIT} messages at most"
        )
    return int(digits)


def _check_ruled(before: RoomConfig, after: RoomConfig) -> None:
    wrong = [what for name, what in _RULED.items() if getattr(before, name) != getattr(after, name)]
    if wrong:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            "this is the room of a department: the organisation's directory says "
            + ", ".join(wrong),
        )
