"""Rooms on a database (XEP-0045)."""

import asyncio
import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from clarion.core.archive import ThreadId
from clarion.core.model import DepartmentNumber
from clarion.core.ports import Database, Row, Shape, Value, WriteOp, room_entity
from clarion.core.rooms import (
    Affiliated,
    Affiliation,
    Role,
    Room,
    RoomConfig,
    RoomNumber,
    Stay,
    Subject,
    Whom,
)
from clarion.lib.errors import UsageError
from clarion.lib.ids import ItemId
from clarion.store.refusals import TakenError, UnknownReferenceError
from clarion.store.retention import DROP_ITEM, ITEMS, LINES, item_row

SLICE: Final = 1_000
"""Rows that are read before others get their turn on the loop: about 1 ms."""

_ROOM: Final = (
    "INSERT INTO room (address, department, config, subject, subject_nick, subject_at)"
    " VALUES (?, ?, ?, '', '', 0.0) RETURNING number"
)
_NUMBER: Final = "(SELECT number FROM room WHERE address = ?)"
# Whoever affiliates a room that is being made knows its address and not yet its number.
_FIRST_AFFILIATION: Final = (
    "INSERT INTO room_affiliation (room, jid, affiliation, nick, reason)"  # noqa: S608  # a query of our own
    f" VALUES ({_NUMBER}, ?, ?, ?, ?)"
)
_FIRST_STAY: Final = f"INSERT INTO room_stay (room, jid, since) VALUES ({_NUMBER}, ?, ?)"  # noqa: S608  # the same
_CONFIGURE: Final = Shape(("UPDATE room SET config = ? WHERE number = ? RETURNING number",))
_SUBJECT: Final = Shape(
    (
        (
            "UPDATE room SET subject = ?, subject_nick = ?, subject_at = ? WHERE number = ?"
            " RETURNING number"
        ),
    )
)
_SET_AVATAR: Final = Shape(
    (
        (
            "INSERT INTO room_avatar (room, media, image) VALUES (?, ?, ?)"
            " ON CONFLICT (room) DO UPDATE SET media = excluded.media, image = excluded.image"
        ),
    )
)
_NO_AVATAR: Final = Shape(("DELETE FROM room_avatar WHERE room = ?",))
_AFFILIATE: Final = (
    "INSERT INTO room_affiliation (room, jid, affiliation, nick, reason) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (room, jid) DO UPDATE SET affiliation = excluded.affiliation,"
    " nick = excluded.nick, reason = excluded.reason"
)
_PART: Final = "DELETE FROM room_affiliation WHERE room = ? AND jid = ?"
_BEGIN: Final = (
    "INSERT INTO room_stay (room, jid, since) SELECT ?, ?, ? WHERE NOT EXISTS"
    " (SELECT 1 FROM room_stay WHERE room = ? AND jid = ? AND until IS NULL)"
    " ON CONFLICT (room, jid, since) DO UPDATE SET until = NULL"
)
_END: Final = "UPDATE room_stay SET until = ? WHERE room = ? AND jid = ? AND until IS NULL"
_DESTROY: Final = Shape(
    (
        (
            "INSERT INTO room_ruin (room, thread, up_to) SELECT number, ?, ? FROM room"
            " WHERE number = ?"
        ),
        "DELETE FROM room_affiliation WHERE room = ?",
        "DELETE FROM room_avatar WHERE room = ?",
        "DELETE FROM room WHERE number = ?",
    )
)

_ROOMS: Final = (
    "SELECT number, address, department, config, subject, subject_nick, subject_at FROM room"
    " ORDER BY number"
)
_AFFILIATIONS: Final = (
    "SELECT room, jid, affiliation, nick, reason FROM room_affiliation ORDER BY room, jid"
)
_AVATARS: Final = "SELECT room, media, image FROM room_avatar"
_STAYS: Final = (
    "SELECT jid, since, until FROM room_stay WHERE room = ? AND since < ?"
    " AND (until IS NULL OR until >= ?) ORDER BY jid, since"
)

