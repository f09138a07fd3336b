"""Opens what remembers and what forgets: the audit log, retention, erasure, destroyed rooms."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from clarion.config.server import RetentionConfig
from clarion.core.auditor import Auditor
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.erasure import Erasure, ForgetContact, ForgetFiles
from clarion.core.retention import Retention
from clarion.core.ruins import Ruins
from clarion.lib.clock import Clock
from clarion.lib.crew import Crew
from clarion.store.audit import AuditedDatabase, DatabaseAudit
from clarion.store.erasure import DatabaseErasure
from clarion.store.restoring import note_restored
from clarion.store.retention import DatabaseRetention
from clarion.store.rooms import DatabaseRooms
from clarion.store.sqlite import SqliteDatabase


@asynccontextmanager
async def open_audit(
    database: SqliteDatabase, clock: Clock, bus: Bus, path: Path
) -> AsyncGenerator[Auditor, None]:
    """Open the audit log; what a restore left to be noted comes first.

    Raises:
        UnavailableError: The store cannot answer.

    """
    auditor = Auditor(DatabaseAudit(database.of("audit")), clock, bus)
    await note_restored(path, auditor)
    async with auditor.serve():
        yield auditor


@asynccontextmanager
async def open_forgetting(
    database: AuditedDatabase,
    scrub: Callable[[], Awaitable[bool]],
    auditor: Auditor,
    hands: Crew,
    directory: Directory,
    clock: Clock,
    bus: Bus,
    policy: RetentionConfig,
    forget_contact: ForgetContact,
    forget_files: ForgetFiles | None = None,
) -> AsyncGenerator[tuple[Retention, Erasure], None]:
    """Open what deletes: old messages every day, persons, and what rooms have left.

    Erasures that were cut short go on beside everything else, and so do ruins of rooms.
    """
    retention = Retention(DatabaseRetention(database), auditor, clock, bus, policy)
    erasure = Erasure(
        DatabaseErasure(database, scrub), directory, auditor, clock, forget_contact, forget_files
    )
    hands.errand(erasure.resume(), name="erasures")
    Ruins(DatabaseRooms(database), clock, bus, hands).begin()
    async with retention.serve():
        yield retention, erasure
