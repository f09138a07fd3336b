"""``clarion retention``: what is older than ``[retention]`` says, and its end."""

from pathlib import Path
from typing import Any

import click

from clarion.cli.asking import answer
from clarion.cli.output import json_option, print_json
from clarion.cli.settings import config_option


@click.group("retention", no_args_is_help=False)
def command() -> None:
    """Delete what is older than [retention] says; a running server does it every day."""


@command.command("run")
@click.option("--dry-run", is_flag=True, help="Only say what is old enough.")
@json_option
@config_option
def run(config: Path, *, dry_run: bool, as_json: bool) -> None:
    """Delete now what is too old, a little at a time.

    Beside a running server it goes gently, so it may take a while; whatever
    cuts it short, the next run goes on from there.
    """
    done = answer(config, "retention.run", {"dry": dry_run}, "Deleting old messages")
    if as_json:
        print_json(done)
    else:
        click.echo(_told(done))


def _told(done: dict[str, Any]) -> str:
    if not done["messages_days"]:
        return "[retention] messages is 0: everything is kept for ever."
    if done["dry"]:
        return (
            f"{done['items']} items are older than {done['messages_days']} days; "
            f"{done['waiting']} of them wait for somebody and would stay."
        )
    return (
        f"Deleted {done['items']} items, {done['lines']} lines of archives "
        f"({done['waiting']} of them unread) and {done['moves']} of the ledger."
    )
