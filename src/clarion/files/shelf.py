"""Blobs as files, named after their content: DATA/files/ab/abcd...

A blob is written to DATA/files/new, fsynced, and only then gets its name, so
that under a name there is never half a file; the folder is fsynced too before
anybody is told. Whatever lies in ``new`` at the start is of a crash, and goes.
All work with the disk is done in threads; the loop only hands blocks over.
"""

import asyncio
import errno
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from clarion.core.blobs import BlobId, Keep, MissingBlobError, Unused
from clarion.lib.crashpoint import BEFORE_FILE_ROW, BEFORE_SHELVING, MID_UPLOAD, CrashPoints
from clarion.lib.crew import Crew, crew
from clarion.lib.errors import ClarionError, UnavailableError
from clarion.lib.log import get_logger

BLOCK_BYTES: Final = 256 * 1024
"""What is handed to a thread at once: large enough that the hand-over costs little, small enough
that hundreds of files under way fit into memory."""
SYNC_BYTES: Final = 8 * 1024 * 1024
"""Written data that may wait for the disk: the database's own fsync must not wait behind a GiB."""
THREADS: Final = 4
"""Files that are written, and files that are read, at the same moment."""
NEW: Final = "new"
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

log = get_logger("files")
T = TypeVar("T")


class Shelf:
    """Keeps blobs in a folder.

    Args:
        folder: Nobody else's; made where it is not there.
        crash_points: ``mid-upload`` is reached after each block, ``before-shelving``
            when a file is whole and has no name yet.

    """

    def __init__(self, folder: Path, crash_points: CrashPoints) -> None:
        self._folder = folder
        self._crash = crash_points
        self._writers = ThreadPoolExecutor(THREADS, thread_name_prefix="shelf-write")
        self._readers = ThreadPoolExecutor(THREADS, thread_name_prefix="shelf-read")
        self._hands: Crew | None = None
        self._locks: WeakValueDictionary[BlobId, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``: what a crash left is swept first.

        Raises:
            UnavailableError: The folder cannot be made or written.

        """
        try:
            swept = await self._write(self._prepare)
            if swept:
                log.info("unfinished uploads were removed", files=swept)
            async with crew() as self._hands:
                yield
        finally:
            for pool in (self._writers, self._readers):
                pool.shutdown(wait=True, cancel_futures=True)

    # -- Blobs ---------------------------------------------------------------------------

    async def put(self, chunks: AsyncIterable[bytes], keep: Keep) -> BlobId:
        """See ``Blobs``."""
        arrival = _Arrival(self._folder / NEW / secrets.token_hex(16))
        try:
            await self._take(arrival, chunks)
        except BaseException:
            # Cancelled or refused, nothing of it stays.
            await asyncio.shield(self._write(arrival.discard))
            raise
        # From here on it is done to the end, even when the client hangs up now:
        # what the store says and what lies here must not part.
        named: asyncio.Future[BlobId] = asyncio.get_running_loop().create_future()
        assert self._hands is not None, "it is open"
        self._hands.errand(self._finish(arrival, keep, named), name="shelf")
        return await asyncio.shield(named)

    async def _take(self, arrival: "_Arrival", chunks: AsyncIterable[bytes]) -> None:
        await self._write(arrival.open)
        waiting: list[bytes] = []
        size = 0
        async for chunk in chunks:
            waiting.append(chunk)
            size += len(chunk)
            if size >= BLOCK_BYTES:
                block, waiting, size = waiting, [], 0
                await self._write(partial(arrival.add, block))
                self._crash.reach(MID_UPLOAD)
        await self._write(lambda: arrival.close(waiting))

    async def _finish(self, arrival: "_Arrival", keep: Keep, named: asyncio.Future[BlobId]) -> None:
        try:
            try:
                blob = await self._name(arrival, keep)
            finally:
                await self._write(arrival.discard)  # harmless when it has its name
        except Exception as error:  # noqa: BLE001  # whoever waits for it gets it
            named.set_exception(error)
            named.exception()  # perhaps nobody waits for it any more
        except BaseException:
            named.cancel()
            raise
        else:
            named.set_result(blob)

    async def _name(self, arrival: "_Arrival", keep: Keep) -> BlobId:
        blob = BlobId(arrival.digest.digest())
        path = self._path(blob)
        async with self._lock(blob):
            self._crash.reach(BEFORE_SHELVING)
            placed = await self._write(lambda: _place(arrival.path, path, arrival.size))
            self._crash.reach(BEFORE_FILE_ROW)
            try:
                await keep(blob, arrival.size)
            except ClarionError:
                # Only where it is certain that nobody refers to it; a fault of
                # ours is left to the next start.
                if placed:
                    await self._write(lambda: _unlink(path))
                raise
        return blob

    async def open(
        self, blob: BlobId, size_bytes: int, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See ``Blobs``.

        Raises:
            MissingBlobError: It is not there, or not as large.

        """
        at, left = start, size_bytes - start if length is None else length
        reading = _Reading(self._path(blob), size_bytes)
        try:
            await self._read(reading.open)
            while left > 0:
                data = await self._read(partial(reading.piece, at, min(left, BLOCK_BYTES)))
                yield data
                at += len(data)
                left -= len(data)
        finally:
            reading.close()  # of a file that was only read: nothing waits for the disk

    async def drop(self, blob: BlobId, unused: Unused) -> bool:
        """See ``Blobs``."""
        async with self._lock(blob):
            if not await unused(blob):
                return False
            await self._write(lambda: _unlink(self._path(blob)))
        return True

    async def all(self) -> AsyncGenerator[Sequence[BlobId], None]:
        """See ``Blobs``: a folder at a time."""
        for number in range(256):
            blobs = await self._read(partial(_blobs, self._folder / f"{number:02x}"))
            if blobs:
                yield blobs

    # -- threads ---------------------------------------------------------------------------

    def _prepare(self) -> int:
        new = self._folder / NEW
        for folder in (self._folder, new):
            folder.mkdir(mode=0o700, exist_ok=True)
        left = list(new.iterdir())
        for path in left:
            path.unlink()
        return len(left)

    def _path(self, blob: BlobId) -> Path:
        name = blob.hex()
        return self._folder / name[:2] / name

    def _lock(self, blob: BlobId) -> asyncio.Lock:
        lock = self._locks.get(blob)
        if lock is None:
            lock = self._locks[blob] = asyncio.Lock()
        return lock

    async def _write(self, work: Callable[[], T]) -> T:
        return await _run(self._writers, work)

    async def _read(self, work: Callable[[], T]) -> T:
        return await _run(self._readers, work)


class _Arrival:
    """A file that is being written; every method but the first is for threads.

    Attributes:
        path: Where, until it has its name.
        size: Bytes so far.
        digest: Of them.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.digest = hashlib.sha256()
        self._file = -1
        self._unsynced = 0

    def open(self) -> None:
        self._file = os.open(self.path, _CREATE, 0o600)

    def add(self, block: list[bytes]) -> None:
        """Write a block; now and then wait for the disk."""
        for data in block:
            self.digest.update(data)
            self.size += len(data)
            self._unsynced += len(data)
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        if self._unsynced >= SYNC_BYTES:
            self._unsynced = 0
            os.fsync(self._file)

    def close(self, block: list[bytes]) -> None:
        """Write the last block and wait until everything is on the disk."""
        self.add(block)
        os.fsync(self._file)
        self._close()

    def discard(self) -> None:
        """Remove what has no name; may be called at any time."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)


class _Reading:
    """A file that is being read; ``open`` and ``piece`` are for threads."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._file = -1

    def open(self) -> None:
        self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        if os.fstat(self._file).st_size != self._size_bytes:
            raise MissingBlobError("the file is not as large as it was")

    def piece(self, at: int, length: int) -> bytes:
        data = os.pread(self._file, length, at)
        if not data:
            raise MissingBlobError("the file has become shorter")
        return data

    def close(self) -> None:
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)


async def _run(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Run ``work`` in a thread; whoever is cancelled waits for its end, or it would go on unseen.

    Raises:
        UnavailableError: The disk refuses.

    """
    future = asyncio.get_running_loop().run_in_executor(pool, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        with suppress(OSError):
            await future
        raise
    except OSError as error:
        raise _refusal(error) from error


def _refusal(error: OSError) -> UnavailableError:
    if isinstance(error, FileNotFoundError):
        return MissingBlobError("the file is not there")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError("the disk is full; nothing was kept")
    return UnavailableError(f"the disk under the files fails: {error.strerror}")


def _place(source: Path, target: Path, size_bytes: int) -> bool:
    """Give a whole file its name; ``False``: the same content is there already."""
    with suppress(FileNotFoundError):
        if target.stat().st_size == size_bytes:
            return False  # its name is its hash
    folder = target.parent
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)
    source.replace(target)
    _sync(folder)
    return True


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _blobs(folder: Path) -> list[BlobId]:
    found: list[BlobId] = []
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(ValueError):
                name = bytes.fromhex(path.name)
                if len(name) == hashlib.sha256().digest_size:
                    found.append(BlobId(name))
    return sorted(found)
