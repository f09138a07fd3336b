"""Entering a room, being there and leaving it (XEP-0045 sections 7.1, 7.2, 7.6, 7.7, 7.14)."""

import hmac
from typing import Final

from clarion.core.rooms import Affiliation, Role, Whom
from clarion.wire.xml import escape
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.errors import STANZA_ERRORS, ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.parts import Parts, take_apart
from clarion.wire.xmpp.splice import Child
from clarion.xmpp.rooms import hats
from clarion.xmpp.rooms.announcing import GONE, News
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.occupants import Client, Occupant, send
from clarion.xmpp.rooms.room import OCCUPANT_ID, RoomEntity
from clarion.xmpp.services import Services

OCCUPANTS_LIMIT: Final = 5_000
"""LIMIT: nicknames in one room; its configuration may say less."""
PRESENCE_BYTES: Final = 16_384
"""LIMIT: bytes of what an occupant shows: it is kept, and sent to everybody who enters."""
CLIENTS_LIMIT: Final = 20
"""LIMIT: clients that share one nickname."""

_OURS: Final = frozenset({muc.ENTRY, muc.USER_X, f"{{{OCCUPANT_ID}}}occupant-id", hats.HATS})
_NO_SUBJECT: Final = Parts(b"<message", b" type='groupchat'", b"<subject/>")
# What a client's server says when the client is not there (RFC 6120 section 8.3.3).
_AWAY: Final = frozenset(
    f"{{{STANZA_ERRORS}}}{condition}"
    for condition in (
        "gone",
        "item-not-found",
        "recipient-unavailable",
        "redirect",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
        "jid-malformed",
    )
)


def enter(room: RoomEntity, incoming: Incoming, *, created: bool = False) -> None:
    """Let somebody in (section 7.2); the history must be loaded.

    Args:
        room: Where.
        incoming: Their presence, with the ``<x/>`` of who speaks this protocol.
        created: Whether the room was made for them just now (10.1).

    Raises:
        StanzaError: They may not come in, or not so.
        PeerError: The presence cannot be read.

    """
    nick = muc.prepare_nick(incoming.nick)
    sender = incoming.sender
    if not sender.resource:
        raise StanzaError(StanzaCondition.JID_MALFORMED, "a client enters a room, by its full JID")
    x = incoming.tree.find(muc.ENTRY)
    assert x is not None, "whoever has none is turned away before"
    entry = muc.parse_entry(x)
    parts = _shown(incoming)
    affiliation = _admit(room, sender.bare, entry.password)
    occupant = _place(room, sender.bare, nick, affiliation)
    fresh = not occupant.clients
    changed = fresh or occupant.shown.inner != parts.inner
    client = Client(room.services, sender.full)
    room.occupants.add(occupant, client)
    role = room.default_role(affiliation) if fresh else occupant.role
    occupant.show(parts)
    occupant.stand(affiliation, role)
    if changed:
        room.tell(occupant, room.present(occupant), client.full, but=client)
    _welcome(room, occupant, client, incoming, entry.history, created=created)


def here(room: RoomEntity, occupant: Occupant, incoming: Incoming) -> None:
    """Take presence of a client that is in the room (sections 7.6, 7.7 and 7.2.1).

    Raises:
        StanzaError: The nickname is taken, or it was too much lately.
        PeerError: The presence cannot be read.

    """
    nick = muc.prepare_nick(incoming.nick)
    client = occupant.clients[incoming.sender.full]
    parts = _shown(incoming)
    entering = incoming.tree.find(muc.ENTRY)
    if nick != occupant.nick:
        room.spend(occupant.bare)
        _rename(room, occupant, client, nick, parts, incoming)
        return
    # The client that spoke last stands for the occupant.
    del occupant.clients[client.full]
    occupant.clients[client.full] = client
    changed = occupant.shown.inner != parts.inner
    if entering is not None:
        # Section 7.2.1: it has lost track, and is told all again.
        room.spend(occupant.bare)
        occupant.show(parts)
        if changed:
            room.tell(occupant, room.present(occupant), client.full, but=client)
        _welcome(room, occupant, client, incoming, muc.parse_entry(entering).history)
        return
    room.spend(occupant.bare)
    occupant.show(parts)
    news = room.present(occupant)
    room.tell(occupant, news, client.full, but=client)
    room.tell_own(occupant, client, news, (), incoming.id)