_RUINS: Final = "SELECT room FROM room_ruin ORDER BY room"
_RUIN: Final = "SELECT thread, up_to FROM room_ruin WHERE room = ?"
_LINES: Final = (
    "SELECT line.id, sender, recipient FROM line LEFT JOIN item ON item.id = line.id"
    " WHERE line.owner = ? AND line.incoming = ? ORDER BY line.id LIMIT ?"
)
_DROP_LINES: Final = "DELETE FROM line WHERE owner = ? AND incoming = ? AND id <= ?"
_SOME_STAYS: Final = "SELECT room, jid, since FROM room_stay WHERE room = ? LIMIT ?"
_DROP_STAY: Final = "DELETE FROM room_stay WHERE room = ? AND jid = ? AND since = ?"
_MOVES: Final = "SELECT number FROM move WHERE thread = ? AND up_to <= ? LIMIT ?"
_DROP_MOVE: Final = "DELETE FROM move WHERE number = ?"
_HEIGHTS: Final = (
    "SELECT thread, reader, state, up_to FROM height WHERE thread = ? AND up_to <= ? LIMIT ?"
)
_DROP_HEIGHT: Final = (
    "DELETE FROM height WHERE thread = ? AND reader = ? AND state = ? AND up_to = ?"
)
_CLEARED: Final = Shape(("DELETE FROM room_ruin WHERE room = ?",))


