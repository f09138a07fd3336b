"""``clarion check``: everything that is wrong with the configuration, at once."""

import time
from pathlib import Path

import click

from clarion.cli.output import json_option, print_json
from clarion.cli.root import DONE, UNUSABLE, UnusableError
from clarion.cli.settings import config_option
from clarion.config.check import check_files
from clarion.config.load import ConfigError, load


@click.command("check")
@config_option
@json_option
def command(config: Path, *, as_json: bool) -> int:
    """Check the configuration, and when its values are good the files that it names.

    Ports are not tried. Exit code 0 when nothing is wrong, else 2.
    """
    errors = _errors(config)
    if as_json:
        print_json({"file": str(config), "errors": errors})
        return UNUSABLE if errors else DONE
    if errors:
        raise UnusableError("\n".join(errors))
    click.echo(f"{config}: good")
    return DONE


def _errors(path: Path) -> list[str]:
    try:
        return list(check_files(load(path), time.time()))
    except ConfigError as error:
        return list(error.errors)
