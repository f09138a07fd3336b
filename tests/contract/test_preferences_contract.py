"""What every engine promises of ``core.preferences.PreferenceStore``."""

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.core.preferences import EVERYTHING, Policy, Preferences
from clarion.lib.errors import UsageError
from clarion.store.people import DatabasePeople
from clarion.store.preferences import DatabasePreferences

CHOSEN = Preferences(
    Policy.ROSTER,
    frozenset({"bob@corp.example", 'w\u00f6rk@corp.example/a "b"'}),
    frozenset({"cai@corp.example"}),
)


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    return (await DatabasePeople(database).add_person(person)).number


@pytest.fixture
def store(database: Database) -> DatabasePreferences:
    return DatabasePreferences(database)


async def test_preferences_come_back_as_they_were(store: DatabasePreferences, ann: PersonNumber):
    assert await store.load() == {}
    await store.put(ann, CHOSEN)
    assert await store.load() == {ann: CHOSEN}
    never = Preferences(Policy.NEVER)
    await store.put(ann, never)
    assert await store.load() == {ann: never}


async def test_who_wants_everything_has_none(store: DatabasePreferences, ann: PersonNumber):
    await store.put(ann, CHOSEN)
    await store.put(ann, EVERYTHING)
    assert await store.load() == {}
    await store.put(ann, EVERYTHING)


async def test_nobody_has_no_preferences(store: DatabasePreferences):
    with pytest.raises(UsageError, match="no such person"):
        await store.put(PersonNumber(99), CHOSEN)
