"""The composition root: opens the house step by step, runs it, and closes it in reverse."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clarion.admin.metrics import take_ports as take_metrics_ports
from clarion.admin.reloading import Reload
from clarion.assembly.admin import open_admin
from clarion.assembly.files import open_files
from clarion.assembly.foundation import open_foundation, read_certificate
from clarion.assembly.metrics import open_metrics
from clarion.assembly.xmpp import open_xmpp
from clarion.config.model import Config
from clarion.core.audit import SERVER
from clarion.core.auditor import Auditor
from clarion.lib.clock import Clock, SystemClock
from clarion.lib.garbage import calm_garbage
from clarion.lib.limits import raise_open_files
from clarion.lib.log import configure, get_logger
from clarion.store.forgetting import open_forgetting
from clarion.web.ports import take_ports as take_web_ports
from clarion.xmpp.door import XmppDoor
from clarion.xmpp.ports import take_ports

log = get_logger("house")


@dataclass(frozen=True, slots=True)
class House:
    """What is open: for those who print addresses, and for tests.

    Attributes:
        addresses: Kind of listener (``starttls``, ``tls``, ``plain``, ``https``, ``http``) and
            ``host:port``.
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
    certificate = read_certificate(config, clock)
    async with AsyncExitStack() as house:
        # First of all, so that a busy port is told before anything is written.
        ports = house.enter_context(take_ports(config.xmpp))
        scraped = house.enter_context(take_metrics_ports(config.metrics.listen))
        web_ports = house.enter_context(take_web_ports(config.web))
        ground = await house.enter_async_context(
            open_foundation(config, clock, certificate, environment)
        )
        files = await house.enter_async_context(open_files(ground, web_ports))
        xmpp = await house.enter_async_context(
            open_xmpp(ground, ports, None if files is None else files.service)
        )
        retention, erasure = await house.enter_async_context(
            open_forgetting(
                ground.audited,
                ground.database.scrub,
                ground.auditor,
                ground.crew,
                ground.directory,
                clock,
                ground.bus,
                config.retention,
                xmpp.forget_contact,
                None if files is None else files.uploads.remove_unused,
            )
        )
        reload = Reload(config, source, certificate, ground.bus, clock, _set_log)
        doors = [xmpp.figures]
        addresses = list(xmpp.door.addresses)
        if config.web is not None:
            from clarion.assembly.web import open_web  # noqa: PLC0415  # aiohttp takes 0.3 s

            routes: list[Any] = []
            if files is not None:
                upload = files.door(xmpp.door.throttle)
                routes += upload.routes()
                doors.append(upload.figures)
            web = await house.enter_async_context(open_web(ground, xmpp, web_ports, routes))
            doors.append(web.figures)
            addresses += web.addresses
        metrics = await house.enter_async_context(open_metrics(ground, scraped, doors))
        listening = (*addresses, *(("metrics", where) for where in metrics.addresses))
        await house.enter_async_context(
            open_admin(
                ground,
                xmpp,
                reload,
                retention,
                erasure,
                listening,
                None if files is None else files.uploads,
            )
        )
        yield House(
            tuple(addresses),
            xmpp.door,
            tuple(metrics.addresses),
            partial(_reload_by_signal, reload, ground.auditor),
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


def _reload_by_signal(reload: Reload, auditor: Auditor) -> None:
    """Do what SIGHUP asks for; who sent it is not known."""
    done = reload()
    if not done.errors:
        details = {"signal": "SIGHUP", "changed": done.changed, "restart": done.restart}
        auditor.note(SERVER, "reload", "", details)


def _set_log(config: Config) -> None:
    configure(config.log.level, config.log.format, sys.stderr)
