"""What an entity may ask of the rest of the house, wherever the rest is.

Everything stateful is an entity with one owner at a time (a person, later a
room, a mailbox, a DING). On one node the owner is always here; the ports are
cut so that one day it need not be: what crosses them is bytes or frozen
values, never a reference to another entity's object.
"""

from asyncio import Future
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType, Protocol

from clarion.lib.ids import ItemId
from clarion.lib.pattern import Pattern

EntityId = NewType("EntityId", str)
"""``kind:address``, e.g. ``"person:ann@corp.example"``."""

SessionId = NewType("SessionId", str)
"""One client's session, unguessable; survives a resumption (XEP-0198)."""


def person_entity(address: str) -> EntityId:
    """Return the entity of the person with this normalised address."""
    return EntityId("person:" + address)


def room_entity(address: str) -> EntityId:
    """Return the entity of the room with this normalised bare JID.

    The rooms' domain itself, without a local part, is one too.
    """
    return EntityId("room:" + address)


def domain_entity(domain: str) -> EntityId:
    """Return the entity of everybody of another domain: a server's, or a component's."""
    return EntityId("domain:" + domain)


@dataclass(frozen=True, slots=True)
class SessionRef:
    """One session of a person, as others may see it.

    Attributes:
        session: Its id.
        resource: The resource part of its full JID.
        priority: Presence priority, -128 to 127; ``None`` while the session
            has not sent initial presence (RFC 6121 section 4.2).

    """

    session: SessionId
    resource: str
    priority: int | None


class Sessions(Protocol):
    """Belongs to the person entity: who is on line, and where."""

    def announce(self, person: str, session: SessionRef) -> None:
        """Add a session, or replace what was known of it."""
        ...

    def withdraw(self, person: str, session: SessionId) -> None:
        """Forget a session."""
        ...

    def of(self, person: str) -> Sequence[SessionRef]:
        """Return the sessions of the person with this normalised address."""
        ...


@dataclass(slots=True, unsafe_hash=True)  # see ``Parcel``
class ItemRef:
    """Names an archived item to those who deliver it.

    Attributes:
        item: The item's id.
        thread: Where its marks move (``core/archive.py``); ``None`` for an
            item that nobody reads, such as a receipt.
        room: Whether it was said in a room. Such an item is not delivered
            later to a person who missed it: the room's archive has it.

    """

    item: ItemId
    thread: bytes | None
    room: bool = False


@dataclass(slots=True, unsafe_hash=True)  # never changed; frozen takes 6 times as long to make
class Parcel:
    """A stanza on its way to an entity, complete with ``from`` and ``to``.

    Attributes:
        name: ``message``, ``presence`` or ``iq``.
        kind: Its ``type``; messages without one are ``normal``, presence ``""``.
        sender: The full or bare JID it comes from.
        resource: The resource it is addressed to; ``""`` for the bare JID.
        stanza: The bytes to deliver.
        item: Set when it is archived: then it is delivered until received.
        copy: The ``id`` of a message that the recipient's other sessions get a
            copy of (XEP-0280), ``""`` where it has none; ``None``: no copies.
        fleeting: Whether it tells only of this moment, as chat states do, so
            that of several the last one is enough (XEP-0352).
        pattern: What ``stanza`` was made of when many are sent the same: it is
            kept instead of the stanza until the client has it.

    """

    name: str
    kind: str
    sender: str
    resource: str
    stanza: bytes
    item: ItemRef | None = None
    copy: str | None = None
    fleeting: bool = False
    pattern: Pattern | None = field(default=None, compare=False)


class Router(Protocol):
    """The only way to reach an entity or a session that is not one's own."""

    def to_entity(self, entity: EntityId, parcel: Parcel) -> None:
        """Hand a stanza to the entity it is for; no answer: errors come as stanzas."""
        ...

    def hand_over(self, entity: EntityId, parcel: Parcel) -> Future[Any] | None:
        """Do the same for a sender who must not be told too early that it is safe.

        Returns:
            A future that resolves after the commit of what is kept of it, or
            fails as ``Writer.put`` says; ``None``: there is nothing to wait for.

        """
        ...

    def to_session(self, session: SessionId, stanza: bytes) -> None:
        """Append ``stanza`` to the session's queue; dropped when it is gone."""
        ...


class Outside(Protocol):
    """What is not of this server: other servers, and components."""

    def reaches(self, domain: str) -> bool:
        """Whether stanzas for this domain may be handed to the router at all."""
        ...


Value = bytes | str | int | float | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The SQL of a kind of write, made once at module level.

    Attributes:
        statements: SQL in the subset that SQLite and PostgreSQL share, with
            ``?`` for each parameter.
        mergeable: Whether many writes of this shape that follow each other
            may run statement by statement (all first statements, then all
            second ones) instead of write by write. Never for ``RETURNING``.

    """

    statements: tuple[str, ...]
    mergeable: bool = False


@dataclass(slots=True, unsafe_hash=True)  # see ``Parcel``
class WriteOp:
    """One all-or-nothing write.

    Attributes:
        shape: What to run.
        parameters: One tuple per statement of the shape.

    """

    shape: Shape
    parameters: tuple[tuple[Value, ...], ...]


class Writer(Protocol):
    """Group commit: many small writes in one transaction and one fsync."""

    def put(self, owner: EntityId, op: WriteOp) -> Future[list[Row]]:
        """Queue ``op`` behind all earlier ones.

        Returns:
            A future that resolves after the commit, with the rows of the
            op's last ``RETURNING`` statement. It need not be awaited.

        Raises:
            UnavailableError: From the future, and only from those of the
                writes concerned: the store is full, locked or broken, or the
                queue is at its limit. Nothing of this op was kept.
            UsageError: From the future: a constraint refused the row.

        """
        ...


class Database(Writer, Protocol):
    """What the store's files need of an engine (SQLite now, asyncpg later)."""

    async def read(
        self, sql: str, parameters: Iterable[Value] = (), *, owner: int | None = None
    ) -> list[Row]:
        """Run one query on a reader, apart from the writer; sees all that is committed.

        Args:
            sql: As in ``Shape``.
            parameters: One for each ``?``.
            owner: The person who asked for something that may take long: of
                each person one such query runs at a time, all persons take
                turns, and it may take so long and no longer. ``None``: the
                house asks.

        Raises:
            UnavailableError: The store is locked or broken, or the query for
                a person took too long, or too many of theirs wait.

        """
        ...
