"""Uploads from the slot to their end: kept, found, expired, swept; a shelf in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest

from clarion.config.files import FilesConfig
from clarion.core.blobs import BlobId
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.model import Person
from clarion.core.upload_book import DAY, LOOK_EVERY, PAUSE, STEP, Uploads
from clarion.core.upload_slots import Slots
from clarion.core.uploads import NoSlotError, Purpose, SizeError, Upload, Wish
from clarion.lib.errors import UnavailableError
from clarion.store.people import DatabasePeople
from clarion.store.uploads import DatabaseUploads
from fakes.blobs import MemoryBlobs
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase


class Place:
    """A book with everything behind it."""

    def __init__(self, **policy: object) -> None:
        self.bus, self.clock, self.database = Bus(), FakeClock(), InMemoryDatabase()
        self.directory = Directory(DatabasePeople(self.database), self.bus, "corp.example")
        self.policy = FilesConfig.model_validate(policy)
        self.blobs = MemoryBlobs()
        self.again()

    def again(self) -> Uploads:
        """Make the book anew, as a restart does."""
        slots = Slots(self.directory, self.bus, self.clock, self.policy)
        store = DatabaseUploads(self.database)
        self.book = Uploads(slots, store, self.blobs, self.bus, self.clock, self.policy)
        return self.book

    async def person(self, name: str) -> Person:
        return await self.directory.add_person(f"{name}@corp.example")

    async def bring(self, person: Person, data: bytes, **wish: object) -> Upload:
        slot = self.book.slots.grant(person, Wish("a.bin", len(data), **wish))  # type: ignore[arg-type]  # a test's
        return await self.book.keep(slot, "image/png", chunks(data))

    async def has(self, upload: Upload) -> bool:
        return await self.book.find(upload.token, upload.name) is not None

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        async with self.book.serve():
            await settle()
            yield


async def chunks(*data: bytes) -> AsyncIterator[bytes]:
    for one in data:
        yield one


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_file_is_kept_and_found():
    place = Place()
    ann = await place.person("ann")
    upload = await place.bring(ann, b"hello")
    assert upload.kind == "image/png"
    assert await place.book.find(upload.token, "a.bin") == upload
    assert await place.book.find(upload.token, "b.bin") is None
    assert await place.book.find("x", "a.bin") is None
    assert [piece async for piece in place.book.read(upload, 1, 3)] == [b"ell"]
    tally = place.book.tally
    assert (tally.blobs, tally.blob_bytes, tally.uploads, tally.upload_bytes) == (1, 5, 1, 5)
    assert place.book.slots.used_by(ann.number) == 5
    await place.again()._store.usage()
    async with place.served():
        assert place.book.slots.used_by(ann.number) == 5
        assert place.book.tally.blob_bytes == 5


@pytest.mark.parametrize("data", [(b"hell",), (b"hello", b"!"), ()])
async def test_what_has_another_size_is_not_kept(data: tuple[bytes, ...]):
    place = Place()
    slot = place.book.slots.grant(await place.person("ann"), Wish("a", 5))
    with pytest.raises(SizeError):
        await place.book.keep(slot, "", chunks(*data))
    assert place.blobs.kept == {}
    await place.book.keep(slot, "", chunks(b"hello"))


async def test_what_the_store_refuses_is_not_kept():
    place = Place()
    ann = await place.person("ann")
    slot = place.book.slots.grant(ann, Wish("a", 5))
    place.database.fail_next(UnavailableError("the store is full"))
    with pytest.raises(UnavailableError):
        await place.book.keep(slot, "", chunks(b"hello"))
    assert place.blobs.kept == {}
    assert place.book.slots.used_by(ann.number) == 0
    assert len(place.book.slots) == 0


async def test_whoever_goes_meanwhile_leaves_nothing():
    place = Place()
    for end in (place.directory.disable, place.directory.delete):
        ann = await place.person("ann" if end == place.directory.disable else "bob")
        slot = place.book.slots.grant(ann, Wish("a", 5))

        async def late(ann: Person = ann, end=end) -> AsyncIterator[bytes]:
            await end(ann.address)
            yield b"hello"

        with pytest.raises(NoSlotError):
            await place.book.keep(slot, "", late())
        assert place.blobs.kept == {}


async def test_files_expire():
    place = Place(keep_days=2)
    ann = await place.person("ann")
    wall = place.clock.wall()
    old = await place.bring(ann, b"same")
    profile = await place.bring(ann, b"face", purpose=Purpose.PROFILE)
    ends = await place.bring(ann, b"soon", purpose=Purpose.EPHEMERAL, expires=wall + 60)
    assert place.book.ends(old) == wall + 2 * DAY
    assert place.book.ends(profile) is None
    assert place.book.ends(ends) == wall + 60
    place.clock.advance(60)
    assert not await place.has(ends)  # before anybody has looked
    assert await place.book.remove_expired() == 1
    assert sha256(b"soon").digest() not in place.blobs.kept
    place.clock.advance(DAY)
    new = await place.bring(ann, b"same")
    place.clock.advance(DAY)
    assert not await place.has(old)
    assert await place.book.remove_expired() == 1
    assert await place.has(new)
    assert await place.has(profile)
    assert set(place.blobs.kept.values()) == {b"same", b"face"}
    assert place.book.slots.used_by(ann.number) == 8
    assert (place.book.tally.blobs, place.book.tally.removed) == (2, 2)


async def test_without_keep_days_files_stay():
    place = Place()
    old = await place.bring(await place.person("ann"), b"x")
    place.clock.advance(10_000 * DAY)
    assert await place.book.remove_expired() == 0
    assert await place.has(old)


async def test_many_go_in_steps():
    place = Place(keep_days=1)
    ann = await place.person("ann")
    for number in range(STEP + 10):
        await place.bring(ann, b"%d" % number)
    place.clock.advance(2 * DAY)
    async with place.served():
        assert len(place.blobs.kept) == 10
        place.clock.advance(PAUSE)
        await settle()
        assert place.blobs.kept == {}


async def test_files_go_with_their_owner_within_minutes():
    place = Place()
    ann, bob = await place.person("ann"), await place.person("bob")
    async with place.served():
        await place.bring(ann, b"hers")
        await place.bring(ann, b"both")
        his = await place.bring(bob, b"both")
        await place.directory.delete(ann.address)
        place.clock.advance(LOOK_EVERY)
        await settle()
        assert set(place.blobs.kept.values()) == {b"both"}
        assert await place.has(his)
        assert place.book.tally.blob_bytes == 4


async def test_what_the_store_does_not_know_is_swept_at_the_start():
    place = Place()
    upload = await place.bring(await place.person("ann"), b"known")
    place.blobs.kept[BlobId(sha256(b"left").digest())] = b"left"
    place.again()
    async with place.served():
        assert set(place.blobs.kept.values()) == {b"known"}
        assert await place.has(upload)


async def test_a_store_that_fails_stops_nothing():
    place = Place(keep_days=1)
    await place.bring(await place.person("ann"), b"x")
    place.clock.advance(2 * DAY)
    async with place.book.serve():
        place.database.fail_next(UnavailableError("the store is locked"), 3)
        await settle()
        assert len(place.blobs.kept) == 1
        place.database._failures.clear()
        place.clock.advance(LOOK_EVERY)
        await settle()
        assert place.blobs.kept == {}
