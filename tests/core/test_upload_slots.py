"""Places for files: every limit, and who loses them."""

from itertools import count

import pytest

from clarion.config.files import FilesConfig
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.model import Person
from clarion.core.upload_slots import (
    PROFILE_BYTES,
    PROFILE_FILE_BYTES,
    SLOT_SECONDS,
    SLOTS_PER_PERSON,
    TOKEN_BYTES,
    UPLOADS_LIMIT,
    UPLOADS_PER_PERSON,
    Slots,
    UploadService,
    fresh_token,
)
from clarion.core.uploads import (
    BusyError,
    KindError,
    NoSlotError,
    Purpose,
    QuotaError,
    SizeError,
    TooLargeError,
    Wish,
)
from clarion.store.people import DatabasePeople
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase

GIB = 1 << 30


class Place:
    """Slots with a directory behind them."""

    def __init__(self, **policy: object) -> None:
        self.bus, self.clock = Bus(), FakeClock()
        self.directory = Directory(DatabasePeople(InMemoryDatabase()), self.bus, "corp.example")
        tokens = count()
        self.slots = Slots(
            self.directory,
            self.bus,
            self.clock,
            FilesConfig.model_validate({"file_bytes": GIB, "person_bytes": 4 * GIB, **policy}),
            lambda: f"t{next(tokens)}",
        )

    async def person(self, name: str) -> Person:
        return await self.directory.add_person(f"{name}@corp.example")


def test_a_token_cannot_be_guessed():
    assert TOKEN_BYTES * 8 >= 128
    assert len({fresh_token() for _ in range(100)}) == 100
    assert all(c.isalnum() or c in "-_" for c in fresh_token())


async def test_a_place_is_for_one_file():
    place = Place()
    ann = await place.person("ann")
    slot = place.slots.grant(ann, Wish("../é x.png", 10, "image/png"))
    service = UploadService("upload.corp.example", "https://c.example", place.slots)
    assert service.address(slot) == "https://c.example/upload/t0/%C3%A9%20x.png"
    assert place.slots.slot("t0", "é x.png") is slot
    for token, name in (("t0", "x.png"), ("t1", "é x.png")):
        with pytest.raises(NoSlotError):
            place.slots.slot(token, name)
    assert place.slots.fits(slot, 10, "image/png") == "image/png"
    assert place.slots.fits(slot, 10, "") == "image/png"
    for size in (9, 11):
        with pytest.raises(SizeError):
            place.slots.fits(slot, size, "image/png")
    with pytest.raises(KindError, match="was announced"):
        place.slots.fits(slot, 10, "text/html")


async def test_it_ends_after_some_minutes():
    place = Place()
    ann = await place.person("ann")
    place.slots.grant(ann, Wish("a", 10))
    place.clock.advance(SLOT_SECONDS - 1)
    place.slots.slot("t0", "a")
    place.clock.advance(1)
    with pytest.raises(NoSlotError):
        place.slots.slot("t0", "a")


async def test_the_largest_file():
    place = Place(file_bytes=2000)
    ann = await place.person("ann")
    place.slots.grant(ann, Wish("a", 2000))
    with pytest.raises(TooLargeError) as caught:
        place.slots.grant(ann, Wish("a", 2001))
    assert caught.value.limit_bytes == place.slots.file_bytes == 2000


async def test_what_one_person_may_have():
    place = Place(person_bytes=2000)
    ann, bob = await place.person("ann"), await place.person("bob")
    place.slots.used(ann.number, Purpose.MESSAGE, 1500)
    with pytest.raises(QuotaError, match="room for 500 bytes of 2000") as caught:
        place.slots.grant(ann, Wish("a", 501))
    assert caught.value.retry is None  # nobody knows when she gets rid of something
    place.slots.grant(ann, Wish("a", 500))
    with pytest.raises(QuotaError) as caught:
        place.slots.grant(ann, Wish("a", 1))
    assert caught.value.retry == place.clock.wall() + SLOT_SECONDS
    place.slots.grant(bob, Wish("a", 2000))
    place.clock.advance(SLOT_SECONDS)
    place.slots.grant(ann, Wish("a", 500))
    assert place.slots.used_by(ann.number) == 1500


