"""Files that people share (XEP-0363): what a place for one is, what is kept, who keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from clarion.core.blobs import BlobId
from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import PeerError, UnavailableError, UsageError


class Purpose(StrEnum):
    """What a file is for, which says how long it stays (XEP-0363 section 5)."""

    MESSAGE = "message"
    PROFILE = "profile"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for.

    Attributes:
        name: What they call the file.
        size_bytes: Of the file, exactly.
        kind: Its media type without parameters; ``""``: they did not say.
        purpose: What it is for.
        expires: UNIX seconds after which nobody may have it; ``None``: as long as policy has it.

    """

    name: str
    size_bytes: int
    kind: str = ""
    purpose: Purpose = Purpose.MESSAGE
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one file: whoever knows ``token`` may bring exactly that.

    Attributes:
        token: Unguessable; names the file for good.
        person: Whose it is.
        wish: What it is for, with a name that is safe.
        until: Monotonic seconds; the upload must have begun by then.

    """

    token: str
    person: Person
    wish: Wish
    until: float


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody has uploaded; see ``Wish`` and ``Slot``.

    Attributes:
        at: UNIX seconds when it was complete.

    """

    token: str
    owner: PersonNumber
    blob: BlobId
    size_bytes: int
    name: str
    kind: str
    purpose: Purpose
    at: float
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a person has stored for one purpose."""

    owner: PersonNumber
    purpose: Purpose
    files: int
    size_bytes: int


class TooLargeError(UsageError):
    """The file is larger than any may be.

    Attributes:
        limit_bytes: What may be.

    """

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the file is too large; at most {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class QuotaError(UnavailableError):
    """The person has no room for this now.

    Attributes:
        retry: UNIX seconds when there may be room; ``None``: nobody knows.

    """

    def __init__(self, text: str, retry: float | None = None) -> None:
        super().__init__(text)
        self.retry = retry


class KindError(UsageError):
    """Files of this type are not taken here, or it is not the type that was announced."""


class SizeError(PeerError):
    """What came has not the size that was announced."""


class NoSlotError(UsageError):
    """There is no such place, it is too late for it, or its file is there already."""


class BusyError(UnavailableError):
    """Too many uploads are under way, or one to this very place."""


class UploadStore(Protocol):
    """What uploads ask of a store. All raise ``UnavailableError`` when it cannot do it now."""

    async def usage(self) -> Sequence[Usage]:
        """Return what everybody has stored."""
        ...

    async def stored(self) -> tuple[int, int]:
        """Return how many blobs there are, and their bytes."""
        ...

    async def add(self, upload: Upload) -> bool:
        """Keep an upload and its blob.

        Returns:
            Whether the blob is new.

        Raises:
            UsageError: There is no such person, or the token is taken.

        """
        ...

    async def find(self, token: str) -> Upload | None:
        """Return an upload."""
        ...

    async def newest(self, owner: PersonNumber | None, limit: int) -> Sequence[Upload]:
        """Return the newest uploads of a person, or of everybody."""
        ...

    async def expired(self, now: float, before: float, limit: int) -> Sequence[Upload]:
        """Return some that have ended by ``now``, or that are older than ``before``.

        What belongs to profiles does not grow old.
        """
        ...

    async def remove(self, tokens: Sequence[str]) -> None:
        """Forget uploads; their blobs stay until they are released."""
        ...

    async def release(self, blob: BlobId) -> bool:
        """Take a blob out that no upload refers to; ``False``: one does."""
        ...

    async def unused(self, limit: int) -> Sequence[tuple[BlobId, int]]:
        """Return some blobs that no upload refers to, and their sizes."""
        ...

    async def known(self, blobs: Sequence[BlobId]) -> set[BlobId]:
        """Return which of these the store knows."""
        ...
