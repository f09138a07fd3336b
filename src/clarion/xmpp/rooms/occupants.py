"""Who is in a room: people by nickname, each with the clients they use (XEP-0045 section 5)."""

from collections.abc import Iterator
from typing import Final

from clarion.core.ports import ItemRef, Parcel
from clarion.core.rooms import Affiliation, Role
from clarion.wire.xml import escape
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.parts import Parts, Sheet
from clarion.xmpp.services import Services

NOTHING_SHOWN: Final = Parts(b"<presence", b"", b"")


class Client:
    """One client of an occupant, ready to be sent to.

    Args:
        full: Its full JID.

    Attributes:
        full: The same.
        bare: Its bare JID.
        resource: What is behind the slash.
        entity: Who takes what is for it: a person, or another domain.
        to: The full JID as it is written in an attribute.

    """

    __slots__ = ("bare", "entity", "full", "resource", "to")

    def __init__(self, services: Services, full: str) -> None:
        jid = parse_jid(full)
        self.full = jid.full
        self.bare = jid.bare
        self.resource = jid.resource
        self.entity = services.entity(jid.bare)
        self.to = escape(jid.full).encode()


class Occupant:
    """Somebody in a room, under one nickname; with several clients if they enter so (7.2.9).

    Args:
        room: The room's bare JID.
        nick: The nickname.
        bare: The real bare JID.
        mark: The ``<occupant-id/>`` of this person in this room.

    Attributes:
        nick: How others see them.
        bare: Who it is.
        mark: See ``Args``.
        jid: The occupant JID.
        sender: The same as it is written in an attribute.
        role: What they may do now; ``Role.NONE`` once they are out.
        affiliation: As last told to the room.
        hats: What they wear (XEP-0317), already written.
        clients: By full JID, the one that spoke last at the end.
        shown: Their presence as they sent it.
        sheets: Their presence as others get it, with and without the real
            JID; made by ``RoomEntity.sheet``, forgotten when it changes.

    """

    __slots__ = (
        "affiliation",
        "bare",
        "clients",
        "hats",
        "jid",
        "mark",
        "nick",
        "role",
        "sender",
        "sheets",
        "shown",
    )

    def __init__(self, room: str, nick: str, bare: str, mark: bytes) -> None:
        self.bare = bare
        self.mark = mark
        self.hats = b""
        self.role = Role.NONE
        self.affiliation = Affiliation.NONE
        self.clients: dict[str, Client] = {}
        self.shown = NOTHING_SHOWN
        self.sheets: dict[bool, Sheet] = {}
        self.call(room, nick)

    def call(self, room: str, nick: str) -> None:
        """Give them this nickname."""
        self.nick = nick
        self.jid = f"{room}/{nick}"
        self.sender = escape(self.jid).encode()
        self.sheets.clear()

    def stand(self, affiliation: Affiliation, role: Role) -> None:
        """Note what they are in the room."""
        self.affiliation, self.role = affiliation, role
        self.sheets.clear()

    def show(self, parts: Parts) -> None:
        """Note the presence that they sent."""
        self.shown = parts
        self.sheets.clear()


class Occupants:
    """Everybody in a room; pure bookkeeping."""

    __slots__ = ("_by_bare", "_by_full", "_by_nick")

    def __init__(self) -> None:
        self._by_nick: dict[str, Occupant] = {}
        self._by_full: dict[str, Occupant] = {}
        self._by_bare: dict[str, list[Occupant]] = {}

    def __len__(self) -> int:
        return len(self._by_nick)

    def __iter__(self) -> Iterator[Occupant]:
        """Yield everybody as of now: who is told something may leave over it."""
        return iter(tuple(self._by_nick.values()))

    def nick(self, nick: str) -> Occupant | None:
        """Return who has this nickname."""
        return self._by_nick.get(nick)

    def client(self, full: str) -> Occupant | None:
        """Return whose client this is."""
        return self._by_full.get(full)

    def person(self, bare: str) -> tuple[Occupant, ...]:
        """Return the occupants that are this person: one, unless they use several nicknames."""
        return tuple(self._by_bare.get(bare, ()))

    def add(self, occupant: Occupant, client: Client) -> None:
        """Put a client in, and the occupant if it is new."""
        if not occupant.clients:
            self._by_nick[occupant.nick] = occupant
            self._by_bare.setdefault(occupant.bare, []).append(occupant)
        occupant.clients[client.full] = client
        self._by_full[client.full] = occupant

    def drop(self, client: Client) -> None:
        """Take a client out, and its occupant with the last of them."""
        occupant = self._by_full.pop(client.full)
        del occupant.clients[client.full]
        if not occupant.clients:
            del self._by_nick[occupant.nick]
            same = self._by_bare[occupant.bare]
            same.remove(occupant)
            if not same:
                del self._by_bare[occupant.bare]

    def rename(self, occupant: Occupant, room: str, nick: str) -> None:
        """Give an occupant another nickname, which nobody has."""
        del self._by_nick[occupant.nick]
        occupant.call(room, nick)
        self._by_nick[nick] = occupant


def send(  # the fields of a Parcel
    services: Services,
    client: Client,
    name: str,
    kind: str,
    sender: str,
    sheet: Sheet,
    item: ItemRef | None = None,
) -> None:
    """Send a stanza to one client; ``item`` where it is one of the room's archive."""
    # Of presence the pattern is kept until the client has it, once for all of them.
    pattern = sheet if name == "presence" else None
    parcel = Parcel(
        name, kind, sender, client.resource, sheet.addressed(client.to), item, pattern=pattern
    )
    services.router.to_entity(client.entity, parcel)
