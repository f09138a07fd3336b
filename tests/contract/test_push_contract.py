"""Every engine keeps push devices the same way."""

from dataclasses import replace

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.core.push import Device
from clarion.lib.errors import UsageError
from clarion.store.people import DatabasePeople
from clarion.store.push import DatabasePush

SERVICE = "push.client.example"


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    people = DatabasePeople(database)
    person = await people.add_person(Person(PersonNumber(0), "ann@corp.example", "Ann"))
    return person.number


async def test_devices_come_back_oldest_first(database: Database, ann: PersonNumber):
    store = DatabasePush(database)
    newer = Device(ann, SERVICE, "a", b"<x/>", 20.0)
    older = Device(ann, SERVICE, "", b"", 10.0)
    for device in (newer, older):
        await store.put(device)
    assert list(await store.load()) == [older, newer]
    again = replace(newer, options=b"<y/>", since=5.0, error="gone", failed_at=7.0)
    await store.put(again)
    assert list(await store.load()) == [again, older]


async def test_only_those_named_are_removed(database: Database, ann: PersonNumber):
    store = DatabasePush(database)
    one, two = Device(ann, SERVICE, "a"), Device(ann, SERVICE, "b")
    for device in (one, two):
        await store.put(device)
    await store.remove([])
    await store.remove([one.key, (ann, "other.example", "b")])
    assert list(await store.load()) == [two]


async def test_a_device_belongs_to_a_person(database: Database):
    with pytest.raises(UsageError, match="no such person"):
        await DatabasePush(database).put(Device(PersonNumber(99), SERVICE, ""))
