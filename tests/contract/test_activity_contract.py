"""What every engine promises of ``xmpp.activity.ActivityStore``."""

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.store.activity import DatabaseActivity
from clarion.store.people import DatabasePeople
from clarion.xmpp.activity import LastActivity


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    return (await DatabasePeople(database).add_person(person)).number


async def test_the_last_time_counts(database: Database, ann: PersonNumber):
    store = DatabaseActivity(database)
    assert await store.last(ann) is None
    await store.left(ann, LastActivity(1_750_000_000.25, "Heading Home"))
    assert await store.last(ann) == LastActivity(1_750_000_000.25, "Heading Home")
    await store.left(ann, LastActivity(1_750_000_001.0, ""))
    assert await DatabaseActivity(database).last(ann) == LastActivity(1_750_000_001.0, "")
