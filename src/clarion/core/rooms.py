"""Rooms: what lasts of them, and who may do what in them (XEP-0045 sections 5 and 10).

Everything here is durable and in memory from the start, like the directory: a
room's occupants, who come and go, belong to the door (``xmpp/rooms/``). What is
changed is changed in memory only after the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final, NewType, Protocol

from clarion.core.archive import ThreadId
from clarion.core.model import DepartmentNumber, PersonNumber
from clarion.lib.ids import ItemId

RoomNumber = NewType("RoomNumber", int)
"""A room's number in this organisation's store: small, positive, never reused. The room's archive
belongs to the owner with the *negative* number (``Room.owner``)."""

ROOMS_LIMIT: Final = 100_000
"""LIMIT: rooms of one organisation; all are in memory, some 2 KiB each."""
AFFILIATIONS_LIMIT: Final = 20_000
"""LIMIT: affiliations of one room."""

OCCUPANT_SECRET: Final = "occupant-id"  # noqa: S105  # the name of the secret, not the secret
OCCUPANT_KEY_BYTES: Final = 32
"""Of the key that makes occupant ids (XEP-0421): ``CredentialStore.secret`` makes it, once."""


class Affiliation(IntEnum):
    """A long-lived bond with a room, from the weakest to the strongest (section 5.2)."""

    OUTCAST = 0
    NONE = 1
    MEMBER = 2
    ADMIN = 3
    OWNER = 4

    @property
    def word(self) -> str:
        """As it is written on the wire."""
        return self.name.lower()


class Role(IntEnum):
    """What an occupant may do while in the room (section 5.1)."""

    NONE = 0
    VISITOR = 1
    PARTICIPANT = 2
    MODERATOR = 3

    @property
    def word(self) -> str:
        """As it is written on the wire."""
        return self.name.lower()


class Whom(StrEnum):
    """Who in a room may do something, or sees it (the values of section 15.5.3)."""

    ANYONE = "anyone"
    PARTICIPANTS = "participants"
    MODERATORS = "moderators"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RoomConfig:
    """What an owner may set (section 10.2); the defaults are those of a new room.

    Attributes:
        name: As shown to people.
        description: In a sentence.
        language: BCP 47 tag, or ``""``.
        public: Whether everybody finds it by service discovery.
        persistent: Whether it outlives its last occupant.
        members_only: Whether only members and above may enter.
        moderated: Whether who enters without an affiliation has no voice.
        password: What who enters must know; ``""``: nothing.
        whois: Who sees real JIDs: ``ANYONE`` makes the room non-anonymous,
            ``MODERATORS`` semi-anonymous.
        private_messages: Who may send them.
        subject_change: Whether participants may set the subject.
        invites: Whether members of a members-only room may invite.
        members_list: Who may ask for the lists of affiliations.
        presence: Roles whose presence is broadcast.
        voice_requests: Whether visitors may ask for a voice.
        archived: Whether what is said is kept (XEP-0313).
        occupants: LIMIT: how many may be in it at once; 0: as many as the server allows.
        history: How many messages who enters is sent at most.
        mention_push: Whether members who are not there are pushed only when named.

    """

    name: str = ""
    description: str = ""
    language: str = ""
    public: bool = False
    persistent: bool = False
    members_only: bool = False
    moderated: bool = False
    password: str = ""
    whois: Whom = Whom.ANYONE
    private_messages: Whom = Whom.ANYONE
    subject_change: bool = True
    invites: bool = True
    members_list: Whom = Whom.ANYONE
    presence: frozenset[Role] = frozenset({Role.VISITOR, Role.PARTICIPANT, Role.MODERATOR})
    voice_requests: bool = True
    archived: bool = True
    occupants: int = 0
    history: int = 20
    mention_push: bool = False


@dataclass(frozen=True, slots=True)
class Affiliated:
    """One affiliation.

    Attributes:
        jid: A normalised bare JID, of ours or of another server, or a whole
            domain for an outcast.
        affiliation: Never ``NONE``: that is the absence of one.
        nick: Reserved for this person (section 7.12), or ``""``.
        reason: Why, as the one who set it said.

    """

    jid: str
    affiliation: Affiliation
    nick: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A room's subject (section 8.1).

    Attributes:
        text: May be empty.
        nick: Who set it, as an occupant.
        at: Seconds since 1970.

    """

    text: str = ""
    nick: str = ""
    at: float = 0.0


