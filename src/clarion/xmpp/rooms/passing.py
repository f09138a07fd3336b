"""Requests between occupants, and pings to oneself (XEP-0045 17.4, XEP-0410 1.1.0 section 4)."""

from collections.abc import Coroutine
from typing import Any, Final

from clarion.core.model import Person
from clarion.core.ports import Parcel
from clarion.wire.xml import escape
from clarion.wire.xmpp.caps import INFO_QUERY
from clarion.wire.xmpp.disco_answers import ITEMS_QUERY
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.parts import take_apart
from clarion.xmpp.rooms.announcing import client_shown
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.occupants import Client, send
from clarion.xmpp.rooms.relay import Request
from clarion.xmpp.rooms.room import RoomEntity, not_here
from clarion.xmpp.services import Services
from clarion.xmpp.vcard import VCARD, directory_part, whole

PING: Final = "{urn:xmpp:ping}ping"
_DISCO: Final = frozenset({INFO_QUERY, ITEMS_QUERY})


def request(room: RoomEntity, incoming: Incoming) -> Coroutine[Any, Any, bytes] | None:
    """Send a request on to an occupant; some are answered here.

    Those are the ping of a client to itself, and a request for the vCard of
    somebody of ours: that is not their client's to give (section 17.4).

    Returns:
        What makes the answer; ``None``: it is made, or an occupant will.

    Raises:
        StanzaError: The client is not in the room (``bad-request`` for service
            discovery, section 6.6), nobody has this nickname, or a vCard would
            tell who somebody is.

    """
    asker = room.occupants.client(incoming.sender.full)
    if asker is None:
        if incoming.kind == "get" and incoming.stanza.children[0] in _DISCO:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "only who is in this room may ask that")
        raise not_here()
    other = room.occupants.nick(incoming.nick)
    if other is asker and incoming.stanza.children == (PING,):
        jid = incoming.stanza.attributes.get("to", asker.jid)
        reply(room.services, incoming.sender.full, jid, incoming.id, None)
        return None
    if other is None:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"there is no {incoming.nick} here")
    room.spend(asker.bare)
    if incoming.kind == "get" and incoming.stanza.children == (VCARD,):
        person = room.services.directory.person(other.bare)
        if not room.sees_jids(asker):
            raise StanzaError(StanzaCondition.FORBIDDEN, "this room does not tell who people are")
        if person is not None:
            if room.services.directory.person(asker.bare) is None:
                raise StanzaError(
                    StanzaCondition.FORBIDDEN, "the directory is for the organisation's own people"
                )
            return _card(room.services, person)
    client = client_shown(other)
    jid = incoming.stanza.attributes.get("to", other.jid)
    name = room.relayed.put(Request(incoming.sender.full, client.full, jid, incoming.id))
    _pass(room, incoming, client, asker.sender, asker.jid, name)
    return None


async def _card(services: Services, person: Person) -> bytes:
    own = await services.cards.card(person.number)
    return whole(directory_part(services.directory, person, services.clock.wall()), own)


def answered(room: RoomEntity, incoming: Incoming) -> None:
    """Send an answer back to the client that asked; one that nobody waits for is dropped."""
    found = room.relayed.take(incoming.id, incoming.sender.full)
    if found is not None:
        client = Client(room.services, found.asker)
        _pass(room, incoming, client, escape(found.jid).encode(), found.jid, found.id)


def reply(
    services: Services, recipient: str, sender: str, name: str, payload: bytes | None
) -> None:
    """Send the result of a request.

    Args:
        services: The house.
        recipient: Full JID of who asked.
        sender: Whom they asked, as they wrote it.
        name: The request's ``id``.
        payload: What is inside of the result, if anything.

    """
    start = (
        f"<iq type='result' id='{escape(name)}' from='{escape(sender)}' to='{escape(recipient)}'"
    ).encode()
    stanza = start + b"/>" if not payload else b"".join((start, b">", payload, b"</iq>"))
    jid = parse_jid(recipient)
    parcel = Parcel("iq", "result", sender, jid.resource, stanza)
    services.router.to_entity(services.entity(jid.bare), parcel)


def _pass(
    room: RoomEntity, incoming: Incoming, client: Client, written: bytes, sender: str, name: str
) -> None:
    parts = take_apart(incoming.stanza.raw, incoming.children, lambda child: False, keep_id=False)
    sheet = parts.sheet(written, attributes=f" id='{escape(name)}'".encode())
    send(room.services, client, "iq", incoming.kind, sender, sheet)
