"""The verbs about files that people have uploaded: what there is, and away with one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.core.upload_book import Uploads
from clarion.core.upload_slots import PATH
from clarion.core.uploads import Upload
from clarion.lib.errors import UnavailableError, UsageError

SHOWN: Final = 50
"""Files that are listed where nobody asks for more."""
SHOW_LIMIT: Final = 1_000
"""LIMIT: files in one list."""


async def listing(
    desk: Desk, arguments: Arguments, progress: Progress
) -> Sequence[Mapping[str, Any]]:
    """``file.list``: the newest files, of one person with ``address``; at most ``limit``."""
    address = arguments.optional_text("address")
    limit = arguments.number("limit", SHOWN, 1, SHOW_LIMIT)
    arguments.finish()
    uploads = _uploads(desk)
    owner = None if address is None else desk.directory.require_person(address).number
    return [_told(desk, upload) for upload in await uploads.newest(owner, limit)]


async def remove(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``file.remove``: nobody gets ``file`` any more, an address or what names it there."""
    token = token_of(arguments.text("file"))
    arguments.finish()
    upload = await _uploads(desk).remove(token)
    if upload is None:
        raise UsageError("there is no such file")
    return _told(desk, upload)


def token_of(text: str) -> str:
    """Return what names a file, out of its address or as it is."""
    return text.rpartition(f"{PATH}/")[2].partition("/")[0].strip()


def _told(desk: Desk, upload: Upload) -> Mapping[str, Any]:
    owners = {person.number: person.address for person in desk.directory.persons()}
    return {
        "file": upload.token,
        "name": upload.name,
        "type": upload.kind,
        "size_bytes": upload.size_bytes,
        "owner": owners.get(upload.owner),
        "purpose": upload.purpose.value,
        "at": upload.at,
        "sha256": upload.blob.hex(),
    }


def _uploads(desk: Desk) -> Uploads:
    if desk.uploads is None:
        raise UnavailableError("no server with [files] runs here")
    return desk.uploads