def leave(room: RoomEntity, occupant: Occupant, incoming: Incoming) -> None:
    """Take a client out that says that it goes (section 7.14)."""
    client = occupant.clients[incoming.sender.full]
    parts = _within(_shown_parts(incoming), GONE)
    _go(room, occupant, client, News(parts, occupant.affiliation, Role.NONE), incoming.id)


def bounced(room: RoomEntity, occupant: Occupant, incoming: Incoming) -> None:
    """Take a client out that cannot be reached any more (section 11.1)."""
    error = incoming.tree.find(f"{{{CLIENT}}}error")
    if error is None or not any(child.tag in _AWAY for child in error):
        return
    client = occupant.clients[incoming.sender.full]
    news = News(GONE, occupant.affiliation, Role.NONE, (muc.Status.ERROR,))
    _go(room, occupant, client, news)


def turn_away(services: Services, room: str, incoming: Incoming) -> None:
    """Tell a client that believes to be in a room that it is not (section 7.2.1, 1.32)."""
    client = Client(services, incoming.sender.full)
    occupant_jid = f"{room}/{incoming.nick}" if incoming.nick else room
    codes = (muc.Status.SELF, muc.Status.KICKED, muc.Status.ERROR)
    item = muc.item("none", "none", reason="You are not in the room.")
    sheet = GONE.sheet(escape(occupant_jid).encode(), muc.user_x(item, codes=codes))
    send(services, client, "presence", "unavailable", occupant_jid, sheet)


def _admit(room: RoomEntity, bare: str, password: str) -> Affiliation:
    """Return the affiliation of somebody who may enter (sections 7.2.5 to 7.2.11)."""
    affiliation = room.room.affiliation(bare)
    config = room.room.config
    if room.room.locked and affiliation is not Affiliation.OWNER:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "the room is being set up")
    if affiliation is Affiliation.OUTCAST:
        raise StanzaError(StanzaCondition.FORBIDDEN, "you are banned from this room")
    if room.is_closed_to(bare) and affiliation < Affiliation.MEMBER:
        raise StanzaError(StanzaCondition.REGISTRATION_REQUIRED, "only members may enter")
    if config.password and not hmac.compare_digest(config.password.encode(), password.encode()):
        raise StanzaError(StanzaCondition.NOT_AUTHORIZED, "the room has a password")
    return affiliation


def _place(room: RoomEntity, bare: str, nick: str, affiliation: Affiliation) -> Occupant:
    """Return the occupant that somebody is or will be under this nickname."""
    occupant = room.occupants.nick(nick)
    if occupant is not None and occupant.bare == bare:
        if len(occupant.clients) >= CLIENTS_LIMIT:
            raise StanzaError(
                StanzaCondition.SERVICE_UNAVAILABLE,
                f"{CLIENTS_LIMIT} of your clients are in the room",
            )
        return occupant
    _check_nick(room, bare, nick)
    most = min(room.room.config.occupants or OCCUPANTS_LIMIT, OCCUPANTS_LIMIT)
    # Section 7.2.10: owners and administrators always find a place.
    if len(room.occupants) >= most and affiliation < Affiliation.ADMIN:
        raise StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE, "the room is full", kind=ErrorType.WAIT
        )
    entrant = Occupant(room.address, nick, bare, room.mark(bare))
    entrant.hats = hats.worn(room.services, room.room, bare)
    return entrant


def _check_nick(room: RoomEntity, bare: str, nick: str) -> None:
    """Refuse a nickname that somebody else has or has reserved (sections 7.2.9 and 7.10)."""
    holder = room.book.holder(room.room, nick)
    if room.occupants.nick(nick) is not None or (holder is not None and holder != bare):
        raise StanzaError(StanzaCondition.CONFLICT, f"{nick} is somebody else in this room")