class DatabaseRooms:
    """Implements ``core.rooms.RoomStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[Room]:
        """See ``RoomStore``. Nobody writes meanwhile: it is done once, at the start."""
        affiliations: dict[int, dict[str, Affiliated]] = {}
        for count, row in enumerate(await self._database.read(_AFFILIATIONS), start=1):
            number, jid, word, nick, reason = row
            one = Affiliated(str(jid), Affiliation[str(word).upper()], str(nick), str(reason))
            affiliations.setdefault(_integer(number), {})[one.jid] = one
            if count % SLICE == 0:
                await asyncio.sleep(0)
        avatars: dict[int, tuple[str, bytes]] = {}
        for number, media, image in await self._database.read(_AVATARS):
            avatars[_integer(number)] = (str(media), _bytes(image))
        rooms = []
        for count, row in enumerate(await self._database.read(_ROOMS), start=1):
            room = _room(row)
            room.affiliations = affiliations.get(room.number, {})
            room.avatar = avatars.get(room.number)
            rooms.append(room)
            if count % SLICE == 0:
                await asyncio.sleep(0)
        return rooms

    async def create(
        self,
        address: str,
        config: RoomConfig,
        affiliations: Sequence[Affiliated],
        department: DepartmentNumber | None,
        at: ItemId,
    ) -> RoomNumber:
        """See ``RoomStore``."""
        statements = [_ROOM]
        parameters: list[tuple[Value, ...]] = [(address, department, _config_text(config))]
        for one in affiliations:
            statements.append(_FIRST_AFFILIATION)
            parameters.append((address, one.jid, one.affiliation.word, one.nick, one.reason))
            if one.affiliation >= Affiliation.MEMBER:
                statements.append(_FIRST_STAY)
                parameters.append((address, one.jid, at))
        try:
            op = WriteOp(Shape(tuple(statements)), tuple(parameters))
            made = await self._database.put(room_entity(address), op)
        except TakenError as error:
            raise UsageError(f"there is a room {address} already") from error
        return RoomNumber(_integer(made[0][0]))

    async def configure(self, room: RoomNumber, config: RoomConfig) -> None:
        """See ``RoomStore``.

        Raises:
            UsageError: There is no such room.

        """
        await self._change(room, _CONFIGURE, (_config_text(config), room))

    async def set_subject(self, room: RoomNumber, subject: Subject) -> None:
        """See ``RoomStore``.

        Raises:
            UsageError: There is no such room.

        """
        await self._change(room, _SUBJECT, (subject.text, subject.nick, subject.at, room))

    async def set_avatar(self, room: RoomNumber, avatar: tuple[str, bytes] | None) -> None:
        """See ``RoomStore``.

        Raises:
            UsageError: There is no such room.

        """
        if avatar is None:
            await self._write(room, _NO_AVATAR, ((room,),))
        else:
            await self._write(room, _SET_AVATAR, ((room, *avatar),))

    async def affiliate(self, room: RoomNumber, changes: Sequence[Affiliated], at: ItemId) -> None:
        """See ``RoomStore``.

        Raises:
            UsageError: There is no such room.

        """
        statements: list[str] = []
        parameters: list[tuple[Value, ...]] = []
        for one in changes:
            if one.affiliation is Affiliation.NONE:
                statements.append(_PART)
                parameters.append((room, one.jid))
            else:
                statements.append(_AFFILIATE)
                parameters.append((room, one.jid, one.affiliation.word, one.nick, one.reason))
            if one.affiliation >= Affiliation.MEMBER:
                statements.append(_BEGIN)
                parameters.append((room, one.jid, at, room, one.jid))
            else:
                statements.append(_END)
                parameters.append((at, room, one.jid))
        if statements:
            await self._write(room, Shape(tuple(statements)), tuple(parameters))

    async def destroy(self, room: RoomNumber, thread: ThreadId, at: ItemId) -> None:
        """See ``RoomStore``."""
        rows = ((thread, at, room), (room,), (room,), (room,))
        await self._write(room, _DESTROY, rows)

    async def ruins(self) -> Sequence[RoomNumber]:
        """See ``RoomStore``."""
        rows = await self._database.read(_RUINS)
        return [RoomNumber(_integer(number)) for (number,) in rows]

    async def clear(self, room: RoomNumber) -> int:
        """See ``RoomStore``; at most ``ITEMS`` of the archive or ``LINES`` of the rest."""
        found = await self._database.read(_RUIN, (room,))
        if not found:
            return 0
        for lane in (0, 1):
            rows = await self._database.read(_LINES, (-room, lane, ITEMS))
            if rows:
                await self._drop_lines(room, lane, rows)
                return len(rows)
        ((thread, up_to),) = found
        for select, parameters, drop in (
            (_SOME_STAYS, (room, LINES), _DROP_STAY),
            (_MOVES, (thread, up_to, LINES), _DROP_MOVE),
            (_HEIGHTS, (thread, up_to, LINES), _DROP_HEIGHT),
        ):
            rows = await self._database.read(select, parameters)
            if rows:
                await self._write(room, Shape((drop,) * len(rows)), tuple(rows))
                return len(rows)
        await self._write(room, _CLEARED, ((room,),))
        return 0

    async def stays(
        self, room: RoomNumber, item: ItemId, last: ItemId | None = None
    ) -> Sequence[Stay]:
        """See ``RoomStore``."""
        rows = await self._database.read(_STAYS, (room, last or item, item))
        return [_stay(row) for row in rows]

    async def _drop_lines(self, room: RoomNumber, lane: int, rows: Iterable[Row]) -> None:
        """Drop lines, and then those of their items that nobody else has, in one transaction."""
        lines = list(rows)
        items = [item_row(*line) for line in lines if line[1] is not None]
        shape = Shape((_DROP_LINES, *[DROP_ITEM] * len(items)))
        await self._write(room, shape, ((-room, lane, lines[-1][0]), *items))

    async def _change(self, room: RoomNumber, shape: Shape, row: tuple[Value, ...]) -> None:
        if not await self._write(room, shape, (row,)):
            raise _no_room()

    async def _write(
        self, room: RoomNumber, shape: Shape, parameters: tuple[tuple[Value, ...], ...]
    ) -> list[Row]:
        try:
            return await self._database.put(room_entity(f"#{room}"), WriteOp(shape, parameters))
        except UnknownReferenceError as error:
            raise _no_room() from error


def _no_room() -> UsageError:
    return UsageError("there is no such room")


def _config_text(config: RoomConfig) -> str:
    fields = dataclasses.asdict(config)
    fields["presence"] = sorted(role.word for role in config.presence)
    return json.dumps(fields, ensure_ascii=False)


def _config(text: str) -> RoomConfig:
    given: dict[str, Any] = json.loads(text)
    known = {field.name for field in dataclasses.fields(RoomConfig)}
    fields = {name: value for name, value in given.items() if name in known}
    for name in ("whois", "private_messages", "members_list"):
        if name in fields:
            fields[name] = Whom(fields[name])
    if "presence" in fields:
        fields["presence"] = frozenset(Role[word.upper()] for word in fields["presence"])
    return RoomConfig(**fields)


def _room(row: Row) -> Room:
    number, address, department, config, text, nick, at = row
    assert isinstance(at, float)
    return Room(
        RoomNumber(_integer(number)),
        str(address),
        _config(str(config)),
        Subject(str(text), str(nick), at),
        department=None if department is None else DepartmentNumber(_integer(department)),
    )


def _stay(row: Row) -> Stay:
    jid, since, until = row
    return Stay(str(jid), ItemId(_bytes(since)), None if until is None else ItemId(_bytes(until)))


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)
    return value
