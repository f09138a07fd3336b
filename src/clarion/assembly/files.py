"""The door of files: the shelf, the book of uploads, and what the web door serves of them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clarion.assembly.foundation import Foundation
from clarion.config.model import Config
from clarion.core.throttle import Throttle
from clarion.core.upload_book import Uploads
from clarion.core.upload_slots import Slots, UploadService
from clarion.files.shelf import Shelf
from clarion.store.uploads import DatabaseUploads
from clarion.web.ports import WebPort

if TYPE_CHECKING:
    from clarion.files.upload import UploadDoor

FOLDER: Final = "files"
"""Below the data folder."""
HTTPS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """What the rest of the house does with this door.

    Attributes:
        ground: What it stands on.
        uploads: All files.
        service: Whom clients of chat ask for places.

    """

    ground: Foundation
    uploads: Uploads
    service: UploadService

    def door(self, throttle: Throttle) -> "UploadDoor":
        """Return what answers by HTTP.

        Args:
            throttle: Slows failed log-ins at all doors.

        """
        from clarion.files.gate import Gate  # noqa: PLC0415  # aiohttp takes 0.3 s to import
        from clarion.files.upload import UploadDoor  # noqa: PLC0415  # the same

        ground, gate = self.ground, None
        config = ground.config
        if config.files is not None and config.files.access == "login":
            gate = Gate(ground.identity, throttle, ground.clock, config.domain)
        return UploadDoor(self.uploads, gate, ground.clock, ground.crash_points)


@asynccontextmanager
async def open_files(
    ground: Foundation, ports: Sequence[WebPort]
) -> AsyncGenerator[OpenFiles | None, None]:
    """Open the door, unless ``[files]`` is not there.

    Args:
        ground: The database and the directory.
        ports: Of the web door, for the addresses of files.

    Raises:
        UnavailableError: The folder cannot be used.

    """
    config = ground.config
    if config.files is None:
        yield None
        return
    slots = Slots(ground.directory, ground.bus, ground.clock, config.files)
    shelf = Shelf(config.data / FOLDER, ground.crash_points)
    store = DatabaseUploads(ground.database.of("uploads"))
    uploads = Uploads(slots, store, shelf, ground.bus, ground.clock, config.files)
    service = UploadService(f"upload.{config.domain}", public_address(config, ports), slots)
    async with shelf.serve(), uploads.serve():
        yield OpenFiles(ground, uploads, service)


def public_address(config: Config, ports: Sequence[WebPort]) -> str:
    """Return where others reach the web door, without a slash in the end.

    That is ``[web] public``, or else the domain and the first port with TLS,
    or else a port without TLS as it is: then somebody tries things out.
    """
    if config.web is not None and config.web.public:
        return config.web.public
    for kind in ("https", "http"):
        for port in ports:
            if port.kind == kind:
                host, number = port.socket.getsockname()[:2]
                if kind == "https":
                    host = config.domain
                elif ":" in host:
                    host = f"[{host}]"
                colon = "" if (kind, number) == ("https", HTTPS_PORT) else f":{number}"
                return f"{kind}://{host}{colon}"
    return f"https://{config.domain}"
