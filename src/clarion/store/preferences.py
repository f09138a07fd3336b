"""What people want archived, on a database."""

import json
from collections.abc import Mapping
from typing import Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Row, Shape, WriteOp, person_entity
from clarion.core.preferences import EVERYTHING, Policy, Preferences
from clarion.lib.errors import UsageError
from clarion.store.refusals import UnknownReferenceError

_LOAD: Final = "SELECT owner, fallback, always, never FROM archive_preference"
_PUT: Final = Shape(
    (
        (
            "INSERT INTO archive_preference (owner, fallback, always, never) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (owner) DO UPDATE SET fallback = excluded.fallback,"
            " always = excluded.always, never = excluded.never"
        ),
    )
)
_DROP: Final = Shape(("DELETE FROM archive_preference WHERE owner = ?",))


class DatabasePreferences:
    """Implements ``core.preferences.PreferenceStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Mapping[PersonNumber, Preferences]:
        """See ``PreferenceStore``."""
        return dict(_chosen(row) for row in await self._database.read(_LOAD))

    async def put(self, owner: PersonNumber, preferences: Preferences) -> None:
        """See ``PreferenceStore``.

        Raises:
            UsageError: There is no such person.

        """
        if preferences == EVERYTHING:
            op = WriteOp(_DROP, ((owner,),))
        else:
            always, never = _list(preferences.always), _list(preferences.never)
            op = WriteOp(_PUT, ((owner, preferences.fallback.value, always, never),))
        try:
            await self._database.put(person_entity(f"#{owner}"), op)
        except UnknownReferenceError as error:
            raise UsageError("there is no such person") from error


def _list(jids: frozenset[str]) -> str:
    return json.dumps(sorted(jids), ensure_ascii=False)


def _chosen(row: Row) -> tuple[PersonNumber, Preferences]:
    owner, fallback, always, never = row
    assert isinstance(owner, int)
    lists = (frozenset(json.loads(str(names))) for names in (always, never))
    return PersonNumber(owner), Preferences(Policy(str(fallback)), *lists)
