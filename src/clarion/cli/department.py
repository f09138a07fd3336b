"""``clarion department``: the departments of the organisation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from clarion.cli.asking import answer
from clarion.cli.output import json_option, print_json, print_table
from clarion.cli.settings import config_option


@click.group("department", no_args_is_help=False)
def command() -> None:
    """Look at and change the departments of the organisation.

    DEPARTMENT is an address, or a name where no other department has it.
    """


@command.command("add")
@click.argument("department")
@click.option("--name", help="As shown to people.")
@click.option("--parent", help="The department above; address or name.")
@json_option
@config_option
def add(
    department: str, name: str | None, parent: str | None, config: Path, *, as_json: bool
) -> None:
    """Add a department. A name becomes its address too: "Sales" is sales@DOMAIN."""
    given = {"department": department, "name": name, "parent": parent}
    made = answer(config, "department.add", given)
    _print(made, f"Added {made['address']}.", as_json=as_json)


@command.command("list")
@json_option
@config_option
def listing(config: Path, *, as_json: bool) -> None:
    """List departments as a tree."""
    departments = answer(config, "department.list", {})
    if as_json:
        print_json(departments)
        return
    print_table(
        ("Name", "Address", "People", "Managers"),
        (
            (
                "  " * depth + one["name"],
                one["address"],
                str(one["people"]),
                ", ".join(one["managers"]),
            )
            for depth, one in _tree(departments)
        ),
    )


@command.command("show")
@click.argument("department")
@json_option
@config_option
def show(department: str, config: Path, *, as_json: bool) -> None:
    """Show a department and its people."""
    record = answer(config, "department.show", {"department": department})
    if as_json:
        print_json(record)
        return
    print_table(
        (),
        (
            ("Address", record["address"]),
            ("Name", record["name"]),
            ("Above", record["parent"] or "none"),
            ("Below", ", ".join(record["departments"]) or "none"),
            ("Managers", ", ".join(record["managers"]) or "nobody"),
            ("People", str(record["people"])),
        ),
    )
    if record["members"]:
        click.echo()
        print_table(
            ("Address", "Name", "Title", "Notes"),
            (
                (
                    one["address"],
                    one["name"],
                    one["title"],
                    ", ".join(note for note in ("manager", "disabled") if one[note]),
                )
                for one in record["members"]
            ),
        )


@command.command("set")
@click.argument("department")
@click.option("--name", help="As shown to people; the address stays.")
@click.option("--parent", help="The department above; empty: none.")
@json_option
@config_option
def change(
    department: str, name: str | None, parent: str | None, config: Path, *, as_json: bool
) -> None:
    """Rename a department, or hang it and all below it elsewhere in the tree."""
    if name is None and parent is None:
        raise click.UsageError("nothing to change is given")
    given = {"department": department, "name": name, "parent": parent}
    record = answer(config, "department.set", given)
    _print(record, f"Changed {record['address']}.", as_json=as_json)


@command.command("remove")
@click.argument("department")
@click.option("--members", is_flag=True, help="Also when it has people; they stay persons.")
@json_option
@config_option
def remove(department: str, config: Path, *, members: bool, as_json: bool) -> None:
    """Remove a department that has none below it; its address is free again."""
    given = {"department": department, "members": members}
    record = answer(config, "department.remove", given)
    _print(record, f"Removed {record['address']}.", as_json=as_json)


@command.command("join")
@click.argument("department")
@click.argument("person", nargs=-1, required=True)
@click.option("--title", help="What the person is there.")
@click.option("--manager/--no-manager", default=None, help="Who manages the department.")
@json_option
@config_option
def join(
    department: str,
    person: Sequence[str],
    title: str | None,
    config: Path,
    *,
    manager: bool | None,
    as_json: bool,
) -> None:
    """Let people belong to a department, or change their title there."""
    given: dict[str, Any] = {"department": department, "persons": list(person), "title": title}
    if manager is not None:
        given["manager"] = manager
    record = answer(config, "department.join", given)
    _print(record, f"{record['address']} has {_people(record)}.", as_json=as_json)


@command.command("leave")
@click.argument("department")
@click.argument("person", nargs=-1, required=True)
@json_option
@config_option
def leave(department: str, person: Sequence[str], config: Path, *, as_json: bool) -> None:
    """Let people belong to a department no more."""
    given = {"department": department, "persons": list(person)}
    record = answer(config, "department.leave", given)
    _print(record, f"{record['address']} has {_people(record)}.", as_json=as_json)


def _tree(departments: Sequence[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Put each department behind the one above it; returns them with their depth."""
    by_address = {one["address"]: one for one in departments}
    rows: list[tuple[int, dict[str, Any]]] = []
    left = [(0, one) for one in reversed(departments) if one["parent"] is None]
    while left:
        depth, one = left.pop()
        rows.append((depth, one))
        left += [(depth + 1, by_address[below]) for below in reversed(one["departments"])]
    return rows


def _people(record: dict[str, Any]) -> str:
    return "1 person" if record["people"] == 1 else f"{record['people']} people"


def _print(record: Any, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(record)
    else:
        click.echo(text)
