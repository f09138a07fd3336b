"""The verbs without a server: the same code on the database that is opened for them."""

import sys
from collections.abc import Mapping
from typing import Any

import structlog
import uvloop

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
from clarion.store.opening import look
from clarion.store.people import DatabasePeople
from clarion.store.sqlite import open_database


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
        UnusableError: The database cannot be opened.
        ClarionError: The verb refused.

    """
    if not structlog.is_configured():  # only what the operator must know, and never on stdout
        log.configure("warning", "text", stream=sys.__stderr__)
    try:
        look(config.database)
    except UsageError as error:
        raise UnusableError(str(error)) from error
    return uvloop.run(_perform(config, verb, arguments, progress))


async def _perform(
    config: Config, verb: str, arguments: Mapping[str, Any], progress: Progress
) -> Any:
    clock = SystemClock()
    opening = open_database(config.database, clock=clock, crash_points=CrashPoints())
    try:
        database = await opening.__aenter__()
    except UsageError as error:
        raise UnusableError(str(error)) from error
    try:
        desk = await furnish(config, database, clock)
        async with desk.identity.serve():
            return await perform(desk, verb, arguments, progress)
    finally:
        await opening.__aexit__(None, None, None)
