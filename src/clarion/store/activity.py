"""When people were last here, on a database (XEP-0012)."""

from asyncio import Future
from typing import Any, Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Shape, WriteOp, person_entity
from clarion.xmpp.activity import LastActivity

_LEFT: Final = Shape(
    (
        (
            "INSERT INTO last_activity (person, at, status) VALUES (?, ?, ?)"
            " ON CONFLICT (person) DO UPDATE SET at = excluded.at, status = excluded.status"
        ),
    ),
    mergeable=True,
)
_LAST: Final = "SELECT at, status FROM last_activity WHERE person = ?"


class DatabaseActivity:
    """Implements ``xmpp.activity.ActivityStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, person: PersonNumber) -> LastActivity | None:
        """See ``ActivityStore``."""
        rows = await self._database.read(_LAST, (person,))
        if not rows:
            return None
        at, status = rows[0]
        assert isinstance(at, (int, float))
        return LastActivity(float(at), str(status))

    def left(self, person: PersonNumber, how: LastActivity) -> Future[Any]:
        """See ``ActivityStore``."""
        owner = person_entity(f"#{person}")
        return self._database.put(owner, WriteOp(_LEFT, ((person, how.at, how.status),)))
