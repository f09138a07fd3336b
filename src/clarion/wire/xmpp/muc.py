"""Multi-user chat on the wire: how a room is entered, and what it tells (XEP-0045 1.35.5).

``muc_admin.py`` reads what moderators, admins and owners ask for. Affiliations
and roles are words here, as they are written; every builder returns complete
elements that declare their namespace, and reads none of it back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid, JidError, parse_jid, prepare_resource
from clarion.wire.xmpp.payloads import ROOM_INVITATION
from clarion.wire.xmpp.stamps import microseconds

MUC: Final = "http://jabber.org/protocol/muc"
USER: Final = f"{MUC}#user"
ENTRY: Final = f"{{{MUC}}}x"
USER_X: Final = f"{{{USER}}}x"
DIRECT: Final = ROOM_INVITATION[1:].partition("}")[0]

AFFILIATIONS: Final = frozenset({"owner", "admin", "member", "none", "outcast"})
ROLES: Final = frozenset({"moderator", "participant", "visitor", "none"})

NICK_LIMIT: Final = 64
"""LIMIT: characters of a nickname; it goes with everything that is said, to all."""
PASSWORD_LIMIT: Final = 256
"""LIMIT: characters of a room's password."""
REASON_LIMIT: Final = 512
"""LIMIT: characters of a reason; those of bans are kept, and all are in memory."""
INVITES_LIMIT: Final = 50
"""LIMIT: people invited by one message (section 7.8.2); each of them is sent a message."""
THREAD_LIMIT: Final = 256
"""LIMIT: characters of the thread that an invitation goes on with (section 7.9)."""
NUMBER_DIGITS: Final = 10
"""LIMIT: digits of a number; an ``xs:int`` has no more."""


class Status(IntEnum):
    """What a status code says (section 15.6.2)."""

    NON_ANONYMOUS = 100
    AFFILIATION_CHANGED = 101
    SHOWS_UNAVAILABLE = 102
    HIDES_UNAVAILABLE = 103
    CONFIGURATION_CHANGED = 104
    SELF = 110
    LOGGED = 170
    NOT_LOGGED = 171
    NOW_NON_ANONYMOUS = 172
    NOW_SEMI_ANONYMOUS = 173
    CREATED = 201
    NICK_ASSIGNED = 210
    BANNED = 301
    NEW_NICK = 303
    KICKED = 307
    AFFILIATION_LOST = 321
    MEMBERS_ONLY = 322
    SHUTDOWN = 332
    ERROR = 333


