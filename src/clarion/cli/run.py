"""``clarion run``: the server, in the foreground."""

import time
from pathlib import Path

import click

from clarion import app
from clarion.cli.root import UnusableError
from clarion.cli.settings import config_option, usable
from clarion.config.check import check_files
from clarion.lib.errors import ClarionError


@click.command("run")
@config_option
def command(config: Path) -> None:
    """Run the server until SIGTERM or SIGINT.

    SIGTERM drains and stops; SIGHUP reads the certificate and the settings
    again, as `clarion reload` does.
    """
    settings = usable(config)
    errors = check_files(settings, time.time())
    if errors:
        raise UnusableError("\n".join(errors))
    try:
        app.run(settings, config)
    except ClarionError as error:
        raise UnusableError(str(error)) from error
