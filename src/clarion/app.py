"""The composition root: opens the house step by step, runs it, and closes it in reverse."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from clarion.admin.desk import Desk
from clarion.admin.listener import AdminListener
from clarion.config.model import Config
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.seal import KEY_BYTES, SECRET, Seal
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.clock import Clock, SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import crew
from clarion.lib.ids import Mint
from clarion.lib.limits import raise_open_files
from clarion.lib.log import configure, get_logger
from clarion.store.archive import DatabaseArchive
from clarion.store.credentials import DatabaseCredentials
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.roster import DatabaseRosters
from clarion.store.sqlite import open_database
from clarion.xmpp.door import XmppDoor, token
from clarion.xmpp.ext import ALL
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.people import People
from clarion.xmpp.ports import take_ports
from clarion.xmpp.rosters import Rosters
from clarion.xmpp.router import OneNodeRouter, OneNodeSessions
from clarion.xmpp.services import Features, Services

NODE: Final = 0  # of the item ids, while there is one node
MAX_PAGES: Final = "CLARION_MAX_PAGES"  # bounds the database file, for tests of a full disk

log = get_logger("house")


@dataclass(frozen=True, slots=True)
class House:
    """What is open: for those who print addresses, and for tests.

    Attributes:
        addresses: Kind of listener (``starttls``, ``tls``, ``plain``) and ``host:port``.
        door: The XMPP door.
        reload: Reads again what can change at run time (SIGHUP).

    """

    addresses: tuple[tuple[str, str], ...]
    door: XmppDoor
    reload: Callable[[], None]


@asynccontextmanager
async def open_house(
    config: Config, clock: Clock, environment: Mapping[str, str] = os.environ
) -> AsyncGenerator[House, None]:
    """Open everything in order; on the way out it closes in reverse, within the drain time.

    Raises:
        UsageError: It cannot start as configured; one line, and nothing was begun.

    """
    certificate = _certificate(config, clock)
    pages = environment.get(MAX_PAGES)
    async with AsyncExitStack() as stack:
        # First of all, so that a busy port is told before anything is written.
        ports = stack.enter_context(take_ports(config.xmpp))
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
        archive = DatabaseArchive(database)
        credentials = DatabaseCredentials(database)
        directory = Directory(
            DatabasePeople(database),
            bus,
            config.domain,
            language=config.directory.language,
            time_zone=config.directory.time_zone,
        )
        await directory.load()
        identity = Identity(credentials, directory, bus, config.directory.scram_iterations)
        await stack.enter_async_context(identity.serve())
        ledger = Ledger(
            DatabaseLedger(database),
            archive,
            directory,
            bus,
            clock,
            request_batch=database.request_batch,
        )
        database.before_batch(ledger.write)
        seal = Seal(await credentials.secret(SECRET, KEY_BYTES))
        people = People(config.domain, archive, ledger, seal, clock)
        router = OneNodeRouter()
        switchboard = Switchboard(ALL)
        services = Services(
            domain=config.domain,
            ask_for_marks=config.ledger.ask,
            limits=config.limits,
            archive=archive,
            bus=bus,
            clock=clock,
            crash_points=points,
            crew=hands,
            directory=directory,
            identity=identity,
            ledger=ledger,
            mint=Mint(NODE, clock.wall, await archive.newest()),
            rosters=Rosters(DatabaseRosters(database)),
            router=router,
            seal=seal,
            sessions=OneNodeSessions(),
            token=token,
            features=Features(switchboard.features, switchboard.account_features),
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
        desk = Desk(directory, identity, ledger, seal, lambda: {"sessions": len(door.lifecycle)})
        await stack.enter_async_context(AdminListener(config.socket, desk).serve())
        yield House(tuple(door.addresses), door, lambda: _reload(certificate, clock))


async def serve(
    config: Config, opened: Callable[[House], None] | None = None, clock: Clock | None = None
) -> None:
    """Run the server until SIGTERM or SIGINT.

    Args:
        config: As ``config.load`` returned it.
        opened: Called once everything listens.
        clock: Another one than the machine's, for tests.

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
    async with open_house(config, clock or SystemClock()) as house:
        loop.add_signal_handler(signal.SIGHUP, house.reload)
        _settle_memory()
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


def run(config: Config, opened: Callable[[House], None] | None = None) -> None:
    """Set up the log, then run ``serve`` on the fastest loop there is.

    Raises:
        UsageError: It cannot start as configured.

    """
    configure(config.log.level, config.log.format, sys.stderr)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_unwrapped(serve(config, opened)))


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


def _settle_memory() -> None:
    """Keep the collector from walking through what lives as long as the process."""
    gc.collect()
    gc.freeze()


def _certificate(config: Config, clock: Clock) -> CertificateHolder | None:
    if not config.xmpp.listen and not config.xmpp.listen_tls:
        return None
    tls = config.tls
    holder = CertificateHolder(tls.certificate, tls.key, minimum=tls.minimum, now=clock.wall())
    for line in holder.doubts(config.domain):
        log.warning("clients will not trust the certificate", why=line)
    return holder


def _reload(certificate: CertificateHolder | None, clock: Clock) -> None:
    """Take SIGHUP: new connections see the certificate as it is now."""
    wrong = () if certificate is None else certificate.reload(clock.wall())
    for line in wrong:
        log.error("certificate not reloaded", why=line)
    if not wrong:
        log.info("certificate reloaded")
