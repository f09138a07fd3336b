"""``clarion file``: what people have uploaded, and away with one."""

from pathlib import Path

import click

from clarion.admin.files import SHOW_LIMIT, SHOWN
from clarion.cli.asking import answer
from clarion.cli.output import json_option, moment, print_json, print_table
from clarion.cli.settings import config_option


@click.group("file", no_args_is_help=False)
def command() -> None:
    """List and remove files that people have uploaded; the server must run."""


@command.command("list")
@click.argument("address", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, SHOW_LIMIT),
    default=SHOWN,
    show_default=True,
    help="The newest so many.",
)
@json_option
@config_option
def listing(address: str | None, limit: int, config: Path, *, as_json: bool) -> None:
    """List the newest files, of one person or of everybody."""
    rows = answer(config, "file.list", {"address": address, "limit": limit})
    if as_json:
        print_json(rows)
        return
    print_table(
        ("File", "Name", "Type", "Bytes", "Owner", "At"),
        (
            (
                row["file"],
                row["name"],
                row["type"],
                str(row["size_bytes"]),
                row["owner"] or "",
                moment(row["at"]),
            )
            for row in rows
        ),
    )


@command.command("remove")
@click.argument("file")
@json_option
@config_option
def remove(file: str, config: Path, *, as_json: bool) -> None:
    """Remove a file for everybody.

    FILE is its address, or what names it there and in the list. The same content
    that somebody else has uploaded stays theirs.
    """
    done = answer(config, "file.remove", {"file": file})
    if as_json:
        print_json(done)
    else:
        click.echo(f"Removed {done['name']}, {done['size_bytes']} bytes, of {done['owner']}.")