async def test_pictures_of_profiles_are_small_and_have_room_of_their_own():
    place = Place()
    ann = await place.person("ann")
    with pytest.raises(TooLargeError):
        place.slots.grant(ann, Wish("a", PROFILE_FILE_BYTES + 1, "", Purpose.PROFILE))
    place.slots.used(ann.number, Purpose.PROFILE, PROFILE_BYTES - 5)
    with pytest.raises(QuotaError):
        place.slots.grant(ann, Wish("a", 6, "", Purpose.PROFILE))
    place.slots.grant(ann, Wish("a", 5, "", Purpose.PROFILE))
    place.slots.grant(ann, Wish("a", 6))


async def test_types():
    place = Place(types=["image/*", "text/plain"])
    ann = await place.person("ann")
    with pytest.raises(KindError):
        place.slots.grant(ann, Wish("a", 1, "text/html"))
    slot = place.slots.grant(ann, Wish("a", 1))  # it will say
    assert place.slots.fits(slot, 1, "image/gif") == "image/gif"
    for kind in ("text/html", ""):
        with pytest.raises(KindError):
            place.slots.fits(slot, 1, kind)


async def test_places_of_one_person():
    place = Place()
    ann = await place.person("ann")
    for _ in range(SLOTS_PER_PERSON):
        place.slots.grant(ann, Wish("a", 1))
    with pytest.raises(QuotaError, match="too many uploads are announced"):
        place.slots.grant(ann, Wish("a", 1))
    place.slots.grant(await place.person("bob"), Wish("a", 1))


async def test_uploads_of_one_person_at_a_time():
    place = Place()
    ann, bob = await place.person("ann"), await place.person("bob")
    slots = [place.slots.grant(ann, Wish("a", 1)) for _ in range(UPLOADS_PER_PERSON + 1)]
    claims = [place.slots.claimed(slot) for slot in slots]
    for claim in claims[:-1]:
        claim.__enter__()
    assert len(place.slots) == UPLOADS_PER_PERSON
    with pytest.raises(BusyError, match="at most"):
        claims[-1].__enter__()
    with pytest.raises(BusyError, match="this very file"):
        place.slots.slot("t0", "a")
    with pytest.raises(BusyError, match="this very file"), place.slots.claimed(slots[0]):
        pass
    with place.slots.claimed(place.slots.grant(bob, Wish("a", 1))):
        pass
    claims[0].__exit__(None, None, None)
    with place.slots.claimed(slots[-1]):
        pass


async def test_uploads_at_a_time():
    place = Place()
    people = [await place.person(f"p{number}") for number in range(UPLOADS_LIMIT)]
    claims = [place.slots.claimed(place.slots.grant(one, Wish("a", 1))) for one in people]
    for claim in claims:
        claim.__enter__()
    ann = await place.person("ann")
    with (
        pytest.raises(BusyError, match="too many upload"),
        place.slots.claimed(place.slots.grant(ann, Wish("a", 1))),
    ):
        pass


async def test_a_failed_upload_may_be_tried_again_and_a_complete_one_not():
    place = Place(person_bytes=1024)
    ann = await place.person("ann")
    slot, later = (place.slots.grant(ann, Wish("a", 500)) for _ in range(2))
    with pytest.raises(ConnectionError), place.slots.claimed(slot):
        raise ConnectionError
    assert place.slots.slot("t0", "a") is slot
    with place.slots.claimed(slot):
        place.slots.complete(slot)
    with pytest.raises(NoSlotError):
        place.slots.slot("t0", "a")
    assert place.slots.used_by(ann.number) == 500
    # complete although the client has hung up
    with pytest.raises(ConnectionError), place.slots.claimed(later):
        raise ConnectionError
    place.slots.complete(later)
    with pytest.raises(NoSlotError):
        place.slots.slot("t1", "a")
    assert place.slots.used_by(ann.number) == 1000
    with pytest.raises(QuotaError):
        place.slots.grant(ann, Wish("a", 25))


async def test_who_goes_loses_their_places():
    place = Place()
    ann, bob = await place.person("ann"), await place.person("bob")
    slot = place.slots.grant(ann, Wish("a", 1))
    place.slots.grant(bob, Wish("a", 1))
    place.slots.used(bob.number, Purpose.MESSAGE, 7)
    claim = place.slots.claimed(slot)
    claim.__enter__()
    await place.directory.disable(ann.address)
    claim.__exit__(None, None, None)
    assert not place.slots.is_here(ann)
    with pytest.raises(NoSlotError):
        place.slots.slot("t0", "a")
    await place.directory.delete(bob.address)
    with pytest.raises(NoSlotError):
        place.slots.slot("t1", "a")
    assert place.slots.used_by(bob.number) == 0
