"""The book of rooms: all of them, in memory and in the store (XEP-0045 sections 5 and 10).

Read once at the start and looked up synchronously from then on. A change is
checked, written, then shown in memory, then told on the bus; so whoever hears
of it finds the new state here. Changes to one room follow each other; changes
to different rooms go side by side.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final
from weakref import WeakValueDictionary

from clarion.core.archive import room_thread
from clarion.core.bus import Bus
from clarion.core.events import (
    PersonDeleted,
    RoomAffiliated,
    RoomConfigured,
    RoomCreated,
    RoomDestroyed,
)
from clarion.core.model import DepartmentNumber
from clarion.core.rooms import (
    AFFILIATIONS_LIMIT,
    ROOMS_LIMIT,
    Affiliated,
    Affiliation,
    Room,
    RoomConfig,
    RoomNumber,
    RoomStore,
    Stay,
    Subject,
)
from clarion.lib.errors import UsageError
from clarion.lib.ids import ItemId

AVATAR_LIMIT_BYTES: Final = 131_072
"""LIMIT: a room's avatar; all are in memory. People's own may be as large (XEP-0054)."""
CHANGES_AT_ONCE: Final = 500
"""LIMIT: affiliations that one transaction changes, some 5 ms of the writer's time."""

_NOBODY: Final[Mapping[str, Affiliated]] = MappingProxyType({})


class LastOwnerError(UsageError):
    """A room must keep an owner (section 10); ``<conflict/>`` on the wire (section 10.4)."""


class NickTakenError(UsageError):
    """A nickname is reserved for somebody else; ``<conflict/>`` on the wire (section 7.10)."""