@dataclass(slots=True)
class Room:
    """What lasts of a room. Changed by ``RoomBook`` alone, after the commit.

    Attributes:
        number: Key of its rows.
        address: Its normalised bare JID.
        config: What its owners have set.
        subject: Its subject.
        affiliations: By bare JID (or domain); who is not in it has ``NONE``.
        department: Whose room it is; such a room follows the directory.
        locked: Whether its creator is still setting it up (section 10.1.2); never kept.
        avatar: The XEP-0054 photo of the room (XEP-0486): media type and bytes.

    """

    number: RoomNumber
    address: str
    config: RoomConfig
    subject: Subject = Subject()
    affiliations: Mapping[str, Affiliated] = field(default_factory=dict)
    department: DepartmentNumber | None = None
    locked: bool = False
    avatar: tuple[str, bytes] | None = None

    @property
    def owner(self) -> PersonNumber:
        """Whose the lines of its archive are: a number that no person has (``core/archive.py``)."""
        return PersonNumber(-self.number)

    def affiliation(self, jid: str) -> Affiliation:
        """Return the affiliation of a bare JID; a whole domain may be outcast."""
        found = self.affiliations.get(jid) or self.affiliations.get(jid.rpartition("@")[2])
        return Affiliation.NONE if found is None else found.affiliation


@dataclass(frozen=True, slots=True)
class Stay:
    """That somebody was affiliated (member or above) for a span: whom "of 40" counts.

    Attributes:
        jid: Bare JID.
        since: The newest item of the house when the stay began: later items count.
        until: The newest item when it ended; ``None``: it has not.

    """

    jid: str
    since: ItemId
    until: ItemId | None = None

    def covers(self, item: ItemId) -> bool:
        """Whether it had begun before ``item``, and had not ended before it."""
        return self.since < item and (self.until is None or item <= self.until)


class RoomStore(Protocol):
    """What rooms ask of a store. Every call returns after the commit, all or nothing.

    All raise ``UnavailableError`` when the store cannot answer.
    """

    async def load(self) -> Sequence[Room]:
        """Return every room."""
        ...

    async def create(
        self,
        address: str,
        config: RoomConfig,
        affiliations: Sequence[Affiliated],
        department: DepartmentNumber | None,
        at: ItemId,
    ) -> RoomNumber:
        """Keep a new room; stays of its members begin at ``at``.

        Raises:
            UsageError: There is a room with this address, or of this department.

        """
        ...

    async def configure(self, room: RoomNumber, config: RoomConfig) -> None:
        """Replace its configuration."""
        ...

    async def set_subject(self, room: RoomNumber, subject: Subject) -> None:
        """Replace its subject."""
        ...

    async def set_avatar(self, room: RoomNumber, avatar: tuple[str, bytes] | None) -> None:
        """Replace its avatar."""
        ...

    async def affiliate(self, room: RoomNumber, changes: Sequence[Affiliated], at: ItemId) -> None:
        """Set affiliations; ``NONE`` takes one away. Stays begin and end at ``at``."""
        ...

    async def destroy(self, room: RoomNumber, thread: ThreadId, at: ItemId) -> None:
        """Forget a room: its address is free at once. What it leaves is for ``clear``.

        Args:
            room: Which; harmless when there is none.
            thread: In which people have read what was said there.
            at: The newest item of the house: later ones in that thread are
                not this room's.

        """
        ...

    async def ruins(self) -> Sequence[RoomNumber]:
        """Return the rooms that were destroyed and have left something."""
        ...

    async def clear(self, room: RoomNumber) -> int:
        """Delete some of what a destroyed room has left, in one short transaction.

        Its archive with all that nobody else has, the stays, and what people
        have read there.

        Returns:
            How much went; 0: nothing is left, and ``ruins`` does not name it any more.

        """
        ...

    async def stays(
        self, room: RoomNumber, item: ItemId, last: ItemId | None = None
    ) -> Sequence[Stay]:
        """Return the stays that cover ``item``: begun before it, not ended before it.

        With ``last`` those that cover any item from the one to the other.
        """
        ...
