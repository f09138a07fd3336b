"""Blobs in memory, for tests without a disk."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from hashlib import sha256

from clarion.core.blobs import BlobId, Keep, Unused


class MemoryBlobs:
    """Implements ``core.blobs.Blobs``."""

    def __init__(self) -> None:
        self.kept: dict[BlobId, bytes] = {}

    async def put(self, chunks: AsyncIterable[bytes], keep: Keep) -> BlobId:
        data = b"".join([chunk async for chunk in chunks])
        blob = BlobId(sha256(data).digest())
        new = blob not in self.kept
        self.kept[blob] = data
        try:
            await keep(blob, len(data))
        except BaseException:
            if new:
                del self.kept[blob]
            raise
        return blob

    async def open(
        self, blob: BlobId, size_bytes: int, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        yield self.kept[blob][start : None if length is None else start + length]

    async def drop(self, blob: BlobId, unused: Unused) -> bool:
        if not await unused(blob):
            return False
        self.kept.pop(blob, None)
        return True

    async def all(self) -> AsyncGenerator[Sequence[BlobId], None]:
        if self.kept:
            yield sorted(self.kept)
