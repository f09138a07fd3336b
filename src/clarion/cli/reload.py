"""``clarion reload``: the running server reads its settings and certificate again."""

from pathlib import Path
from typing import Any

import click

from clarion.admin.client import NoServerError, ask
from clarion.cli.output import json_option, print_json
from clarion.cli.root import DONE
from clarion.cli.settings import config_option, usable
from clarion.lib.errors import UnavailableError


@click.command("reload")
@json_option
@config_option
def command(config: Path, *, as_json: bool) -> int:
    """Let the running server read its settings and certificate again.

    It does what SIGHUP does, and tells what came of it: what is in force now,
    and what needs a restart. When anything is wrong, every error is printed
    and nothing has changed.
    """
    settings = usable(config)
    try:
        done = ask(settings.socket, "reload", {}, lambda *_: None)
    except NoServerError:
        raise UnavailableError(
            f"no server runs with {config}; it reads everything when it is started"
        ) from None
    if as_json:
        print_json(done)
    else:
        _print(done)
    return DONE


def _print(done: dict[str, Any]) -> None:
    if done["certificate"]:
        click.echo("The certificate was read again.")
    if not done["changed"] and not done["restart"]:
        click.echo("No setting has changed.")
    for key in done["changed"]:
        click.echo(f"{key}: in force now")
    for key in done["restart"]:
        click.echo(f"{key}: needs a restart")
