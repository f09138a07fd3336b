"""``clarion room``: the rooms of the organisation."""

from pathlib import Path
from typing import Any

import click

from clarion.admin.rooms import WORDS
from clarion.cli.asking import answer
from clarion.cli.output import json_option, print_json, print_table
from clarion.cli.settings import config_option


@click.group("room", no_args_is_help=False)
def command() -> None:
    """Look at and change the rooms of the organisation.

    ROOM is an address, e.g. sales@rooms.corp.example. Every department has a
    room, which follows the department.
    """


@command.command("list")
@json_option
@config_option
def listing(config: Path, *, as_json: bool) -> None:
    """List the rooms."""
    rooms = answer(config, "room.list", {})
    if as_json:
        print_json(rooms)
        return
    print_table(
        ("Address", "Name", "Members", "Department", "Who may enter"),
        (
            (
                one["address"],
                one["name"],
                str(one["members"]),
                one["department"] or "",
                _entrance(one),
            )
            for one in rooms
        ),
    )


@command.command("show")
@click.argument("room")
@json_option
@config_option
def show(room: str, config: Path, *, as_json: bool) -> None:
    """Show a room and who is affiliated with it."""
    _print(answer(config, "room.show", {"room": room}), as_json=as_json)


@command.command("affiliate")
@click.argument("room")
@click.argument("address")
@click.argument("affiliation", type=click.Choice(WORDS))
@json_option
@config_option
def affiliate(room: str, address: str, affiliation: str, config: Path, *, as_json: bool) -> None:
    """Make somebody an owner, admin or member of a room, an outcast, or none of these."""
    given = {"room": room, "address": address, "affiliation": affiliation}
    _print(answer(config, "room.affiliate", given), as_json=as_json)


@command.command("destroy")
@click.argument("room")
@click.option("--reason", help="Told to those who are in it.")
@json_option
@config_option
def destroy(room: str, reason: str | None, config: Path, *, as_json: bool) -> None:
    """End a room; its archive goes with it."""
    gone = answer(config, "room.destroy", {"room": room, "reason": reason})
    if as_json:
        print_json(gone)
        return
    click.echo(f"Destroyed {gone['address']}.")


def _entrance(room: dict[str, Any]) -> str:
    if room["members_only"]:
        return "members"
    return "everybody" if room["public"] else "everybody who knows it"


def _print(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(record)
        return
    print_table(
        (),
        (
            ("Address", record["address"]),
            ("Name", record["name"]),
            ("Department", record["department"] or "none"),
            ("Subject", record["subject"]),
            ("Who may enter", _entrance(record)),
            ("Archived", "yes" if record["archived"] else "no"),
        ),
    )
    click.echo()
    print_table(
        ("Address", "Affiliation", "Nickname"),
        ((one["address"], one["affiliation"], one["nick"]) for one in record["affiliations"]),
    )
