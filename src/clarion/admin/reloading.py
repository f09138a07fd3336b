"""Reads the configuration and the certificate again while the server runs: SIGHUP, ``reload``.

All or nothing: when the file holds an error, or the certificate cannot be
used, everything stays as it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.config.live import differences, is_live, with_live
from clarion.config.load import ConfigError, load
from clarion.config.model import Config
from clarion.core.bus import Bus
from clarion.core.events import PoliciesChanged
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.clock import Clock
from clarion.lib.errors import UnavailableError, UsageError
from clarion.lib.log import get_logger

log = get_logger("house")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of it.

    Attributes:
        certificate: Whether there is one, and new connections see it as it is now.
        changed: Settings that are new and in force.
        restart: Settings that are new in the file and in force after a restart.
        errors: What is wrong, a line each; then nothing has changed.

    """

    certificate: bool = False
    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class Reload:
    """Calls for a reload come from a signal or through the administration socket.

    Args:
        config: The settings in force.
        source: Where they were read; ``None``: only the certificate is reloaded.
        certificate: What TLS shows; ``None`` when no listener has TLS.
        bus: Hears ``PoliciesChanged``.
        clock: Certificates are judged by it.
        set_level: Changes the level of the log.

    Attributes:
        config: The settings in force now.

    """

    def __init__(
        self,
        config: Config,
        source: Path | None,
        certificate: CertificateHolder | None,
        bus: Bus,
        clock: Clock,
        set_level: Callable[[Config], None] = lambda config: None,
    ) -> None:
        self.config = config
        self._source = source
        self._certificate = certificate
        self._bus = bus
        self._clock = clock
        self._set_level = set_level

    def __call__(self) -> Reloaded:
        """Read everything again; what came of it is logged as well."""
        try:
            new = self.config if self._source is None else load(self._source)
        except ConfigError as error:
            return self._failed("settings not reloaded", error.errors)
        wrong = () if self._certificate is None else self._certificate.reload(self._clock.wall())
        if wrong:
            return self._failed("certificate not reloaded", wrong)
        if self._certificate is not None:
            log.info("certificate reloaded")
            for line in self._certificate.doubts(self.config.domain):
                log.warning("clients will not trust the certificate", why=line)
        keys = differences(self.config, new)
        live = tuple(key for key in keys if is_live(key))
        restart = tuple(key for key in keys if not is_live(key))
        if live:
            self.config = with_live(self.config, new)
            self._set_level(self.config)
            self._bus.publish(PoliciesChanged(self.config, live))
        for key in live:
            log.info("setting changed", key=key)
        for key in restart:
            log.warning("setting needs a restart", key=key)
        log.info("reloaded", changed=len(live), need_restart=len(restart))
        return Reloaded(self._certificate is not None, live, restart)

    def _failed(self, what: str, why: tuple[str, ...]) -> Reloaded:
        for line in why:
            log.error(what, why=line)
        return Reloaded(errors=why)


async def reload(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``reload``: what SIGHUP does; tells what changed.

    Raises:
        UsageError: Something is wrong, a line each; nothing has changed.
        UnavailableError: No server runs that could reload anything.

    """
    arguments.finish()
    if desk.reload is None:
        raise UnavailableError("no server runs, so there is nothing to reload")
    done: Reloaded = desk.reload()
    if done.errors:
        raise UsageError("\n".join(done.errors))
    record = asdict(done)
    del record["errors"]
    return record
