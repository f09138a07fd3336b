"""The router and the table of sessions while there is one node (``core/ports.py``)."""

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clarion.core.ports import EntityId, Parcel, SessionId, SessionRef
from clarion.lib.log import get_logger

log = get_logger("xmpp")

Take = Callable[[str, Parcel], Future[Any] | None]
"""Takes a parcel for the entity with this address; returns as ``Router.hand_over``."""


class OneNodeRouter:
    """Hands everything to entities and sessions of this process.

    ``connect`` is called once by the door, which knows both ends.
    """

    def __init__(self) -> None:
        self._takes: Mapping[str, Take] = {}
        self._send: Callable[[SessionId, bytes], None] | None = None

    def connect(self, takes: Mapping[str, Take], send: Callable[[SessionId, bytes], None]) -> None:
        """Say who takes parcels, by kind of entity, and how to reach a session."""
        self._takes = {**self._takes, **takes}
        self._send = send

    def add(self, kind: str, take: Take) -> None:
        """Say who takes parcels for one more kind of entity."""
        self._takes = {**self._takes, kind: take}

    def to_entity(self, entity: EntityId, parcel: Parcel) -> None:
        """See ``Router``."""
        self.hand_over(entity, parcel)

    def hand_over(self, entity: EntityId, parcel: Parcel) -> Future[Any] | None:
        """See ``Router``."""
        kind, _, address = entity.partition(":")
        take = self._takes.get(kind)
        if take is None:
            log.warning("nobody takes parcels for this kind of entity", entity_kind=kind)
            return None
        return take(address, parcel)

    def to_session(self, session: SessionId, stanza: bytes) -> None:
        """See ``Router``."""
        if self._send is not None:
            self._send(session, stanza)


class OneNodeSessions:
    """Who is on line, by bare JID."""

    def __init__(self) -> None:
        self._refs: dict[str, dict[SessionId, SessionRef]] = {}

    def announce(self, person: str, session: SessionRef) -> None:
        """See ``Sessions``."""
        self._refs.setdefault(person, {})[session.session] = session

    def withdraw(self, person: str, session: SessionId) -> None:
        """See ``Sessions``."""
        refs = self._refs.get(person)
        if refs is not None:
            refs.pop(session, None)
            if not refs:
                del self._refs[person]

    def of(self, person: str) -> Sequence[SessionRef]:
        """See ``Sessions``."""
        refs = self._refs.get(person)
        return tuple(refs.values()) if refs is not None else ()
