"""The verbs without a server: the same code on the database that is opened for them."""

import asyncio
import secrets
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog

from clarion.admin.desk import Desk, Progress
from clarion.admin.verbs import perform
from clarion.cli.root import UnusableError
from clarion.config.model import Config
from clarion.core.auditor import Auditor
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.erasure import Erasure
from clarion.core.identity import Identity
from clarion.core.invitations import Invitations
from clarion.core.push import PushDevices
from clarion.core.retention import Retention
from clarion.core.room_book import RoomBook
from clarion.core.seal import KEY_BYTES, SECRET, Seal
from clarion.core.tokens import Tokens
from clarion.lib import log
from clarion.lib.clock import Clock, SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UsageError
from clarion.lib.ids import NODE, Mint
from clarion.store.archive import DatabaseArchive
from clarion.store.audit import AuditedDatabase, DatabaseAudit
from clarion.store.credentials import DatabaseCredentials
from clarion.store.erasure import DatabaseErasure
from clarion.store.invitations import DatabaseInvitations
from clarion.store.ledger import DatabaseLedger
from clarion.store.opening import LOCK_NAME, lock
from clarion.store.people import DatabasePeople
from clarion.store.push import DatabasePush
from clarion.store.restoring import note_restored
from clarion.store.retention import DatabaseRetention
from clarion.store.rooms import DatabaseRooms
from clarion.store.sqlite import SqliteDatabase, open_database
from clarion.store.tokens import DatabaseTokens


class HeldError(UnusableError):
    """Another Clarion works on this data: a server that starts or stops, or a command."""


async def furnish(config: Config, database: SqliteDatabase, clock: Clock) -> Desk:
    """Put a desk together on an open database.

    Raises:
        UnavailableError: The store cannot answer.

    """
    bus = Bus()
    auditor = Auditor(DatabaseAudit(database), clock, bus)
    audited = AuditedDatabase(database, auditor)
    await note_restored(config.database, auditor)
    directory = Directory(
        DatabasePeople(audited),
        bus,
        config.domain,
        language=config.directory.language,
        time_zone=config.directory.time_zone,
    )
    await directory.load()
    credentials = DatabaseCredentials(audited)
    archive = DatabaseArchive(database)
    mint = Mint(NODE, clock.wall, await archive.newest())
    rooms = RoomBook(DatabaseRooms(audited), mint.item, bus)
    await rooms.load()
    devices = PushDevices(DatabasePush(database))
    await devices.load()
    invitations: Invitations | None = None
    if config.xmpp.invitations:
        invitations = Invitations(
            DatabaseInvitations(audited), directory, clock, secrets.token_bytes
        )
        await invitations.load()
    return Desk(
        directory=directory,
        identity=Identity(credentials, directory, bus, config.directory.scram_iterations),
        ledger=Ledger(DatabaseLedger(database), archive, directory, bus, clock, rooms=rooms),
        seal=Seal(await credentials.secret(SECRET, KEY_BYTES)),
        auditor=auditor,
        retention=Retention(DatabaseRetention(audited), auditor, clock, bus, config.retention),
        erasure=Erasure(DatabaseErasure(audited, database.scrub), directory, auditor, clock),
        rooms=rooms,
        devices=devices,
        invitations=invitations,
        public=config.web.public if config.web is not None else "",
        tokens=Tokens(DatabaseTokens(database), directory, bus, clock, 0.0),
    )


def perform_directly(
    config: Config, verb: str, arguments: Mapping[str, Any], progress: Progress
) -> Any:
    """Open the database, do one thing, close it.

    Raises:
        HeldError: Another Clarion has the database.
        UnusableError: The database cannot be opened.
        ClarionError: The verb refused.

    """
    if not structlog.is_configured():  # only what the operator must know, and never on stdout
        log.configure("warning", "text", stream=sys.__stderr__)
    _refuse_while_held(config.database.parent)
    return asyncio.run(_perform(config, verb, arguments, progress))


def _refuse_while_held(folder: Path) -> None:
    if (folder / LOCK_NAME).exists():
        try:
            with lock(folder):
                pass
        except UsageError as error:
            raise HeldError(str(error)) from error


async def _perform(
    config: Config, verb: str, arguments: Mapping[str, Any], progress: Progress
) -> Any:
    clock = SystemClock()
    async with AsyncExitStack() as house:
        try:
            database = await house.enter_async_context(
                open_database(config.database, clock=clock, crash_points=CrashPoints())
            )
        except UsageError as error:
            raise UnusableError(str(error)) from error
        desk = await furnish(config, database, clock)
        await house.enter_async_context(desk.identity.serve())
        return await perform(desk, verb, arguments, progress)
