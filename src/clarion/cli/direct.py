"""The verbs without a server: the same code on the database that is opened for them."""

import asyncio
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
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.ports import Database
from clarion.core.seal import KEY_BYTES, SECRET, Seal
from clarion.lib import log
from clarion.lib.clock import Clock, SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UsageError
from clarion.store.archive import DatabaseArchive
from clarion.store.credentials import DatabaseCredentials
from clarion.store.ledger import DatabaseLedger
from clarion.store.opening import LOCK_NAME, lock
from clarion.store.people import DatabasePeople
from clarion.store.sqlite import open_database


class HeldError(UnusableError):
    """Another Clarion works on this data: a server that starts or stops, or a command."""


async def furnish(config: Config, database: Database, clock: Clock) -> Desk:
    """Put a desk together on an open database.

    Raises:
        UnavailableError: The store cannot answer.

    """
    bus = Bus()
    directory = Directory(
        DatabasePeople(database),
        bus,
        config.domain,
        language=config.directory.language,
        time_zone=config.directory.time_zone,
    )
    await directory.load()
    credentials = DatabaseCredentials(database)
    return Desk(
        directory=directory,
        identity=Identity(credentials, directory, bus, config.directory.scram_iterations),
        ledger=Ledger(DatabaseLedger(database), DatabaseArchive(database), directory, bus, clock),
        seal=Seal(await credentials.secret(SECRET, KEY_BYTES)),
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
