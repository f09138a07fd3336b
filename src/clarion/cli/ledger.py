"""``clarion ledger``: who has received and read what."""

from pathlib import Path

import click

from clarion.admin.reading import SHOWN
from clarion.cli.asking import answer
from clarion.cli.output import json_option, moment, print_json, print_table
from clarion.cli.settings import config_option
from clarion.core.book import SHOW_LIMIT


@click.group("ledger", no_args_is_help=False)
def command() -> None:
    """Show who has received and read what."""


@command.command("show")
@click.argument("item", required=False)
@click.option("--thread", nargs=2, metavar="A B", help="What these two wrote to each other.")
@click.option("--room", metavar="ROOM", help="What was said in a room.")
@click.option(
    "--limit",
    type=click.IntRange(1, SHOW_LIMIT),
    default=SHOWN,
    show_default=True,
    help="The newest so many items of a thread.",
)
@json_option
@config_option
def show(
    item: str | None,
    thread: tuple[str, str] | None,
    room: str | None,
    limit: int,
    config: Path,
    *,
    as_json: bool,
) -> None:
    """Show an item's readers, or those of the newest items of a thread or a room.

    ITEM is the stanza-id that clients see. With --json each row is an object
    with item, reader, state (sent, delivered, read, confirmed), at (UNIX
    seconds), door and act; the last three are null for what was only sent.
    """
    if sum(bool(given) for given in (item, thread, room)) != 1:
        raise click.UsageError("name an ITEM, --thread A B or --room ROOM")
    if item is not None:
        arguments: dict[str, object] = {"item": item}
    elif room is not None:
        arguments = {"room": room, "limit": limit}
    else:
        assert thread is not None
        arguments = {"a": thread[0], "b": thread[1], "limit": limit}
    rows = answer(config, "ledger.show", arguments)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("Item", "Reader", "State", "At", "Door", "Act"),
        (
            (
                row["item"],
                row["reader"],
                row["state"],
                moment(row["at"]),
                row["door"] or "",
                row["act"] or "",
            )
            for row in rows
        ),
    )
