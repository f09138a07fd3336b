"""What every door stands on: the database, what the core knows, and the certificate."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from clarion.config.model import Config
from clarion.core.archive import Archive
from clarion.core.auditor import Auditor
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.preferences import ArchivePreferences
from clarion.core.seal import KEY_BYTES, SECRET, Seal
from clarion.core.tokens import Tokens
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.clock import Clock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import Crew, crew
from clarion.lib.ids import Mint
from clarion.lib.log import get_logger
from clarion.store.archive import DatabaseArchive
from clarion.store.audit import AuditedDatabase
from clarion.store.blocking import DatabaseBlocking
from clarion.store.credentials import DatabaseCredentials
from clarion.store.forgetting import open_audit
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.preferences import DatabasePreferences
from clarion.store.sqlite import SqliteDatabase, open_database
from clarion.store.tokens import DatabaseTokens

NODE: Final = 0  # of the item ids, while there is one node
DAY: Final = 86_400.0  # seconds
MAX_PAGES: Final = "CLARION_MAX_PAGES"  # bounds the database file, for tests of a full disk

log = get_logger("house")


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every door is handed.

    Attributes:
        config: The settings at the start.
        certificate: What TLS shows; ``None`` when no listener has TLS.
        crash_points: Where a test lets the process die.
        audited: The database, whose changes are noted with who made them.
        crew: Runs what takes longer than a turn of the loop.
        mint: Gives items their ids.

    """

    config: Config
    clock: Clock
    certificate: CertificateHolder | None
    crash_points: CrashPoints
    database: SqliteDatabase
    audited: AuditedDatabase
    crew: Crew
    bus: Bus
    auditor: Auditor
    archive: Archive
    directory: Directory
    identity: Identity
    tokens: Tokens
    ledger: Ledger
    seal: Seal
    mint: Mint
    blocking: Blocking
    preferences: ArchivePreferences


@asynccontextmanager
async def open_foundation(
    config: Config,
    clock: Clock,
    certificate: CertificateHolder | None,
    environment: Mapping[str, str],
) -> AsyncGenerator[Foundation, None]:
    """Open the database, and read what is kept in memory.

    Raises:
        UsageError: The database cannot be opened as configured.

    """
    points = CrashPoints.from_environment(environment)
    pages = environment.get(MAX_PAGES)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(
                config.database,
                clock=clock,
                crash_points=points,
                queue_limit=config.store.queue,
                max_pages=int(pages) if pages else None,
            )
        )
        hands = await stack.enter_async_context(crew())
        bus = Bus()
        auditor = await stack.enter_async_context(open_audit(database, clock, bus, config.database))
        audited = AuditedDatabase(database, auditor)
        archive = DatabaseArchive(database.of("archive"))
        credentials = DatabaseCredentials(AuditedDatabase(database.of("credentials"), auditor))
        directory = _directory(config, audited, bus)
        await directory.load()
        auditor.know(directory.person)
        identity = Identity(credentials, directory, bus, config.directory.scram_iterations)
        await stack.enter_async_context(identity.serve())
        lifetime = config.directory.token_days * DAY
        tokens = Tokens(DatabaseTokens(database.of("tokens")), directory, bus, clock, lifetime)
        ledger = _ledger(database, archive, directory, bus, clock)
        seal = Seal(await credentials.secret(SECRET, KEY_BYTES))
        blocking = Blocking(DatabaseBlocking(database.of("blocking")), bus)
        await blocking.load(directory)
        preferences = ArchivePreferences(DatabasePreferences(database))
        await preferences.load()
        yield Foundation(
            config=config,
            clock=clock,
            certificate=certificate,
            crash_points=points,
            database=database,
            audited=audited,
            crew=hands,
            bus=bus,
            auditor=auditor,
            archive=archive,
            directory=directory,
            identity=identity,
            tokens=tokens,
            ledger=ledger,
            seal=seal,
            mint=Mint(NODE, clock.wall, await archive.newest()),
            blocking=blocking,
            preferences=preferences,
        )


def read_certificate(config: Config, clock: Clock) -> CertificateHolder | None:
    """Read what TLS shows, unless no listener has TLS; warn of what clients will not trust.

    Raises:
        UsageError: It cannot be used.

    """
    if not config.xmpp.listen and not config.xmpp.listen_tls:
        return None
    tls = config.tls
    holder = CertificateHolder(tls.certificate, tls.key, minimum=tls.minimum, now=clock.wall())
    for line in holder.doubts(config.domain):
        log.warning("clients will not trust the certificate", why=line)
    return holder


def _directory(config: Config, audited: AuditedDatabase, bus: Bus) -> Directory:
    return Directory(
        DatabasePeople(audited),
        bus,
        config.domain,
        language=config.directory.language,
        time_zone=config.directory.time_zone,
    )


def _ledger(
    database: SqliteDatabase, archive: Archive, directory: Directory, bus: Bus, clock: Clock
) -> Ledger:
    ledger = Ledger(
        DatabaseLedger(database.of("ledger")),
        archive,
        directory,
        bus,
        clock,
        request_batch=database.request_batch,
    )
    database.before_batch(ledger.write)
    return ledger
