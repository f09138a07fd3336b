"""Configuring and destroying a room (XEP-0045 sections 10.1 to 10.2 and 10.9)."""

from clarion.core.rooms import Affiliation
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.muc_admin import Cancel, Destroy, owner_form, parse_owner
from clarion.xmpp.rooms import configuration
from clarion.xmpp.rooms.asked import Asked
from clarion.xmpp.rooms.standing import require, require_configurer


def get(asked: Asked) -> bytes:
    """Answer with the form that the room is configured with.

    Raises:
        StanzaError: It is not for who asks.

    """
    require_configurer(asked)
    return owner_form(configuration.form(asked.room.room))


async def change(asked: Asked) -> None:
    """Configure the room, open it as it is, give it up, or destroy it.

    Raises:
        StanzaError: It is not for who asks, or cannot be so.
        UnavailableError: The store cannot keep it.

    """
    require_configurer(asked)
    request = parse_owner("set", asked.payload)
    room, book = asked.room.room, asked.room.book
    match request:
        case Destroy():
            await _destroy(asked, request)
        case Cancel():
            if room.locked:  # 10.1.3; afterwards everything stays as it was (10.2)
                await book.destroy(room)
        case Form():
            config = room.config
            if request.fields:
                config = configuration.read(room, request)
            await book.configure(room, config)


async def _destroy(asked: Asked, request: Destroy) -> None:
    room = asked.room.room
    if room.department is not None:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            "this is the room of a department: it ends when the department does",
        )
    require(asked, Affiliation.OWNER)
    alternate = "" if request.jid is None else request.jid.bare
    await asked.room.book.destroy(room, request.reason, alternate, request.password)
