"""What people have uploaded (XEP-0363): kept whole or not at all, found again, removed in the end.

An upload is a row in the store and a blob. A file is only told of, and only
served, when both are safe; a blob goes with the last row that refers to it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from clarion.config.files import FilesConfig
from clarion.core.blobs import BlobId, Blobs
from clarion.core.bus import Bus
from clarion.core.events import PersonDeleted
from clarion.core.model import PersonNumber
from clarion.core.upload_slots import Slots
from clarion.core.uploads import NoSlotError, Purpose, SizeError, Slot, Upload, UploadStore
from clarion.lib.clock import Clock
from clarion.lib.crew import crew
from clarion.lib.errors import ClarionError, UsageError
from clarion.lib.log import get_logger

LOOK_EVERY: Final = 600.0
"""Seconds between two looks for files that have expired."""
STEP: Final = 50
"""Files that go in one step."""
PAUSE: Final = 0.05
"""Seconds between two steps."""
DAY: Final = 86_400.0

log = get_logger("files")


@dataclass(slots=True)
class FileTally:
    """What metrics count; all but the first two only grow.

    Attributes:
        blobs: Files in the data folder.
        blob_bytes: Their size.
        uploads: Files that came whole.
        upload_bytes: Their size.
        removed: Uploads that expired.

    """

    blobs: int = 0
    blob_bytes: int = 0
    uploads: int = 0
    upload_bytes: int = 0
    removed: int = 0


class Uploads:
    """Keeps what comes, finds it, and removes what is old.

    Args:
        slots: Who may bring what, and has how much.
        store: Keeps the rows.
        blobs: Keeps the bytes.
        bus: Hears who goes.
        clock: Time.
        policy: ``[files]``.

    Attributes:
        slots: The same.
        tally: For metrics.

    """

    def __init__(
        self,
        slots: Slots,
        store: UploadStore,
        blobs: Blobs,
        bus: Bus,
        clock: Clock,
        policy: FilesConfig,
    ) -> None:
        self.slots = slots
        self.tally = FileTally()
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._keep_seconds = policy.keep_days * DAY
        self._unused = True  # perhaps, since somebody may have gone while no server ran
        bus.subscribe(PersonDeleted, lambda event: self._somebody_went())

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``: what nobody refers to any more is swept, what expired goes."""
        for usage in await self._store.usage():
            self.slots.used(usage.owner, usage.purpose, usage.size_bytes)
        self.tally.blobs, self.tally.blob_bytes = await self._store.stored()
        async with crew() as hands:
            hands.spawn(self._look_after(), name="files")
            yield

    # -- the upload ------------------------------------------------------------------------

    async def keep(self, slot: Slot, kind: str, chunks: AsyncIterable[bytes]) -> Upload:
        """Keep a file; when this returns, it is safe and can be downloaded.

        One that fails leaves nothing, and may be tried again while the slot lasts.

        Args:
            slot: From ``slot``.
            kind: From ``fits``.
            chunks: The bytes; what they raise is raised.

        Raises:
            BusyError: Too many are under way.
            SizeError: It has another size than was announced.
            NoSlotError: The person has gone meanwhile.
            UnavailableError: It cannot be kept now.

        """
        kept: list[Upload] = []

        async def write(blob: BlobId, size_bytes: int) -> None:
            if not self.slots.is_here(slot.person):
                raise NoSlotError("whose file this was to be is not here any more")
            wish, at = slot.wish, self._clock.wall()
            upload = Upload(
                token=slot.token,
                owner=slot.person.number,
                blob=blob,
                size_bytes=size_bytes,
                name=wish.name,
                kind=kind,
                purpose=wish.purpose,
                at=at,
                expires=wish.expires,
            )
            try:
                new = await self._store.add(upload)
            except UsageError as error:
                raise NoSlotError("the file is there already, or its owner is not") from error
            if new:
                self.tally.blobs += 1
                self.tally.blob_bytes += size_bytes
            self.slots.complete(slot)
            self.tally.uploads += 1
            self.tally.upload_bytes += size_bytes
            kept.append(upload)

        with self.slots.claimed(slot):
            async with aclosing(_exactly(chunks, slot.wish.size_bytes)) as whole:
                await self._blobs.put(whole, write)
        return kept[0]

    # -- afterwards --------------------------------------------------------------------------

    async def find(self, token: str, name: str) -> Upload | None:
        """Return a file that may be downloaded.

        Raises:
            UnavailableError: The store cannot answer.

        """
        upload = await self._store.find(token)
        if upload is None or upload.name != name:
            return None
        now = self._clock.wall()
        ends = self.ends(upload)
        return None if ends is not None and ends <= now else upload

    def ends(self, upload: Upload) -> float | None:
        """Return the UNIX second after which nobody may have a file; ``None``: never."""
        ends = [] if upload.expires is None else [upload.expires]
        if self._keep_seconds and upload.purpose is not Purpose.PROFILE:
            ends.append(upload.at + self._keep_seconds)
        return min(ends, default=None)

    def read(
        self, upload: Upload, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Return a part of a file, see ``Blobs.open``."""
        return self._blobs.open(upload.blob, upload.size_bytes, start, length)

    async def newest(self, owner: PersonNumber | None, limit: int) -> Sequence[Upload]:
        """Return the newest files of a person, or of everybody."""
        return await self._store.newest(owner, limit)

    async def remove(self, token: str) -> Upload | None:
        """Remove one file; returns which it was.

        Raises:
            UnavailableError: It cannot be done now.

        """
        upload = await self._store.find(token)
        if upload is not None:
            await self._forget([upload])
        return upload

    async def remove_expired(self) -> int:
        """Remove what has expired; returns how many."""
        removed = 0
        while True:
            now = self._clock.wall()
            before = now - self._keep_seconds if self._keep_seconds else 0.0
            uploads = await self._store.expired(now, before, STEP)
            await self._forget(uploads)
            removed += len(uploads)
            self.tally.removed += len(uploads)
            if len(uploads) < STEP:
                return removed
            await self._wait(PAUSE)

    async def remove_unused(self) -> int:
        """Remove blobs that nobody refers to, as after somebody was deleted; returns how many."""
        removed = 0
        while True:
            blobs = await self._store.unused(STEP)
            gone = [await self._drop(blob, size_bytes) for blob, size_bytes in blobs]
            removed += sum(gone)
            if len(blobs) < STEP or not any(gone):
                return removed
            await self._wait(PAUSE)

    async def remove_unknown(self) -> int:
        """Remove files that the store does not know, as after a crash; returns how many."""
        removed = 0
        async for blobs in self._blobs.all():
            known = await self._store.known(blobs)
            for blob in blobs:
                if blob not in known:
                    removed += await self._drop(blob, None)
        return removed

    async def _forget(self, uploads: Sequence[Upload]) -> None:
        await self._store.remove([upload.token for upload in uploads])
        for upload in uploads:
            self.slots.used(upload.owner, upload.purpose, -upload.size_bytes)
        for blob, size_bytes in {one.blob: one.size_bytes for one in uploads}.items():
            await self._drop(blob, size_bytes)

    async def _drop(self, blob: BlobId, size_bytes: int | None) -> bool:
        """Remove a blob if nobody refers to it; ``size_bytes``: as counted, if it was."""
        gone = await self._blobs.drop(blob, self._store.release)
        if gone and size_bytes is not None:
            self.tally.blobs -= 1
            self.tally.blob_bytes -= size_bytes
        return gone

    async def _look_after(self) -> None:
        await self._tidy(self.remove_unknown, "files that the store does not know were removed")
        while True:
            if self._unused:
                self._unused = False
                await self._tidy(self.remove_unused, "files that were nobody's were removed")
            await self._tidy(self.remove_expired, "files have expired")
            await self._wait(LOOK_EVERY)

    def _somebody_went(self) -> None:
        self._unused = True

    async def _tidy(self, work: Callable[[], Awaitable[int]], done: str) -> None:
        try:
            files = await work()
        except ClarionError as error:
            log.warning("files are removed later", why=str(error))
        else:
            if files:
                log.info(done, files=files)

    async def _wait(self, seconds: float) -> None:
        over = asyncio.Event()
        self._clock.call_later(seconds, over.set)
        await over.wait()


async def _exactly(chunks: AsyncIterable[bytes], size_bytes: int) -> AsyncGenerator[bytes, None]:
    """Hand on what comes, if it is so much and not more or less.

    Raises:
        SizeError: It is not.

    """
    came = 0
    async for chunk in chunks:
        came += len(chunk)
        if came > size_bytes:
            raise SizeError(f"more came than the {size_bytes} bytes that were announced")
        yield chunk
    if came < size_bytes:
        raise SizeError(f"{came} bytes came of the {size_bytes} that were announced")
