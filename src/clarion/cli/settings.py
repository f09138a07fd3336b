"""``--config FILE``: the option, then ``$CLARION_CONFIG``, then ``./clarion.toml``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from clarion.cli.root import UnusableError
from clarion.config.load import ConfigError, load
from clarion.config.model import Config

VARIABLE: Final = "CLARION_CONFIG"
FILE: Final = "clarion.toml"

F = TypeVar("F", bound=Callable[..., Any])

config_option: Callable[[F], F] = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    envvar=VARIABLE,
    default=FILE,
    help=f"The configuration; without it ${VARIABLE}, else ./{FILE}.",
)


def usable(path: Path) -> Config:
    """Load the configuration.

    Raises:
        UnusableError: It cannot be used; a line for each error.

    """
    try:
        return load(path)
    except ConfigError as error:
        raise UnusableError(str(error)) from error
