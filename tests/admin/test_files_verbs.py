"""What an operator sees of files, and how one goes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from clarion.admin.files import token_of
from clarion.config.files import FilesConfig
from clarion.core.upload_book import Uploads
from clarion.core.upload_slots import Slots
from clarion.core.uploads import Wish
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.uploads import DatabaseUploads
from fakes.blobs import MemoryBlobs
from fakes.organisation import Organisation

ANN, BOB = "ann@corp.example", "bob@corp.example"


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


class Filing:
    """Files of people, beside an organisation."""

    def __init__(self, house: Organisation) -> None:
        self.house, self.blobs, policy = house, MemoryBlobs(), FilesConfig()
        slots = Slots(house.directory, house.bus, house.clock, policy)
        store = DatabaseUploads(house.database)
        self.uploads = Uploads(slots, store, self.blobs, house.bus, house.clock, policy)
        house.desk = replace(house.desk, uploads=self.uploads)

    async def bring(self, address: str, data: bytes) -> str:
        self.house.clock.advance(1)
        person = self.house.directory.require_person(address)
        slot = self.uploads.slots.grant(person, Wish("a b.txt", len(data), "text/plain"))
        await self.uploads.keep(slot, "text/plain", chunks(data))
        return slot.token


@pytest.fixture
async def filing(house: Organisation) -> Filing:
    for address in (ANN, BOB):
        await house.do("person.add", address=address)
    return Filing(house)


async def listed(house: Organisation, **arguments: Any) -> list[tuple[str, str]]:
    rows = await house.do("file.list", **arguments)
    return [(row["file"], row["owner"]) for row in rows]


async def test_the_newest_files_are_listed(house: Organisation, filing: Filing):
    one, two, three = [await filing.bring(who, b"x") for who in (ANN, BOB, ANN)]
    assert await listed(house) == [(three, ANN), (two, BOB), (one, ANN)]
    assert await listed(house, address="Ann@corp.example") == [(three, ANN), (one, ANN)]
    assert await listed(house, limit=1) == [(three, ANN)]
    (row,) = await house.do("file.list", address=BOB)
    assert (row["name"], row["type"], row["size_bytes"]) == ("a b.txt", "text/plain", 1)
    with pytest.raises(UsageError):
        await listed(house, address="cai@corp.example")


async def test_a_file_is_removed_for_everybody(house: Organisation, filing: Filing):
    token, other = await filing.bring(ANN, b"same"), await filing.bring(BOB, b"same")
    done = await house.do("file.remove", file=f"https://c.example/upload/{token}/a%20b.txt")
    assert (done["owner"], done["name"]) == (ANN, "a b.txt")
    assert await listed(house) == [(other, BOB)]
    assert list(filing.blobs.kept.values()) == [b"same"]
    await house.do("file.remove", file=other)
    assert filing.blobs.kept == {}
    with pytest.raises(UsageError, match="no such file"):
        await house.do("file.remove", file=other)
    entries = await house.database.read("SELECT verb, details FROM audit WHERE verb LIKE 'file%'")
    assert entries == [("file.remove", f'{{"file":"{one}"}}') for one in (token, other)]


async def test_without_files_there_is_nothing(house: Organisation):
    for verb, arguments in (("file.list", {}), ("file.remove", {"file": "x"})):
        with pytest.raises(UnavailableError, match="no server"):
            await house.do(verb, **arguments)


@pytest.mark.parametrize("text", ["abc", "https://c/upload/abc/x.png", "/upload/abc", "abc/x"])
def test_what_names_a_file(text: str):
    assert token_of(text) == "abc"
