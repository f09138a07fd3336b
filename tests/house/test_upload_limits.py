"""What an upload or a download may take: the door of files alone, on a socket of this process."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from clarion.config.files import FilesConfig
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.upload_book import DAY, Uploads
from clarion.core.upload_slots import UPLOADS_PER_PERSON, Slots, UploadService
from clarion.core.uploads import Wish
from clarion.files import upload as door_of_files
from clarion.files.shelf import Shelf
from clarion.files.upload import CORS, FRESH_SECONDS, UploadDoor
from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UnavailableError
from clarion.store.people import DatabasePeople
from clarion.store.uploads import DatabaseUploads
from fakes.database import InMemoryDatabase

MIB = 1 << 20


class Premises:
    """The door and somebody who may use it."""

    def __init__(self, folder: Path, policy: dict[str, Any], more: dict[str, Any]) -> None:
        bus, self.clock, self.database = Bus(), SystemClock(), InMemoryDatabase()
        self.folder = folder
        self.directory = Directory(DatabasePeople(self.database), bus, "corp.example")
        config = FilesConfig.model_validate(policy)
        slots = Slots(self.directory, bus, self.clock, config)
        self.shelf = Shelf(folder, CrashPoints())
        store = DatabaseUploads(self.database)
        self.uploads = Uploads(slots, store, self.shelf, bus, self.clock, config)
        self.service = UploadService("upload.corp.example", "", slots)
        self.door = UploadDoor(self.uploads, None, self.clock, CrashPoints(), **more)

    async def slot(self, size: int, name: str = "a.png", **wish: Any) -> str:
        person = self.directory.person("ann@corp.example")
        assert person is not None
        return self.service.address(
            self.uploads.slots.grant(person, Wish(name, size, "image/png", **wish))
        )

    def figures(self) -> dict[str, float]:
        return {
            f"{sample.name}{sample.labels.get('status', '')}": sample.value
            for family in self.door.figures()
            for sample in family.samples
        }

    def lying(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@asynccontextmanager
async def opened(
    folder: Path, policy: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[tuple[Premises, ClientSession]]:
    here = Premises(folder / "files", policy or {}, more)
    await here.directory.add_person("ann@corp.example")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(here.shelf.serve())
        await stack.enter_async_context(here.uploads.serve())
        app = web.Application()
        app.add_routes(here.door.routes())
        server = TestServer(app)
        yield here, await stack.enter_async_context(TestClient(server))


async def put(client: Any, url: str, data: Any, **headers: str) -> int:
    async with client.put(url, data=data, headers={"Content-Type": "image/png", **headers}) as got:
        assert got.headers["Access-Control-Allow-Origin"] == "*"
        return int(got.status)


async def trickle(gate: asyncio.Event, first: bytes = b"x") -> AsyncIterator[bytes]:
    yield first
    await gate.wait()


async def test_who_sends_nothing_is_cut_off(tmp_path: Path):
    async with opened(tmp_path, stall=0.05) as (here, client):
        url = await here.slot(100)
        never = asyncio.Event()
        async with client.put(
            url,
            data=trickle(never),
            headers={"Content-Type": "image/png", "Content-Length": "100"},
        ) as answer:
            assert answer.status == 408
        assert here.lying() == []
        assert here.figures()["clarion_uploads_refused_total408"] == 1
        assert await put(client, url, bytes(100)) == 201


async def test_who_sends_too_slowly_is_cut_off(tmp_path: Path):
    async with opened(tmp_path, rate_bps=1e12, grace=0.0) as (here, client):
        url = await here.slot(100)
        assert await put(client, url, bytes(100)) == 408
        assert here.lying() == []


async def test_so_many_uploads_of_one_person_at_a_time(tmp_path: Path):
    async with opened(tmp_path) as (here, client):
        go_on = asyncio.Event()

        async def slow() -> int:
            async def body() -> AsyncIterator[bytes]:
                yield b"x"
                await go_on.wait()
                yield bytes(99)

            return await put(client, await here.slot(100), body(), **{"Content-Length": "100"})

        last = await here.slot(100)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(slow()) for _ in range(UPLOADS_PER_PERSON)]
            while (  # noqa: ASYNC110  # a figure is no event
                here.figures()["clarion_uploads_under_way"] < UPLOADS_PER_PERSON
            ):
                await asyncio.sleep(0.005)
            async with client.put(
                last, data=bytes(100), headers={"Content-Type": "image/png"}
            ) as answer:
                assert answer.status == 429
                assert answer.headers["Retry-After"] == "10"
            go_on.set()
        assert {task.result() for task in tasks} == {201}
        assert await put(client, last, bytes(100)) == 201


async def test_who_waits_to_be_let_in_is_spared_the_upload(tmp_path: Path):
    async with opened(tmp_path) as (here, client):
        url = await here.slot(MIB)
        read = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal read
            read += 1
            yield bytes(MIB + 1)

        told = {"Expect": "100-continue", "Content-Length": str(MIB + 1)}
        assert await put(client, url, body(), **told) == 400
        assert read == 0
        assert here.figures()["clarion_uploads_refused_total400"] == 1


async def test_a_part_of_a_file_is_no_file(tmp_path: Path):
    async with opened(tmp_path) as (here, client):
        url = await here.slot(10)
        assert await put(client, url, bytes(10), **{"Content-Range": "bytes 0-9/20"}) == 400
        assert await put(client, url, bytes(10), **{"Content-Type": "nonsense"}) == 415
        assert await put(client, url, io.BytesIO(bytes(10))) == 201


async def test_a_store_that_is_full(tmp_path: Path):
    async with opened(tmp_path) as (here, client):
        url = await here.slot(10)
        here.database.fail_next(UnavailableError("the store is full"))
        assert await put(client, url, bytes(10)) == 503
        assert here.lying() == []
        assert await put(client, url, bytes(10)) == 201


async def test_who_does_not_read_is_cut_off(tmp_path: Path):
    size = 64 * MIB  # more than the buffers on the way
    async with opened(tmp_path, unread=0.1) as (here, client):
        url = await here.slot(size)
        assert await put(client, url, io.BytesIO(bytes(size))) == 201
        async with client.get(url) as answer:
            assert answer.status == 200
            while here.figures()["clarion_downloads_under_way"]:  # noqa: ASYNC110  # the same
                await asyncio.sleep(0.01)
            with pytest.raises(Exception, match=r"(?i)payload|reset|disconnected"):
                await answer.read()
        assert here.figures()["clarion_downloads_bytes_total"] < size


async def test_so_many_downloads_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door_of_files, "DOWNLOADS_LIMIT", 0)
    async with opened(tmp_path) as (here, client):
        url = await here.slot(10)
        assert await put(client, url, bytes(10)) == 201
        async with client.get(url) as answer:
            assert answer.status == 503
        async with client.head(url) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("left", [None, 9])
async def test_a_file_that_is_damaged_is_not_served(tmp_path: Path, left: int | None):
    async with opened(tmp_path) as (here, client):
        url = await here.slot(10)
        assert await put(client, url, bytes(10)) == 201
        (path,) = here.lying()
        if left is None:
            path.unlink()
        else:
            path.write_bytes(bytes(left))
        async with client.get(url) as answer:
            assert answer.status == 404


async def test_a_file_that_ends_is_not_kept_by_browsers_for_longer(tmp_path: Path):
    async with opened(tmp_path, {"keep_days": 1}) as (here, client):
        soon = await here.slot(10, expires=here.clock.wall() + 100)
        later = await here.slot(10)
        for url in (soon, later):
            assert await put(client, url, bytes(10)) == 201
        async with client.head(soon) as answer:
            age = int(answer.headers["Cache-Control"].partition("max-age=")[2])
            assert 90 <= age <= 100
        async with client.head(later) as answer:
            assert answer.headers["Cache-Control"] == f"private, max-age={FRESH_SECONDS}"
        assert FRESH_SECONDS < DAY


async def test_pages_of_any_origin_may_ask(tmp_path: Path):
    async with opened(tmp_path) as (here, client):
        async with client.options(await here.slot(10)) as answer:
            assert answer.status == 204
            for name, value in CORS.items():
                assert answer.headers[name] == value
        async with client.post(await here.slot(10)) as answer:
            assert answer.status == 405
            assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "OPTIONS", "PUT"}
