"""Uploads and the blobs they refer to, on a database (XEP-0363)."""

from collections.abc import Sequence
from typing import Final

from clarion.core.blobs import BlobId
from clarion.core.model import PersonNumber
from clarion.core.ports import Database, EntityId, Row, Shape, Value, WriteOp
from clarion.core.uploads import Purpose, Upload, Usage
from clarion.lib.errors import UsageError
from clarion.store.refusals import UnknownReferenceError

_OWNER: Final = EntityId("uploads:")
_COLUMNS: Final = "token, owner, blob, size_bytes, name, kind, purpose, at, expires"
_ADD: Final = Shape(
    (
        (
            "INSERT INTO blob (hash, size_bytes) VALUES (?, ?)"
            " ON CONFLICT (hash) DO NOTHING RETURNING hash"
        ),
        f"INSERT INTO upload ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # names above
    )
)
_RELEASE: Final = Shape(
    (
        (
            "DELETE FROM blob WHERE hash = ?"
            " AND NOT EXISTS (SELECT 1 FROM upload WHERE upload.blob = blob.hash)"
        ),
    )
)
_REMOVE: Final = "DELETE FROM upload WHERE token = ?"
_USAGE: Final = (
    "SELECT owner, purpose, count(*), sum(size_bytes) FROM upload GROUP BY owner, purpose"
)
_STORED: Final = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM blob"
_FIND: Final = f"SELECT {_COLUMNS} FROM upload WHERE token = ?"  # noqa: S608  # names above
_NEWEST: Final = (
    f"SELECT {_COLUMNS} FROM upload"  # noqa: S608  # names above
    " ORDER BY at DESC, token LIMIT ?"
)
_NEWEST_OF: Final = (
    f"SELECT {_COLUMNS} FROM upload"  # noqa: S608  # names above
    " WHERE owner = ? ORDER BY at DESC, token LIMIT ?"
)
_ENDED: Final = (
    f"SELECT {_COLUMNS} FROM upload"  # noqa: S608  # names above
    " WHERE expires IS NOT NULL AND expires <= ? ORDER BY expires LIMIT ?"
)
_OLD: Final = (
    f"SELECT {_COLUMNS} FROM upload"  # noqa: S608  # names above
    " WHERE purpose <> 'profile' AND at < ? ORDER BY at LIMIT ?"
)
_UNUSED: Final = (
    "SELECT hash, size_bytes FROM blob"
    " WHERE NOT EXISTS (SELECT 1 FROM upload WHERE upload.blob = blob.hash) LIMIT ?"
)
_HAS: Final = "SELECT 1 FROM blob WHERE hash = ?"
_BETWEEN: Final = "SELECT hash FROM blob WHERE hash >= ? AND hash <= ?"


class DatabaseUploads:
    """Implements ``core.uploads.UploadStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def usage(self) -> Sequence[Usage]:
        """See ``UploadStore``."""
        return [
            Usage(
                PersonNumber(_integer(owner)),
                Purpose(str(purpose)),
                _integer(files),
                _integer(size),
            )
            for owner, purpose, files, size in await self._database.read(_USAGE)
        ]

    async def stored(self) -> tuple[int, int]:
        """See ``UploadStore``."""
        ((count, size),) = await self._database.read(_STORED)
        return _integer(count), _integer(size)

    async def add(self, upload: Upload) -> bool:
        """See ``UploadStore``.

        Raises:
            UsageError: There is no such person, or the token is taken.

        """
        row: tuple[Value, ...] = (
            upload.token,
            upload.owner,
            upload.blob,
            upload.size_bytes,
            upload.name,
            upload.kind,
            upload.purpose.value,
            upload.at,
            upload.expires,
        )
        op = WriteOp(_ADD, ((upload.blob, upload.size_bytes), row))
        try:
            return bool(await self._database.put(_OWNER, op))
        except UnknownReferenceError as error:
            raise UsageError("there is no such person") from error

    async def find(self, token: str) -> Upload | None:
        """See ``UploadStore``."""
        rows = await self._database.read(_FIND, (token,))
        return _upload(rows[0]) if rows else None

    async def newest(self, owner: PersonNumber | None, limit: int) -> Sequence[Upload]:
        """See ``UploadStore``; of everybody it looks at all rows, in a reader's thread."""
        if owner is None:
            rows = await self._database.read(_NEWEST, (limit,))
        else:
            rows = await self._database.read(_NEWEST_OF, (owner, limit))
        return [_upload(row) for row in rows]

    async def expired(self, now: float, before: float, limit: int) -> Sequence[Upload]:
        """See ``UploadStore``."""
        rows = await self._database.read(_ENDED, (now, limit))
        if len(rows) < limit:
            rows += await self._database.read(_OLD, (before, limit - len(rows)))
        return list({upload.token: upload for upload in map(_upload, rows)}.values())

    async def remove(self, tokens: Sequence[str]) -> None:
        """See ``UploadStore``."""
        if tokens:
            rows = tuple((token,) for token in tokens)
            await self._database.put(_OWNER, WriteOp(Shape((_REMOVE,) * len(rows)), rows))

    async def release(self, blob: BlobId) -> bool:
        """See ``UploadStore``; ``True`` also for a blob that the store does not know."""
        await self._database.put(_OWNER, WriteOp(_RELEASE, ((blob,),)))
        return not await self._database.read(_HAS, (blob,))

    async def unused(self, limit: int) -> Sequence[tuple[BlobId, int]]:
        """See ``UploadStore``; looks at all blobs, in a reader's thread."""
        rows = await self._database.read(_UNUSED, (limit,))
        return [(_blob(blob), _integer(size)) for blob, size in rows]

    async def known(self, blobs: Sequence[BlobId]) -> set[BlobId]:
        """See ``UploadStore``; quick for those that lie close to each other."""
        if not blobs:
            return set()
        rows = await self._database.read(_BETWEEN, (min(blobs), max(blobs)))
        return {_blob(blob) for (blob,) in rows} & set(blobs)


def _upload(row: Row) -> Upload:
    token, owner, blob, size, name, kind, purpose, at, expires = row
    assert isinstance(at, float)
    assert expires is None or isinstance(expires, float)
    return Upload(
        token=str(token),
        owner=PersonNumber(_integer(owner)),
        blob=_blob(blob),
        size_bytes=_integer(size),
        name=str(name),
        kind=str(kind),
        purpose=Purpose(str(purpose)),
        at=at,
        expires=expires,
    )


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _blob(value: Value) -> BlobId:
    assert isinstance(value, bytes)
    return BlobId(value)
