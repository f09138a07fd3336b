"""``clarion init``: a folder with all that ``clarion run`` needs."""

import os
import time
from pathlib import Path

import click

from clarion.cli.settings import FILE
from clarion.config.explain import starter
from clarion.lib import certificates
from clarion.lib.errors import UsageError
from clarion.wire.address import AddressError, normalise_domain


def _domain(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return normalise_domain(value)
    except AddressError as error:
        raise click.BadParameter(str(error)) from error


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--domain", required=True, callback=_domain, help="What stands behind the @ of every address."
)
def command(folder: Path, domain: str) -> None:
    """Write DIR/clarion.toml, DIR/certs and DIR/data.

    The certificates are signed by a CA made for this folder: good for trying
    things out. Nothing that exists is overwritten.
    """
    settings = folder / FILE
    if os.path.lexists(settings):
        raise UsageError(f"{settings}: exists already and is not overwritten")
    files = certificates.create(folder / "certs", domain, not_before=time.time())
    try:
        (folder / "data").mkdir(mode=0o700, exist_ok=True)
        with settings.open("x", encoding="utf-8") as file:
            file.write(starter(domain))
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    click.echo(f"Wrote {settings}, {folder / 'data'} and development certificates.")
    click.echo(f"Clients that are to trust this server need {files.ca}.")
    click.echo("Next:")
    click.echo(f"  clarion person add ADDRESS@{domain} --password-stdin --config {settings}")
    click.echo(f"  clarion run --config {settings}")
