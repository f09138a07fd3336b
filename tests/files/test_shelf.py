"""Blobs as files: whole or not at all, once each, gone with the last who refers to them."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from hashlib import sha256
from pathlib import Path

import pytest

from clarion.core.blobs import BlobId, MissingBlobError
from clarion.files import shelf as shelves
from clarion.files.shelf import BLOCK_BYTES, NEW, SYNC_BYTES, Shelf
from clarion.lib.crashpoint import (
    BEFORE_FILE_ROW,
    BEFORE_SHELVING,
    MID_UPLOAD,
    CrashPoints,
)
from clarion.lib.crew import crew
from clarion.lib.errors import UnavailableError, UsageError


class DiedError(BaseException):
    """Stands for SIGKILL."""


async def chunks(*data: bytes) -> AsyncIterator[bytes]:
    for one in data:
        yield one


async def nothing(blob: BlobId, size_bytes: int) -> None:
    pass


async def yes(blob: BlobId) -> bool:
    return True


async def no(blob: BlobId) -> bool:
    return False


def lying(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def name_of(data: bytes) -> str:
    name = sha256(data).hexdigest()
    return f"{name[:2]}/{name}"


async def read(shelf: Shelf, data: bytes, start: int = 0, length: int | None = None) -> bytes:
    blob = BlobId(sha256(data).digest())
    async with aclosing(shelf.open(blob, len(data), start, length)) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


def make(folder: Path) -> Shelf:
    return Shelf(folder, CrashPoints())


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, BLOCK_BYTES * 3 + 7, SYNC_BYTES + 1])
@pytest.mark.parametrize("cut", [7777, BLOCK_BYTES])
async def test_what_comes_is_kept_under_its_hash(folder: Path, size: int, cut: int):
    data = os.urandom(size)
    told: list[tuple[BlobId, int]] = []

    async def keep(blob: BlobId, size_bytes: int) -> None:
        assert lying(folder) == [name_of(data)]  # safe before anybody is told
        told.append((blob, size_bytes))

    shelf = make(folder)
    async with shelf.serve():
        blob = await shelf.put(chunks(*(data[i : i + cut] for i in range(0, size, cut))), keep)
        assert blob == sha256(data).digest()
        assert told == [(blob, size)]
        assert await read(shelf, data) == data
        assert await read(shelf, data, size // 2, size // 3) == data[size // 2 :][: size // 3]
        assert (folder / name_of(data)).stat().st_mode & 0o777 == 0o600
        assert [list(blobs) async for blobs in shelf.all()] == [[blob]]


async def test_equal_contents_lie_there_once(folder: Path):
    shelf = make(folder)
    async with shelf.serve():
        one, other = await asyncio.gather(*(shelf.put(chunks(b"x"), nothing) for _ in range(2)))
        assert one == other
        assert lying(folder) == [name_of(b"x")]
        assert await shelf.drop(one, no) is False
        assert await read(shelf, b"x") == b"x"
        assert await shelf.drop(one, yes) is True
        assert lying(folder) == []
        assert await shelf.drop(one, yes) is True
        with pytest.raises(MissingBlobError):
            await read(shelf, b"x")


async def test_what_breaks_off_leaves_nothing(folder: Path):
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(BLOCK_BYTES * 2)
        raise ConnectionResetError

    async def refused(blob: BlobId, size_bytes: int) -> None:
        raise UsageError("no such person")

    shelf = make(folder)
    async with shelf.serve():
        with pytest.raises(ConnectionResetError):
            await shelf.put(broken(), nothing)
        with pytest.raises(UsageError):
            await shelf.put(chunks(b"x"), refused)
        assert lying(folder) == []
        # But what somebody else refers to stays.
        await shelf.put(chunks(b"x"), nothing)
        with pytest.raises(UsageError):
            await shelf.put(chunks(b"x"), refused)
        assert lying(folder) == [name_of(b"x")]


async def test_whoever_is_cancelled_in_the_middle_leaves_nothing(folder: Path):
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(BLOCK_BYTES)
            begun.set()
            await asyncio.sleep(0)

    async def work() -> None:
        await shelf.put(endless(), nothing)

    shelf = make(folder)
    async with shelf.serve():
        async with crew() as hands:
            task = hands.spawn(work(), name="upload")
            await begun.wait()
            task.cancel()
        assert lying(folder) == []


async def test_whoever_is_cancelled_while_it_is_written_down_has_kept_it(folder: Path):
    asked, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def keep(blob: BlobId, size_bytes: int) -> None:
        asked.set()
        await go_on.wait()
        done.set()

    async def work() -> None:
        await shelf.put(chunks(b"x"), keep)

    shelf = make(folder)
    async with shelf.serve():
        async with crew() as hands:
            task = hands.spawn(work(), name="upload")
            await asked.wait()
            task.cancel()
        go_on.set()
        await done.wait()
        assert await read(shelf, b"x") == b"x"


async def test_nobody_deletes_what_is_just_arriving(folder: Path):
    order: list[str] = []
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def keep(blob: BlobId, size_bytes: int) -> None:
        asked.set()
        await go_on.wait()
        order.append("kept")

    async def unused(blob: BlobId) -> bool:
        order.append("looked")
        return False

    shelf = make(folder)
    async with shelf.serve():
        blob = await shelf.put(chunks(b"x"), nothing)
        async with asyncio.TaskGroup() as group:
            group.create_task(shelf.put(chunks(b"x"), keep))
            await asked.wait()
            group.create_task(shelf.drop(blob, unused))
            await asyncio.sleep(0)
            go_on.set()
    assert order == ["kept", "looked"]


@pytest.mark.parametrize("point", [MID_UPLOAD, BEFORE_SHELVING, BEFORE_FILE_ROW])
async def test_what_a_crash_left_is_swept(folder: Path, point: str, monkeypatch):
    def die(name: str) -> None:
        raise DiedError

    data = bytes(BLOCK_BYTES * 2)
    dying = Shelf(folder, CrashPoints(point, die=die))
    with monkeypatch.context() as patch:
        patch.setattr(shelves._Arrival, "discard", lambda self: self._close())  # it is dead
        with suppress(DiedError, BaseExceptionGroup, asyncio.CancelledError):
            async with dying.serve():
                await dying.put(chunks(data), nothing)
    assert len(lying(folder)) == 1
    again = make(folder)
    async with again.serve():
        named = [blob async for blobs in again.all() for blob in blobs]
        if point == BEFORE_FILE_ROW:
            # Whole under its name; whoever looks after the store's rows removes it.
            assert await read(again, data) == data
            assert named == [sha256(data).digest()]
        else:
            assert lying(folder) == []
            assert named == []
    assert not (folder / NEW).joinpath("x").exists()


async def test_a_file_that_is_not_whole_is_not_served(folder: Path):
    shelf = make(folder)
    async with shelf.serve():
        await shelf.put(chunks(b"x" * 100), nothing)
        path = folder / name_of(b"x" * 100)
        path.write_bytes(b"x" * 99)
        with pytest.raises(MissingBlobError, match="not as large"):
            await read(shelf, b"x" * 100)
        # It is mended by whoever brings it again.
        await shelf.put(chunks(b"x" * 100), nothing)
        assert await read(shelf, b"x" * 100) == b"x" * 100


async def test_a_file_that_shrinks_while_it_is_read(folder: Path):
    data = bytes(BLOCK_BYTES * 2)
    shelf = make(folder)
    async with shelf.serve():
        blob = await shelf.put(chunks(data), nothing)
        async with aclosing(shelf.open(blob, len(data))) as pieces:
            assert len(await anext(pieces)) == BLOCK_BYTES
            os.truncate(folder / name_of(data), BLOCK_BYTES)
            with pytest.raises(MissingBlobError, match="shorter"):
                await anext(pieces)


@pytest.mark.parametrize(
    ("number", "text"), [(errno.ENOSPC, "the disk is full"), (errno.EIO, "the disk under")]
)
async def test_a_disk_that_refuses(folder: Path, number: int, text: str, monkeypatch):
    def write(file: int, data: object) -> int:
        raise OSError(number, os.strerror(number))

    shelf = make(folder)
    async with shelf.serve():
        with monkeypatch.context() as patch:
            patch.setattr(shelves.os, "write", write)
            with pytest.raises(UnavailableError, match=text):
                await shelf.put(chunks(b"x"), nothing)
        assert lying(folder) == []
        await shelf.put(chunks(b"x"), nothing)


async def test_what_is_no_blob_is_left_alone(folder: Path):
    shelf = make(folder)
    async with shelf.serve():
        (folder / "ab").mkdir()
        (folder / "ab" / "notes.txt").write_text("mine")
        (folder / "ab" / "abcd").write_text("mine")
        assert [blobs async for blobs in shelf.all()] == []
