"""Asks the running server, or does it directly when none runs."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from clarion.admin.client import NoServerError, ask
from clarion.admin.desk import Progress
from clarion.cli.direct import HeldError, perform_directly
from clarion.cli.output import Bar
from clarion.cli.settings import usable
from clarion.config.model import Config
from clarion.lib.clock import SystemClock

TRIES: Final = 20
PAUSE: Final = 0.1
"""Seconds between tries while a server starts or stops: it holds the data, but does not listen."""


def answer(path: Path, verb: str, arguments: Mapping[str, Any], label: str = "Working") -> Any:
    """Do ``verb`` with the configuration at ``path`` and return what comes of it.

    Raises:
        UnusableError: The configuration or the database cannot be used.
        ClarionError: It was refused.

    """
    config = usable(path)
    with Bar(label, SystemClock()) as bar:
        for _ in range(TRIES):
            try:
                return _once(config, verb, arguments, bar)
            except HeldError:
                time.sleep(PAUSE)
        return _once(config, verb, arguments, bar)


def _once(config: Config, verb: str, arguments: Mapping[str, Any], progress: Progress) -> Any:
    with suppress(NoServerError):
        return ask(config.socket, verb, arguments, progress)
    return perform_directly(config, verb, arguments, progress)