def _welcome(
    room: RoomEntity,
    occupant: Occupant,
    client: Client,
    incoming: Incoming,
    wanted: muc.History | None,
    *,
    created: bool = False,
) -> None:
    """Send a client what it must know, in the order of section 7.1."""
    services, config = room.services, room.room.config
    sees = room.sees_jids(occupant)
    for other in room.occupants:
        if other is not occupant and room.hears(occupant, other):
            send(services, client, "presence", "", other.jid, room.sheet(other, jid=sees))
    codes: list[int] = []
    if config.whois is Whom.ANYONE:
        codes.append(muc.Status.NON_ANONYMOUS)
    if config.archived:
        codes.append(muc.Status.LOGGED)
    if created:
        codes.append(muc.Status.CREATED)
    written = incoming.stanza.attributes.get("to", "").partition("/")[2]
    if written and written != occupant.nick:
        codes.append(muc.Status.NICK_ASSIGNED)
    room.tell_own(occupant, client, room.present(occupant), codes, incoming.id)
    for sheet in room.history.wanted(wanted, config.history, services.clock.wall()):
        send(services, client, "message", "groupchat", room.address, sheet)
    _send_subject(room, client)


def _send_subject(room: RoomEntity, client: Client) -> None:
    """Send the subject, which ends the history; it may be empty (section 7.2.15)."""
    subject = room.room.subject
    sender = f"{room.address}/{subject.nick}" if subject.nick else room.address
    parts = _NO_SUBJECT
    if subject.text:
        text = f"<subject>{escape(subject.text)}</subject>".encode()
        parts = Parts(_NO_SUBJECT.name, _NO_SUBJECT.attributes, text)
    sheet = parts.sheet(escape(sender).encode())
    send(room.services, client, "message", "groupchat", sender, sheet)


def _rename(
    room: RoomEntity,
    occupant: Occupant,
    client: Client,
    nick: str,
    parts: Parts,
    incoming: Incoming,
) -> None:
    """Change a nickname (section 7.6), for all clients that share it.

    To another nickname of the same person the client goes alone.
    """
    other = room.occupants.nick(nick)
    if other is not None and other.bare == occupant.bare:
        gone = News(GONE, occupant.affiliation, occupant.role, (muc.Status.NEW_NICK,), nick=nick)
        _go(room, occupant, client, gone)
        room.occupants.add(other, client)
        other.show(parts)
        room.tell(other, room.present(other), client.full, but=client)
        room.tell_own(other, client, room.present(other), (), incoming.id)
        return
    _check_nick(room, occupant.bare, nick)
    gone = News(GONE, occupant.affiliation, occupant.role, (muc.Status.NEW_NICK,), nick=nick)
    room.tell(occupant, gone, client.full)
    room.occupants.rename(occupant, room.address, nick)
    occupant.show(parts)
    news = room.present(occupant)
    room.tell(occupant, news, client.full, but=client)
    written = incoming.stanza.attributes.get("to", "").partition("/")[2]
    assigned = (muc.Status.NICK_ASSIGNED,) if written != nick else ()
    room.tell_own(occupant, client, news, assigned, incoming.id)


def _go(
    room: RoomEntity, occupant: Occupant, client: Client, news: News, answers: str = ""
) -> None:
    """Take one client out; others hear of it when it was the last one of its occupant.

    Args:
        room: Where.
        occupant: Whose client it is.
        client: Which.
        news: What the others are told.
        answers: The ``id`` of the presence with which the client said so: it
            knows its answer by that, as when it enters (section 7.2.2).

    """
    if len(occupant.clients) == 1:
        room.tell(occupant, news, client.full, but=client)
    room.tell_own(occupant, client, news, (), answers)
    room.occupants.drop(client)
    occupant.sheets.clear()
    if not occupant.clients:
        occupant.role = Role.NONE


def _shown(incoming: Incoming) -> Parts:
    """Return presence as others are to see it.

    Raises:
        StanzaError: It is too large.

    """
    parts = _shown_parts(incoming)
    if len(parts.attributes) + len(parts.inner) > PRESENCE_BYTES:
        raise StanzaError(
            StanzaCondition.POLICY_VIOLATION,
            f"presence in a room has {PRESENCE_BYTES} bytes at most",
        )
    return parts


def _shown_parts(incoming: Incoming) -> Parts:
    return take_apart(incoming.stanza.raw, incoming.children, _is_ours, keep_id=False)


def _within(parts: Parts, otherwise: Parts) -> Parts:
    return parts if len(parts.attributes) + len(parts.inner) <= PRESENCE_BYTES else otherwise


def _is_ours(child: Child) -> bool:
    return child.tag in _OURS
