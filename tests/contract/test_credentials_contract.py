"""What every engine promises of ``core.credentials.CredentialStore``."""

import pytest

from clarion.core.credentials import MAIN, ScramKey
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.lib.errors import UsageError
from clarion.store.credentials import DatabaseCredentials
from clarion.store.people import DatabasePeople


def key(label: str = MAIN, hash_name: str = "sha256", salt: bytes = b"salt") -> ScramKey:
    return ScramKey(label, hash_name, salt, 4096, b"stored" + salt, b"server" + salt)


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    return (await DatabasePeople(database).add_person(person)).number


async def test_keys_are_replaced_label_by_label(database: Database, ann: PersonNumber):
    store = DatabaseCredentials(database)
    assert list(await store.keys(ann)) == []
    main = [key(hash_name="sha1"), key()]
    await store.replace(ann, MAIN, main)
    await store.replace(ann, "phone", [key("phone")])
    assert list(await store.keys(ann)) == [*main, key("phone")]
    await store.replace(ann, MAIN, [key(salt=b"new")])
    assert list(await store.keys(ann)) == [key(salt=b"new"), key("phone")]
    await store.replace(ann, "phone", [])
    assert list(await store.keys(ann)) == [key(salt=b"new")]


async def test_a_key_belongs_to_its_label_and_to_a_person(database: Database, ann: PersonNumber):
    store = DatabaseCredentials(database)
    with pytest.raises(UsageError, match="another label"):
        await store.replace(ann, MAIN, [key("phone")])
    with pytest.raises(UsageError, match="no such person"):
        await store.replace(PersonNumber(99), MAIN, [key()])


async def test_a_secret_is_made_once(database: Database):
    made = iter([b"first", b"other", b"third", b"four"])
    store = DatabaseCredentials(database, lambda size: next(made)[:size])
    assert await store.secret("ids", 5) == b"first"
    assert await store.secret("ids", 5) == b"first"
    assert await store.secret("cookies", 5) == b"third"
    with pytest.raises(UsageError, match="has 5 bytes, not 4"):
        await store.secret("ids", 4)


async def test_secrets_are_random(database: Database):
    store = DatabaseCredentials(database)
    one, other = await store.secret("one", 16), await store.secret("other", 16)
    assert len(one) == len(other) == 16
    assert one != other
