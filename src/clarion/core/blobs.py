"""Where large bytes are kept, by their content: uploads now, mail bodies and recordings later.

Equal contents are one blob. Who refers to a blob is written in the store's
rows, and only there; so both ways, arriving and going, take along what is to
be done in the store while nobody else may touch the same blob.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from typing import NewType, Protocol

from clarion.lib.errors import UnavailableError

BlobId = NewType("BlobId", bytes)
"""SHA-256 of the content."""

Keep = Callable[[BlobId, int], Awaitable[None]]
"""Writes down who refers to the blob of so many bytes; raises when nobody does."""

Unused = Callable[[BlobId], Awaitable[bool]]
"""Takes a blob to which nobody refers out of the store; ``False``: somebody does."""


class MissingBlobError(UnavailableError):
    """The blob is not there, or is not as large as it was."""


class Blobs(Protocol):
    """Keeps blobs.

    All raise ``UnavailableError`` when the disk cannot do it now.
    """

    async def put(self, chunks: AsyncIterable[bytes], keep: Keep) -> BlobId:
        """Keep what comes, whole or not at all.

        The bytes are safe under their name before ``keep`` is called; when
        that or ``chunks`` raises, nothing of them stays.
        """
        ...

    def open(
        self, blob: BlobId, size_bytes: int, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Return a part of a blob, piece by piece; close it when done (``aclosing``).

        Raises ``MissingBlobError`` before the first piece when the blob is
        not there, or has not ``size_bytes``.
        """
        ...

    async def drop(self, blob: BlobId, unused: Unused) -> bool:
        """Delete a blob if ``unused`` says so; returns whether it went."""
        ...

    def all(self) -> AsyncGenerator[Sequence[BlobId], None]:
        """Return what is there, some at a time."""
        ...