@dataclass(frozen=True, slots=True)
class History:
    """How much of the discussion somebody who enters asks for (section 7.2.14).

    All that is set narrows each other.

    Attributes:
        characters: Of the complete stanzas, in all.
        stanzas: So many of the newest.
        seconds: What was said in the last so many.
        since: What was said since this UNIX second, UTC.

    """

    characters: int | None = None
    stanzas: int | None = None
    seconds: int | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody brings who enters a room (section 7.2).

    Attributes:
        password: ``""``: none.
        history: ``None``: as the room has it.

    """

    password: str = field(default="", repr=False)
    history: History | None = None


@dataclass(frozen=True, slots=True)
class Invite:
    """Somebody is to be invited by the room (section 7.8.2).

    Attributes:
        to: Who.
        reason: Why, or ``""``.
        thread: The conversation that goes on in the room (section 7.9), ``""``:
            one without a name; ``None``: none does.

    """

    to: Jid
    reason: str = ""
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Decline:
    """An invitation is declined (section 7.8.2); the room tells ``to``, who invited."""

    to: Jid
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Invitations:
    """What a message asks a room to pass on; nothing, where both are empty.

    Attributes:
        invites: Who is to be invited.
        decline: Whom to tell that an invitation is declined.
        password: Of the room, as the inviter knows it, or ``""``.

    """

    invites: tuple[Invite, ...] = ()
    decline: Decline | None = None
    password: str = field(default="", repr=False)


def prepare_nick(text: str) -> str:
    """Return the normal form of a nickname (section 17.1): a resource that can be seen.

    Raises:
        StanzaError: It is none, or longer than ``NICK_LIMIT``.

    """
    try:
        nick = prepare_resource(text)
    except JidError as error:
        raise StanzaError(StanzaCondition.JID_MALFORMED, str(error)) from None
    if not nick.strip():
        raise StanzaError(StanzaCondition.JID_MALFORMED, "a nickname must be seen")
    if len(nick) > NICK_LIMIT:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"a nickname has {NICK_LIMIT} characters at most"
        )
    return nick


def parse_entry(x: Element) -> Entry:
    """Read the ``<x/>`` of who enters a room.

    A negative number counts as not given: some clients mean that by it.

    Raises:
        StanzaError: What limits the history is no number or no time.

    """
    history = x.find(f"{{{MUC}}}history")
    return Entry(
        x.findtext(f"{{{MUC}}}password") or "", None if history is None else _history(history)
    )


def parse_user(x: Element) -> Invitations:
    """Read the ``<x/>`` of a message that invites to a room or declines an invitation.

    Raises:
        StanzaError: Nobody is named, or by what is no JID; it asks for both;
            or something is above its limit.

    """
    found = x.findall(f"{{{USER}}}invite")
    if len(found) > INVITES_LIMIT:
        raise StanzaError(
            StanzaCondition.POLICY_VIOLATION, f"at most {INVITES_LIMIT} are invited at once"
        )
    invites = tuple(_invite(one) for one in found)
    declined = x.find(f"{{{USER}}}decline")
    if declined is None:
        password = limited(x.findtext(f"{{{USER}}}password"), PASSWORD_LIMIT, "a password")
        return Invitations(invites, None, password)
    if invites:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a message invites or declines, not both")
    return Invitations((), Decline(_whom(declined, "to"), reason_of(declined, USER)))


def item(
    affiliation: str,
    role: str = "",
    *,
    jid: str = "",
    nick: str = "",
    actor: str = "",
    actor_jid: str = "",
    reason: str = "",
) -> bytes:
    """Write the item of an ``<x/>`` of ``muc#user``: what somebody is in the room.

    Args:
        affiliation: A word of ``AFFILIATIONS``.
        role: A word of ``ROLES``, or ``""`` to leave it out.
        jid: Who it is, for those who may see that.
        nick: The new nickname (section 7.6), or the reserved one.
        actor: The nickname of who did it.
        actor_jid: Their bare JID, for those who may see that.
        reason: Why they did it.

    """
    parts = [f"<item affiliation='{affiliation}'"]
    if jid:
        parts.append(f" jid='{escape(jid)}'")
    if nick:
        parts.append(f" nick='{escape(nick)}'")
    if role:
        parts.append(f" role='{role}'")
    if not (actor or actor_jid or reason):
        parts.append("/>")
        return "".join(parts).encode()
    parts.append(">")
    if actor or actor_jid:
        by = f" jid='{escape(actor_jid)}'" if actor_jid else ""
        named = f" nick='{escape(actor)}'" if actor else ""
        parts.append(f"<actor{by}{named}/>")
    parts.append(_element("reason", reason))
    parts.append("</item>")
    return "".join(parts).encode()


def user_x(*children: bytes, codes: Iterable[int] = ()) -> bytes:
    """Write an ``<x/>`` of ``muc#user``.

    Args:
        children: Written before: items, ``destroyed`` and so on.
        codes: What it says beside, each a ``Status``.

    """
    return b"".join((_X, *children, *(_STATUS[code] for code in codes), b"</x>"))


def destroyed(jid: str = "", reason: str = "", password: str = "") -> bytes:
    """Write the child that says that the room is no more (section 10.9).

    Args:
        jid: Where people are to meet instead, or ``""``.
        reason: Why, or ``""``.
        password: Of that other room, or ``""``.

    """
    place = f" jid='{escape(jid)}'" if jid else ""
    inner = _element("password", password) + _element("reason", reason)
    return f"<destroy{place}>{inner}</destroy>".encode()


def invited(sender: str, reason: str = "", thread: str | None = None, password: str = "") -> bytes:
    """Write the children that tell somebody that they are invited (section 7.8.2).

    Args:
        sender: Who invites: a JID, or an occupant's.
        reason: Why, or ``""``.
        thread: As in ``Invite``.
        password: Of the room, or ``""``.

    """
    goes_on = ""
    if thread is not None:
        goes_on = f"<continue thread='{escape(thread)}'/>" if thread else "<continue/>"
    inner = goes_on + _element("reason", reason)
    text = f"<invite from='{escape(sender)}'>{inner}</invite>{_element('password', password)}"
    return text.encode()


def declined(sender: str, reason: str = "") -> bytes:
    """Write the child that tells who invited that ``sender`` declines (section 7.8.2)."""
    return f"<decline from='{escape(sender)}'>{_element('reason', reason)}</decline>".encode()


def direct_invitation(room: str, reason: str = "", password: str = "") -> bytes:
    """Write a direct invitation (XEP-0249 section 2); older clients know no other."""
    knows = f" password='{escape(password)}'" if password else ""
    why = f" reason='{escape(reason)}'" if reason else ""
    return f"<x xmlns='{DIRECT}' jid='{escape(room)}'{knows}{why}/>".encode()


def limited(text: str | None, limit: int, what: str) -> str:
    """Return ``text``, or ``""`` for ``None``.

    Raises:
        StanzaError: It has more than ``limit`` characters.

    """
    if text is None:
        return ""
    if len(text) > limit:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, f"{what} has {limit} characters at most")
    return text


def reason_of(parent: Element, namespace: str) -> str:
    """Return the text of ``<reason/>``, or ``""``.

    Raises:
        StanzaError: It is longer than ``REASON_LIMIT``.

    """
    return limited(parent.findtext(f"{{{namespace}}}reason"), REASON_LIMIT, "a reason")


def jid_of(text: str) -> Jid:
    """Read a JID in a payload.

    Raises:
        StanzaError: It is none.

    """
    try:
        return parse_jid(text)
    except JidError as error:
        raise StanzaError(StanzaCondition.JID_MALFORMED, str(error)) from None


_NUMBERS: Final = ("maxchars", "maxstanzas", "seconds")
_X: Final = f"<x xmlns='{USER}'>".encode()
_STATUS: Final[dict[int, bytes]] = {code: f"<status code='{code:d}'/>".encode() for code in Status}


def _history(history: Element) -> History:
    since = history.get("since")
    try:
        at = None if since is None else microseconds(since.strip()) / 1e6
    except PeerError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None
    characters, stanzas, seconds = (_number(history, name) for name in _NUMBERS)
    return History(characters, stanzas, seconds, at)


def _number(history: Element, name: str) -> int | None:
    text = history.get(name, "").strip()
    digits = text.removeprefix("-")
    if not text:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= NUMBER_DIGITS):
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"the {name} of a history is no number")
    return None if text.startswith("-") else int(text)


def _invite(invite: Element) -> Invite:
    goes_on = invite.find(f"{{{USER}}}continue")
    thread = None
    if goes_on is not None:
        thread = limited(goes_on.get("thread"), THREAD_LIMIT, "a thread")
    return Invite(_whom(invite, "to"), reason_of(invite, USER), thread)


def _whom(element: Element, key: str) -> Jid:
    text = element.get(key)
    if not text:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"an invitation needs a {key!r}")
    return jid_of(text)


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""
