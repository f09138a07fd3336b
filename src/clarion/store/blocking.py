"""Block lists on a database (XEP-0191)."""

from collections.abc import Sequence
from typing import Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Shape, Value, WriteOp, person_entity
from clarion.lib.errors import UsageError
from clarion.store.refusals import UnknownReferenceError

_ADD: Final = "INSERT INTO blocked (owner, jid) VALUES (?, ?) ON CONFLICT (owner, jid) DO NOTHING"
_REMOVE: Final = "DELETE FROM blocked WHERE owner = ? AND jid = ?"
_CLEAR: Final = Shape(("DELETE FROM blocked WHERE owner = ?",))
_LOAD: Final = "SELECT owner, jid FROM blocked ORDER BY owner, jid"


class DatabaseBlocking:
    """Implements ``core.blocking.BlockingStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[tuple[PersonNumber, str]]:
        """See ``BlockingStore``."""
        rows = await self._database.read(_LOAD)
        return [(_number(owner), str(jid)) for owner, jid in rows]

    async def add(self, owner: PersonNumber, jids: Sequence[str]) -> None:
        """See ``BlockingStore``."""
        await self._all(_ADD, owner, jids)

    async def remove(self, owner: PersonNumber, jids: Sequence[str]) -> None:
        """See ``BlockingStore``."""
        await self._all(_REMOVE, owner, jids)

    async def clear(self, owner: PersonNumber) -> None:
        """See ``BlockingStore``."""
        await self._database.put(person_entity(f"#{owner}"), WriteOp(_CLEAR, ((owner,),)))

    async def _all(self, sql: str, owner: PersonNumber, jids: Sequence[str]) -> None:
        if not jids:
            return
        rows = tuple((owner, jid) for jid in jids)
        op = WriteOp(Shape((sql,) * len(rows)), rows)  # almost always one statement
        try:
            await self._database.put(person_entity(f"#{owner}"), op)
        except UnknownReferenceError as error:
            raise UsageError("there is no such person") from error


def _number(value: Value) -> PersonNumber:
    assert isinstance(value, int)
    return PersonNumber(value)
