"""What every engine promises of ``core.uploads.UploadStore``."""

from dataclasses import replace
from hashlib import sha256

import pytest

from clarion.core.blobs import BlobId
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.core.uploads import Purpose, Upload, Usage
from clarion.lib.errors import UsageError
from clarion.store.people import DatabasePeople
from clarion.store.uploads import DatabaseUploads

ONE, TWO = BlobId(sha256(b"1").digest()), BlobId(sha256(b"2").digest())


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    store = DatabasePeople(database)
    return (await store.add_person(Person(PersonNumber(0), "ann@corp.example", "Ann"))).number


@pytest.fixture
def store(database: Database) -> DatabaseUploads:
    return DatabaseUploads(database)


def upload(owner: PersonNumber, token: str = "t1", blob: BlobId = ONE) -> Upload:
    return Upload(token, owner, blob, 10, "é.png", "image/png", Purpose.MESSAGE, 100.0)


async def test_an_upload_is_found_again(store: DatabaseUploads, ann: PersonNumber):
    one = upload(ann)
    two = replace(one, token="t2", purpose=Purpose.EPHEMERAL, expires=200.5)
    assert await store.add(one) is True
    assert await store.add(two) is False
    assert await store.find("t1") == one
    assert await store.find("t2") == two
    assert await store.find("t3") is None
    assert await store.stored() == (1, 10)


async def test_a_token_is_taken_once_and_belongs_to_somebody(
    store: DatabaseUploads, ann: PersonNumber
):
    await store.add(upload(ann))
    with pytest.raises(UsageError):
        await store.add(upload(ann, blob=TWO))
    with pytest.raises(UsageError, match="no such person"):
        await store.add(upload(PersonNumber(99), "t2", TWO))
    assert await store.stored() == (1, 10)


async def test_usage_by_purpose(store: DatabaseUploads, ann: PersonNumber):
    assert await store.usage() == []
    await store.add(upload(ann))
    await store.add(upload(ann, "t2"))
    await store.add(replace(upload(ann, "t3"), purpose=Purpose.PROFILE))
    assert set(await store.usage()) == {
        Usage(ann, Purpose.MESSAGE, 2, 20),
        Usage(ann, Purpose.PROFILE, 1, 10),
    }


async def test_a_blob_goes_with_the_last_that_refers_to_it(
    store: DatabaseUploads, ann: PersonNumber
):
    await store.add(upload(ann))
    await store.add(upload(ann, "t2"))
    await store.remove(["t1"])
    assert await store.release(ONE) is False
    assert await store.unused(10) == []
    await store.remove(["t2", "t9"])
    await store.remove([])
    assert await store.unused(10) == [(ONE, 10)]
    assert await store.known([ONE, TWO]) == {ONE}
    assert await store.release(ONE) is True
    assert await store.release(ONE) is True  # nobody knows it
    assert await store.known([ONE, TWO]) == set()
    assert await store.known([]) == set()
    assert await store.stored() == (0, 0)


async def test_what_has_expired(store: DatabaseUploads, ann: PersonNumber):
    old = upload(ann, "old")
    new = replace(upload(ann, "new"), at=1000.0)
    ends = replace(upload(ann, "ends"), at=1000.0, purpose=Purpose.EPHEMERAL, expires=1500.0)
    both = replace(upload(ann, "both"), purpose=Purpose.EPHEMERAL, expires=1500.0)
    profile = replace(upload(ann, "profile"), purpose=Purpose.PROFILE)
    for one in (old, new, ends, both, profile):
        await store.add(one)
    assert list(await store.expired(1499.0, 0.0, 10)) == []
    assert {one.token for one in await store.expired(1500.0, 0.0, 10)} == {"ends", "both"}
    assert {one.token for one in await store.expired(1500.0, 101.0, 10)} == {"old", "ends", "both"}
    assert len(await store.expired(1500.0, 101.0, 1)) == 1


async def test_uploads_go_with_their_owner(
    store: DatabaseUploads, ann: PersonNumber, database: Database
):
    await store.add(upload(ann))
    await DatabasePeople(database).delete_person(ann)
    assert await store.find("t1") is None
    assert await store.unused(10) == [(ONE, 10)]


async def test_the_newest(store: DatabaseUploads, ann: PersonNumber, database: Database):
    bob = await DatabasePeople(database).add_person(
        Person(PersonNumber(0), "bob@corp.example", "Bob")
    )
    for number, owner in enumerate((ann, bob.number, ann)):
        await store.add(replace(upload(owner, f"t{number}"), at=float(number)))
    assert [one.token for one in await store.newest(None, 2)] == ["t2", "t1"]
    assert [one.token for one in await store.newest(ann, 5)] == ["t2", "t0"]
