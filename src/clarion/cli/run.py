"""``clarion run``: the server, in the foreground."""

from importlib import import_module
from pathlib import Path

import click

from clarion.cli.root import UnusableError
from clarion.cli.settings import config_option
from clarion.lib.errors import ClarionError


@click.command("run")
@config_option
def command(config: Path) -> int:
    """Run the server until SIGTERM or SIGINT.

    SIGTERM drains and stops; SIGHUP reloads certificates and what else can
    be reloaded.
    """
    # Not at the top: the other commands' tests need no server.
    serve = import_module("clarion.app").serve
    try:
        return int(serve(config) or 0)
    except ClarionError as error:
        raise UnusableError(str(error)) from error