class RoomBook:
    """All rooms of the organisation.

    Args:
        store: Keeps them.
        mint: Makes the id that stands for now in the order of items.
        bus: Hears of every change, and tells who is no more.

    """

    def __init__(self, store: RoomStore, mint: Callable[[], ItemId], bus: Bus) -> None:
        self._store = store
        self._mint = mint
        self._bus = bus
        self._rooms: dict[str, Room] = {}
        self._departments: dict[DepartmentNumber, Room] = {}
        self._affiliated: dict[RoomNumber, dict[str, Affiliated]] = {}
        self._nicks: dict[RoomNumber, dict[str, str]] = {}
        self._rooms_of: dict[str, dict[RoomNumber, Room]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        bus.subscribe(PersonDeleted, lambda event: self._person_deleted(event.person.address))

    async def load(self) -> None:
        """Read all rooms, once, before anybody asks.

        Raises:
            UnavailableError: The store cannot answer.

        """
        for room in await self._store.load():
            self._show(room)

    # Look-ups. None of them waits.

    def get(self, address: str) -> Room | None:
        """Return the room with this normalised bare JID."""
        return self._rooms.get(address)

    def all(self) -> list[Room]:
        """Return all rooms in the order of their making."""
        return list(self._rooms.values())

    def of_department(self, number: DepartmentNumber) -> Room | None:
        """Return the room of a department."""
        return self._departments.get(number)

    def affiliated(self, jid: str) -> list[Room]:
        """Return the rooms with which a bare JID is affiliated, those too where it is banned."""
        return list(self._rooms_of.get(jid, {}).values())

    def holder(self, room: Room, nick: str) -> str | None:
        """Return for whom a nickname is reserved (section 7.12)."""
        return self._nicks.get(room.number, {}).get(nick)

    async def stays(self, room: Room, item: ItemId, last: ItemId | None = None) -> Sequence[Stay]:
        """Return who was a member, or more, when ``item`` was said.

        With ``last`` when any item from the one to the other was.

        Raises:
            UnavailableError: The store cannot answer.

        """
        return await self._store.stays(room.number, item, last)

    # Changes. All raise ``UsageError`` when they cannot be, also as the room is
    # no more, and ``UnavailableError`` when the store cannot keep them.

    async def create(
        self,
        address: str,
        config: RoomConfig,
        affiliations: Sequence[Affiliated] = (),
        *,
        department: DepartmentNumber | None = None,
        locked: bool = False,
    ) -> Room:
        """Make a room.

        More than ``CHANGES_AT_ONCE`` affiliations follow in lots: whoever
        makes a room for so many sees to it that those come who are missing.

        Args:
            address: Its normalised bare JID.
            config: What it is like.
            affiliations: At least one owner, unless it is a department's.
            department: Whose room it is.
            locked: See ``Room``.

        Raises:
            UsageError: There is such a room, there are ``ROOMS_LIMIT``, or the
                affiliations break a rule (see ``affiliate``).

        """
        async with self._lock(address):
            if address in self._rooms:
                raise UsageError(f"there is a room {address} already")
            if len(self._rooms) >= ROOMS_LIMIT:
                raise UsageError(f"there are {ROOMS_LIMIT} rooms; destroy one first")
            draft = Room(RoomNumber(0), address, config, department=department, locked=locked)
            changes = self._changes(draft, affiliations)
            first = changes[:CHANGES_AT_ONCE]
            number = await self._store.create(address, config, first, department, self._mint())
            room = replace(draft, number=number, affiliations={one.jid: one for one in first})
            self._show(room)
            self._bus.publish(RoomCreated(room))
            await self._affiliate(room, changes[CHANGES_AT_ONCE:], "")
        return room

    async def configure(self, room: Room, config: RoomConfig) -> None:
        """Set a room up; it is not locked from then on (section 10.1)."""
        async with self._lock(room.address):
            self._check(room)
            before = room.config
            if config != before:
                await self._store.configure(room.number, config)
                room.config = config
            if config != before or room.locked:
                room.locked = False
                self._bus.publish(RoomConfigured(room, before))

    async def affiliate(
        self, room: Room, changes: Sequence[Affiliated], by: str
    ) -> tuple[Affiliated, ...]:
        """Change affiliations, all or none; more than ``CHANGES_AT_ONCE`` go in lots of so many.

        What is so already is no change. Of several for one JID the last one
        counts. A nickname stays reserved until another is, or the affiliation
        ends or becomes that of an outcast.

        Args:
            room: Whose.
            changes: ``NONE`` takes an affiliation away.
            by: The bare JID of who does it; ``""``: the server.

        Returns:
            What has changed, to what it is now.

        Raises:
            LastOwnerError: Nobody would own the room.
            NickTakenError: A nickname is reserved for somebody else.
            UsageError: There would be more than ``AFFILIATIONS_LIMIT``, or a
                whole domain would be something else than an outcast.

        """
        async with self._lock(room.address):
            self._check(room)
            found = self._changes(room, changes)
            await self._affiliate(room, found, by)
        return tuple(found)

    async def set_subject(self, room: Room, subject: Subject) -> None:
        """Replace the subject (section 8.1); who may, and whom to tell, the caller knows."""
        async with self._lock(room.address):
            self._check(room)
            await self._store.set_subject(room.number, subject)
            room.subject = subject

    async def set_avatar(self, room: Room, avatar: tuple[str, bytes] | None) -> None:
        """Replace the avatar: media type and bytes (XEP-0486); ``None`` takes it away.

        Raises:
            UsageError: It is larger than ``AVATAR_LIMIT_BYTES``.

        """
        if avatar is not None and len(avatar[1]) > AVATAR_LIMIT_BYTES:
            raise UsageError(f"an avatar of a room has {AVATAR_LIMIT_BYTES} bytes at most")
        async with self._lock(room.address):
            self._check(room)
            await self._store.set_avatar(room.number, avatar)
            room.avatar = avatar

    async def destroy(
        self, room: Room, reason: str = "", alternate: str = "", password: str = ""
    ) -> None:
        """End a room (section 10.9); what is left of it goes later (``core/ruins.py``).

        Args:
            room: Which.
            reason: Why.
            alternate: The JID of a room to meet in instead.
            password: Of that room.

        """
        async with self._lock(room.address):
            self._check(room)
            await self._store.destroy(room.number, room_thread(room.address), self._mint())
            self._hide(room)
            self._bus.publish(RoomDestroyed(room, reason, alternate, password))

    async def _affiliate(self, room: Room, changes: Sequence[Affiliated], by: str) -> None:
        for start in range(0, len(changes), CHANGES_AT_ONCE):
            lot = changes[start : start + CHANGES_AT_ONCE]
            await self._store.affiliate(room.number, lot, self._mint())
            for one in lot:
                self._set(room, one)
            self._bus.publish(RoomAffiliated(room, tuple(lot), by))

    def _changes(self, room: Room, wanted: Iterable[Affiliated]) -> list[Affiliated]:
        """Return what is to change, if it may."""
        before = room.affiliations
        changes: dict[str, Affiliated] = {}
        for one in wanted:
            if "@" not in one.jid and one.affiliation > Affiliation.NONE:
                raise UsageError(f"{one.jid}: a whole domain can be an outcast and nothing else")
            changes[one.jid] = _carried(one, before.get(one.jid))
        found = [
            one
            for one in changes.values()
            if one != (before.get(one.jid) or Affiliated(one.jid, Affiliation.NONE))
        ]
        self._check_nicks(room, found)
        after = len(before)
        for one in found:
            after += (one.affiliation is not Affiliation.NONE) - (one.jid in before)
        if after > AFFILIATIONS_LIMIT and after > len(before):
            raise UsageError(f"a room has {AFFILIATIONS_LIMIT} affiliations at most")
        if room.department is None and not _keeps_owner(room, {one.jid: one for one in found}):
            raise LastOwnerError(f"the room {room.address} must keep an owner")
        # Owners first, so that a room has one also when some lots are done and others not.
        return sorted(found, key=lambda one: -one.affiliation)

    def _check_nicks(self, room: Room, changes: Sequence[Affiliated]) -> None:
        taken = dict(self._nicks.get(room.number, {}))
        for one in changes:
            had = room.affiliations.get(one.jid)
            if had is not None and had.nick != one.nick:
                taken.pop(had.nick, None)
        for one in changes:
            if one.nick and taken.setdefault(one.nick, one.jid) != one.jid:
                raise NickTakenError(f"the nickname {one.nick!r} is reserved for somebody else")

    def _person_deleted(self, address: str) -> None:
        """Show what the store did with the person (``store/people.py``).

        A room may be left without an owner: then the organisation's
        administrators are all it has.
        """
        for room in self.affiliated(address):
            gone = Affiliated(address, Affiliation.NONE)
            self._set(room, gone)
            self._bus.publish(RoomAffiliated(room, (gone,), ""))

    def _show(self, room: Room) -> None:
        self._rooms[room.address] = room
        if room.department is not None:
            self._departments[room.department] = room
        given = room.affiliations
        mine = self._affiliated[room.number] = {}
        self._nicks[room.number] = {}
        room.affiliations = MappingProxyType(mine)
        for one in given.values():
            self._set(room, one)

    def _hide(self, room: Room) -> None:
        del self._rooms[room.address]
        if room.department is not None:
            self._departments.pop(room.department, None)
        # What the room was stays with those who hear that it is no more.
        for jid in self._affiliated.pop(room.number):
            self._leave(room, jid)
        self._nicks.pop(room.number, None)

    def _set(self, room: Room, one: Affiliated) -> None:
        mine, nicks = self._affiliated[room.number], self._nicks[room.number]
        before = mine.get(one.jid)
        if before is not None and nicks.get(before.nick) == one.jid:
            del nicks[before.nick]
        if one.affiliation is Affiliation.NONE:
            mine.pop(one.jid, None)
            self._leave(room, one.jid)
            return
        mine[one.jid] = one
        self._rooms_of.setdefault(one.jid, {})[room.number] = room
        if one.nick:
            nicks[one.nick] = one.jid

    def _leave(self, room: Room, jid: str) -> None:
        rooms = self._rooms_of.get(jid)
        if rooms is not None:
            rooms.pop(room.number, None)
            if not rooms:
                del self._rooms_of[jid]

    def _check(self, room: Room) -> None:
        if self._rooms.get(room.address) is not room:
            raise UsageError(f"there is no room {room.address} any more")

    def _lock(self, address: str) -> asyncio.Lock:
        lock = self._locks.get(address)
        if lock is None:
            lock = self._locks[address] = asyncio.Lock()
        return lock


def _carried(one: Affiliated, before: Affiliated | None) -> Affiliated:
    """Return ``one`` with the nickname that it keeps, and nothing where it is no affiliation."""
    if one.affiliation is Affiliation.NONE:
        return Affiliated(one.jid, Affiliation.NONE)
    if one.affiliation is Affiliation.OUTCAST:
        return replace(one, nick="")
    if one.nick or before is None:
        return one
    return replace(one, nick=before.nick)


def _keeps_owner(room: Room, changes: Mapping[str, Affiliated]) -> bool:
    if any(one.affiliation is Affiliation.OWNER for one in changes.values()):
        return True
    owners = [one.jid for one in room.affiliations.values() if one.affiliation is Affiliation.OWNER]
    lost = sum(jid in changes for jid in owners)
    return lost < len(owners) or (not owners and room.number != 0)
