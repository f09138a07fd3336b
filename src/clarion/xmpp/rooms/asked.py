"""A request to a room (an iq of type get or set), as its handler gets it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from clarion.core.rooms import Affiliation, Role
from clarion.wire.xmpp.jid import Jid
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.occupants import Occupant
from clarion.xmpp.rooms.room import RoomEntity


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        room: The room that is asked; with nobody in it, perhaps.
        incoming: The whole stanza.
        payload: Its one child.

    """

    room: RoomEntity
    incoming: Incoming
    payload: Element

    @property
    def sender(self) -> Jid:
        """Full JID of who asks."""
        return self.incoming.sender

    @property
    def occupant(self) -> Occupant | None:
        """Who asks, as an occupant; ``None``: that client is not in the room."""
        return self.room.occupants.client(self.incoming.sender.full)

    @property
    def affiliation(self) -> Affiliation:
        """The affiliation of who asks."""
        return self.room.room.affiliation(self.incoming.sender.bare)

    @property
    def role(self) -> Role:
        """The role of who asks, ``NONE`` for one who is not in the room."""
        occupant = self.occupant
        return Role.NONE if occupant is None else occupant.role


Payload = bytes | None
Handler = Callable[[Asked], Payload | Awaitable[Payload]]
"""Answers: the bytes inside the result, ``None`` for an empty one.

Raises ``StanzaError``, or another error of ``lib/errors.py``, to refuse. What
it awaits holds back what comes to the room meanwhile, unless the table says
that it goes apart.
"""

MessageHandler = Callable[[RoomEntity, Incoming], Awaitable[None] | None]
"""Takes a message to the room itself that is not for everybody, by the tag of a child."""
