"""The composition root: opens the house step by step, runs it, and closes it in reverse."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from clarion.admin.desk import Desk
from clarion.admin.figures import house_figures
from clarion.admin.listener import AdminListener
from clarion.admin.metrics import MetricsListener
from clarion.admin.metrics import take_ports as take_metrics_ports
from clarion.admin.reloading import Reload
from clarion.config.model import Config
from clarion.core.audit import SERVER
from clarion.core.auditor import Auditor
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.preferences import ArchivePreferences
from clarion.core.registration import Registrar
from clarion.core.seal import KEY_BYTES, SECRET, Seal
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.clock import Clock, SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import crew
from clarion.lib.garbage import calm_garbage
from clarion.lib.ids import Mint
from clarion.lib.lag import LoopLag
from clarion.lib.limits import raise_open_files
from clarion.lib.log import configure, get_logger
from clarion.lib.metrics import Exposition
from clarion.store.activity import DatabaseActivity
from clarion.store.archive import DatabaseArchive
from clarion.store.audit import AuditedDatabase
from clarion.store.backup import last_backup
from clarion.store.blocking import DatabaseBlocking
from clarion.store.credentials import DatabaseCredentials
from clarion.store.figures import store_figures
from clarion.store.forgetting import open_audit, open_forgetting
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.preferences import DatabasePreferences
from clarion.store.pubsub import DatabasePubsub
from clarion.store.roster import DatabaseRosters
from clarion.store.sqlite import SqliteDatabase, open_database
from clarion.store.vcards import DatabaseCards
from clarion.xmpp.bytestreams import Bytestreams
from clarion.xmpp.contact import contact_forms
from clarion.xmpp.departments import Departments
from clarion.xmpp.door import XmppDoor, token
from clarion.xmpp.ext import chosen
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.figures import door_figures
from clarion.xmpp.interests import Interests
from clarion.xmpp.nodes import Nodes
from clarion.xmpp.offers import offer as offer_contacts
from clarion.xmpp.people import People
from clarion.xmpp.ports import take_ports
from clarion.xmpp.removals import forget_contact
from clarion.xmpp.rosters import Rosters
from clarion.xmpp.router import OneNodeRouter, OneNodeSessions
from clarion.xmpp.services import Services

NODE: Final = 0  # of the item ids, while there is one node
MAX_PAGES: Final = "CLARION_MAX_PAGES"  # bounds the database file, for tests of a full disk

log = get_logger("house")


@dataclass(frozen=True, slots=True)
class House:
    """What is open: for those who print addresses, and for tests.

    Attributes:
        addresses: Kind of listener (``starttls``, ``tls``, ``plain``) and ``host:port``.
        door: The XMPP door.
        metrics: Where scrapers are answered, ``host:port``.
        reload: Reads settings and certificate again (SIGHUP).

    """

    addresses: tuple[tuple[str, str], ...]
    door: XmppDoor
    metrics: tuple[str, ...]
    reload: Callable[[], object]


@asynccontextmanager
async def open_house(
    config: Config,
    clock: Clock,
    environment: Mapping[str, str] = os.environ,
    source: Path | None = None,
) -> AsyncGenerator[House, None]:
    """Open everything in order; on the way out it closes in reverse, within the drain time.

    Args:
        config: As ``config.load`` returned it.
        clock: The machine's, or a test's.
        environment: Variables of the process.
        source: Where the configuration was read, to read it again.

    Raises:
        UsageError: It cannot start as configured; one line, and nothing was begun.

    """
    certificate = _certificate(config, clock)
    pages = environment.get(MAX_PAGES)
    async with AsyncExitStack() as stack:
        # First of all, so that a busy port is told before anything is written.
        ports = stack.enter_context(take_ports(config.xmpp))
        scraped = stack.enter_context(take_metrics_ports(config.metrics.listen))
        database = await stack.enter_async_context(
            open_database(
                config.database,
                clock=clock,
                crash_points=(points := CrashPoints.from_environment(environment)),
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
        directory = Directory(
            DatabasePeople(audited),
            bus,
            config.domain,
            language=config.directory.language,
            time_zone=config.directory.time_zone,
        )
        await directory.load()
        auditor.know(directory.person)
        identity = Identity(credentials, directory, bus, config.directory.scram_iterations)
        await stack.enter_async_context(identity.serve())
        ledger = Ledger(
            DatabaseLedger(database.of("ledger")),
            archive,
            directory,
            bus,
            clock,
            request_batch=database.request_batch,
        )
        database.before_batch(ledger.write)
        seal = Seal(await credentials.secret(SECRET, KEY_BYTES))
        blocking = Blocking(DatabaseBlocking(database.of("blocking")), bus)
        await blocking.load(directory)
        preferences = ArchivePreferences(DatabasePreferences(database))
        await preferences.load()
        people = People(config.domain, archive, ledger, seal, clock, blocking)
        nodes = Nodes(DatabasePubsub(database.of("pubsub")))
        await nodes.load()
        router = OneNodeRouter()
        switchboard = Switchboard(chosen(config.xmpp.registration, proxy=config.xmpp.proxy))
        services = Services(
            domain=config.domain,
            ask_for_marks=config.ledger.ask,
            limits=config.limits,
            activity=DatabaseActivity(database.of("activity")),
            archive=archive,
            blocking=blocking,
            cards=DatabaseCards(database.of("vcards")),
            bus=bus,
            clock=clock,
            crash_points=points,
            crew=hands,
            directory=directory,
            identity=identity,
            interests=Interests(clock, token),
            ledger=ledger,
            nodes=nodes,
            sync_counts=config.ledger.sync_counts,
            mint=Mint(NODE, clock.wall, await archive.newest()),
            preferences=preferences,
            rosters=Rosters(
                DatabaseRosters(database.of("rosters")),
                departments=Departments(directory, bus, config.directory.roster_size),
            ),
            router=router,
            seal=seal,
            sessions=OneNodeSessions(),
            token=token,
            began=clock.monotonic(),
            features=switchboard.told(contact_forms(config.xmpp.contact)),
            registration=_registrar(config, directory, identity, clock),
            bytestreams=_proxy(config, clock),
        )
        door = XmppDoor(
            config.limits,
            services,
            people,
            switchboard,
            router,
            certificate,
            config.log.repeats,
        )
        await stack.enter_async_context(door.serve(ports))
        retention, erasure = await stack.enter_async_context(
            open_forgetting(
                audited,
                database.scrub,
                auditor,
                services.crew,
                directory,
                clock,
                bus,
                config.retention,
                partial(forget_contact, services, people),
            )
        )
        reload = Reload(config, source, certificate, bus, clock, _set_log)
        metrics = await stack.enter_async_context(
            _measured(config, scraped, door, services, database, certificate)
        )

        def facts() -> dict[str, Any]:
            return {
                "sessions": len(door.lifecycle),
                "process": os.getpid(),
                "certificate_expires": None if certificate is None else certificate.expires,
                "listening": [
                    *({"kind": kind, "address": where} for kind, where in door.addresses),
                    *({"kind": "metrics", "address": where} for where in metrics.addresses),
                ],
            }

        desk = Desk(
            directory,
            identity,
            ledger,
            seal,
            facts,
            reload,
            partial(offer_contacts, services),
            auditor,
            retention,
            erasure,
        )
        await stack.enter_async_context(AdminListener(config.socket, desk).serve())
        yield House(
            tuple(door.addresses),
            door,
            tuple(metrics.addresses),
            partial(_reload_by_signal, reload, auditor),
        )


async def serve(
    config: Config,
    opened: Callable[[House], None] | None = None,
    clock: Clock | None = None,
    source: Path | None = None,
) -> None:
    """Run the server until SIGTERM or SIGINT.

    Args:
        config: As ``config.load`` returned it.
        opened: Called once everything listens.
        clock: Another one than the machine's, for tests.
        source: Where the configuration was read, to read it again at SIGHUP.

    Raises:
        UsageError: It cannot start as configured.

    """
    began = time.monotonic()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # nothing to reload yet
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    files = raise_open_files()
    clock = clock or SystemClock()
    async with open_house(config, clock, source=source) as house:
        loop.add_signal_handler(signal.SIGHUP, house.reload)
        with calm_garbage(clock):
            log.info(
                "clarion is open",
                domain=config.domain,
                open_files=files,
                took_ms=round((time.monotonic() - began) * 1000),
            )
            if opened is not None:
                opened(house)
            await stop.wait()
            log.info("clarion is closing")
    log.info("clarion is closed")


def run(
    config: Config, source: Path | None = None, opened: Callable[[House], None] | None = None
) -> None:
    """Set up the log, then run ``serve`` on the fastest loop there is.

    Raises:
        UsageError: It cannot start as configured.

    """
    _set_log(config)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_unwrapped(serve(config, opened, source=source)))


async def _unwrapped(work: Any) -> None:
    """Raise what failed itself, not the group of the task group that it fell in."""
    try:
        await work
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415  # only where it exists

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory
    return None


@asynccontextmanager
async def _measured(
    config: Config,
    scraped: Sequence[socket.socket],
    door: XmppDoor,
    services: Services,
    database: SqliteDatabase,
    certificate: CertificateHolder | None,
) -> AsyncGenerator[MetricsListener, None]:
    """Open the metrics, of every part of the house."""
    lag = LoopLag(services.clock)
    metrics = MetricsListener(
        scraped,
        Exposition(
            (
                lambda: door_figures(door, services),
                lambda: store_figures(database.meter),
                lag.figures,
                lambda: house_figures(
                    services.mint.minted,
                    services.directory,
                    None if certificate is None else certificate.expires,
                    last_backup(config.data),
                ),
            ),
            services.clock.monotonic,
        ),
    )
    async with lag.serve(), metrics.serve():
        yield metrics


def _reload_by_signal(reload: Reload, auditor: Auditor) -> None:
    """Do what SIGHUP asks for; who sent it is not known."""
    done = reload()
    if not done.errors:
        details = {"signal": "SIGHUP", "changed": done.changed, "restart": done.restart}
        auditor.note(SERVER, "reload", "", details)


def _registrar(
    config: Config, directory: Directory, identity: Identity, clock: Clock
) -> Registrar | None:
    """Return who makes accounts and changes passwords for clients; ``None``: nobody."""
    mode = config.xmpp.registration
    if mode == "off":
        return None
    return Registrar(directory, identity, clock, accounts=mode == "open")


def _proxy(config: Config, clock: Clock) -> Bytestreams | None:
    """Return the proxy for files, unless it is off."""
    if not config.xmpp.proxy:
        return None
    return Bytestreams(clock, f"proxy.{config.domain}", config.xmpp.proxy_host)


def _certificate(config: Config, clock: Clock) -> CertificateHolder | None:
    if not config.xmpp.listen and not config.xmpp.listen_tls:
        return None
    tls = config.tls
    holder = CertificateHolder(tls.certificate, tls.key, minimum=tls.minimum, now=clock.wall())
    for line in holder.doubts(config.domain):
        log.warning("clients will not trust the certificate", why=line)
    return holder


def _set_log(config: Config) -> None:
    configure(config.log.level, config.log.format, sys.stderr)
