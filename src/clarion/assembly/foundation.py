"""What every door stands on: the database, what the core knows, and the certificate."""

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from clarion.config.check import needs_tls
from clarion.config.model import Config
from clarion.core.archive import Archive
from clarion.core.auditor import Auditor
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.department_rooms import DepartmentRooms
from clarion.core.directory import Directory
from clarion.core.events import PersonDeleted
from clarion.core.identity import Identity
from clarion.core.invitations import Invitations
from clarion.core.preferences import ArchivePreferences
from clarion.core.push import PushDevices
from clarion.core.room_book import RoomBook
from clarion.core.rooms import OCCUPANT_KEY_BYTES, OCCUPANT_SECRET
from clarion.core.seal import KEY_BYTES, SECRET, Seal
from clarion.core.tokens import Tokens
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.clock import Clock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import Crew, crew
from clarion.lib.ids import NODE, Mint
from clarion.lib.log import get_logger
from clarion.store.archive import DatabaseArchive
from clarion.store.audit import AuditedDatabase
from clarion.store.blocking import DatabaseBlocking
from clarion.store.credentials import DatabaseCredentials
from clarion.store.forgetting import open_audit
from clarion.store.invitations import DatabaseInvitations
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.preferences import DatabasePreferences
from clarion.store.push import DatabasePush
from clarion.store.rooms import DatabaseRooms
from clarion.store.sqlite import SqliteDatabase, open_database
from clarion.store.tokens import DatabaseTokens

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
    occupant_key: bytes
    mint: Mint
    blocking: Blocking
    preferences: ArchivePreferences
    rooms: RoomBook
    devices: PushDevices
    invitations: Invitations | None


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
        mint = Mint(NODE, clock.wall, await archive.newest())
        rooms = RoomBook(DatabaseRooms(audited), mint.item, bus)
        await rooms.load()
        ledger = _ledger(database, archive, directory, bus, clock, rooms)
        seal = Seal(await credentials.secret(SECRET, KEY_BYTES))
        occupant_key = await credentials.secret(OCCUPANT_SECRET, OCCUPANT_KEY_BYTES)
        blocking = Blocking(DatabaseBlocking(database.of("blocking")), bus)
        await blocking.load(directory)
        preferences = ArchivePreferences(DatabasePreferences(database))
        await preferences.load()
        following = DepartmentRooms(directory, rooms, bus, hands, config.xmpp.rooms)
        hands.errand(following.catch_up(), name="rooms of departments")
        devices = PushDevices(DatabasePush(database.of("push")))
        await devices.load()
        invitations = await _invitations(config, audited, directory, bus, clock)
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
            occupant_key=occupant_key,
            mint=mint,
            blocking=blocking,
            preferences=preferences,
            rooms=rooms,
            devices=devices,
            invitations=invitations,
        )


def read_certificate(config: Config, clock: Clock) -> CertificateHolder | None:
    """Read what TLS shows, unless no listener has TLS; warn of what clients will not trust.

    Raises:
        UsageError: It cannot be used.

    """
    if not needs_tls(config):
        return None
    tls = config.tls
    holder = CertificateHolder(tls.certificate, tls.key, minimum=tls.minimum, now=clock.wall())
    for line in holder.doubts(config.domain):
        log.warning("clients will not trust the certificate", why=line)
    return holder


async def _invitations(
    config: Config, audited: AuditedDatabase, directory: Directory, bus: Bus, clock: Clock
) -> Invitations | None:
    """Return who may make an account all the same, unless that is off."""
    if not config.xmpp.invitations:
        return None
    invitations = Invitations(DatabaseInvitations(audited), directory, clock, secrets.token_bytes)
    await invitations.load()
    bus.subscribe(PersonDeleted, invitations.person_deleted)
    return invitations


def _directory(config: Config, audited: AuditedDatabase, bus: Bus) -> Directory:
    return Directory(
        DatabasePeople(audited),
        bus,
        config.domain,
        language=config.directory.language,
        time_zone=config.directory.time_zone,
    )


def _ledger(
    database: SqliteDatabase,
    archive: Archive,
    directory: Directory,
    bus: Bus,
    clock: Clock,
    rooms: RoomBook,
) -> Ledger:
    ledger = Ledger(
        DatabaseLedger(database.of("ledger")),
        archive,
        directory,
        bus,
        clock,
        rooms=rooms,
        request_batch=database.request_batch,
    )
    database.before_batch(ledger.write)
    return ledger
