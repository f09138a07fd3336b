"""``clarion person``: the people of the organisation."""

import sys
from collections.abc import Callable, Mapping, Sequence
from getpass import getpass
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from clarion.cli.asking import answer
from clarion.cli.cards import is_cards, read_cards
from clarion.cli.columns import Fault, Record, read_columns
from clarion.cli.inviting import invitations, invite
from clarion.cli.output import json_option, moment, print_json, print_table
from clarion.cli.settings import config_option, usable
from clarion.lib.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

_FIELDS: Sequence[Callable[[Any], Any]] = (
    click.option("--name", help="As shown to others."),
    click.option("--phone", help="E.164, e.g. +4930123456."),
    click.option("--language", help="BCP 47, e.g. de."),
    click.option("--time-zone", help="IANA, e.g. Europe/Berlin."),
    click.option("--department", help="Address or name; made when there is none."),
    click.option("--title", help="What the person is in that department."),
    click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
    ),
)


def _fields(function: F) -> F:
    decorated: Any = function
    for option in reversed(_FIELDS):
        decorated = option(decorated)
    return cast("F", decorated)


def _given(password_stdin: bool, **values: Any) -> dict[str, Any]:  # noqa: FBT001  # as click hands it over
    given = {name: value for name, value in values.items() if value is not None}
    if password_stdin:
        typed = sys.stdin.isatty()
        line = getpass("Password: ") if typed else sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise click.UsageError("--password-stdin: there is no password on standard input")
        given["password"] = line
    return given


@click.group("person", no_args_is_help=False)
def command() -> None:
    """Look at and change the people of the organisation."""


@command.command("add")
@click.argument("address")
@_fields
@click.option("--manager", is_flag=True, default=None, help="The person manages the department.")
@click.option("--admin", is_flag=True, default=None, help="May administer over the wire.")
@json_option
@config_option
def add(address: str, config: Path, *, as_json: bool, **options: Any) -> None:
    """Add a person. Without a password nobody can log in as them."""
    person = answer(config, "person.add", {"address": address, **_given(**options)})
    _print(person, f"Added {person['address']}.", as_json=as_json)


@command.command("set")
@click.argument("address")
@_fields
@click.option("--manager/--no-manager", default=None, help="Who manages the department.")
@click.option("--leave", help="A department to leave.")
@click.option("--admin/--no-admin", default=None, help="May administer over the wire.")
@json_option
@config_option
def change(address: str, config: Path, *, as_json: bool, **options: Any) -> None:
    """Change what is given and nothing else. An empty --phone takes it away."""
    given = _given(**options)
    if not given:
        raise click.UsageError("nothing to change is given")
    person = answer(config, "person.set", {"address": address, **given})
    _print(person, f"Changed {person['address']}.", as_json=as_json)


@command.command("list")
@click.option("--search", help="A part of the name or address.")
@click.option("--department", help="Only its members; address or name.")
@json_option
@config_option
def listing(search: str | None, department: str | None, config: Path, *, as_json: bool) -> None:
    """List people by address."""
    persons = answer(config, "person.list", {"search": search, "department": department})
    if as_json:
        print_json(persons)
        return
    print_table(
        ("Address", "Name", "Departments", "Phone", "Notes"),
        (
            (
                person["address"],
                person["name"],
                ", ".join(one["name"] for one in person["departments"]),
                person["phone"] or "",
                ", ".join(note for note in ("admin", "disabled") if person[note]),
            )
            for person in persons
        ),
    )


@command.command("show")
@click.argument("address")
@json_option
@config_option
def show(address: str, config: Path, *, as_json: bool) -> None:
    """Show all that is known of a person."""
    person = answer(config, "person.show", {"address": address})
    if as_json:
        print_json(person)
        return
    departments = [
        "".join(
            (
                one["name"],
                f" <{one['address']}>",
                f", {one['title']}" if one["title"] else "",
                ", manager" if one["manager"] else "",
            )
        )
        for one in person["departments"]
    ]
    print_table(
        (),
        (
            ("Address", person["address"]),
            ("Name", person["name"]),
            ("Phone", person["phone"] or "none"),
            ("Language", person["language"]),
            ("Time zone", person["time_zone"]),
            ("Admin", _word(person["admin"])),
            ("Disabled", _word(person["disabled"])),
            ("Departments", "; ".join(departments) or "none"),
            ("Managed by", ", ".join(person["managers"]) or "nobody"),
            ("Password", _word(person["password"])),
            ("App passwords", ", ".join(person["app_passwords"]) or "none"),
            *(("Stays logged in", _client(one)) for one in person["clients"]),
        ),
    )
    for place in person["push"]:
        _print_place(place)


command.add_command(invite)
command.add_command(invitations)


@command.command("disable")
@click.argument("address")
@json_option
@config_option
def disable(address: str, config: Path, *, as_json: bool) -> None:
    """Lock a person out and end their sessions at once; nothing is deleted."""
    person = answer(config, "person.disable", {"address": address})
    _print(person, f"Disabled {person['address']}.", as_json=as_json)


@command.command("enable")
@click.argument("address")
@json_option
@config_option
def enable(address: str, config: Path, *, as_json: bool) -> None:
    """Let a disabled person in again."""
    person = answer(config, "person.enable", {"address": address})
    _print(person, f"Enabled {person['address']}.", as_json=as_json)


@command.command("erase")
@click.argument("address")
@click.option("--messages", is_flag=True, help="The text of what they sent goes everywhere, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@config_option
def erase(address: str, config: Path, *, messages: bool, yes: bool, as_json: bool) -> None:
    """Delete a person for good, with everything that is theirs.

    Passwords, profile, contacts, settings, archive and read marks go, and
    what is left of them in the database file. Others keep their copies of
    conversations, unless --messages takes the text of what the person sent
    out of them. The address is never given again. There is no way back but a
    backup; see docs/operating/erasure.md.
    """
    if not yes:
        typed = click.prompt(f"Type {address} to erase this person for good", err=True)
        if typed.strip() != address:
            raise UsageError("that is not the address; nobody was erased")
    arguments = {"address": address, "messages": messages}
    done = answer(config, "person.erase", arguments, f"Erasing {address}")
    _print(
        done,
        f"Erased {done['address']}: {done['archive']} lines of the archive, {done['moves']} of the"
        f" ledger, {done['rosters']} in others' rosters, the text of {done['texts']} messages.",
        as_json=as_json,
    )


@command.command("app-password")
@click.argument("address")
@click.argument("label")
@click.option("--remove", is_flag=True, help="Take it away.")
@json_option
@config_option
def app_password(address: str, label: str, config: Path, *, remove: bool, as_json: bool) -> None:
    """Make a password for one device or program, LABEL, and show it this once."""
    verb = "person.app_password." + ("remove" if remove else "add")
    made = answer(config, verb, {"address": address, "label": label})
    _print(made, "Removed." if remove else made["password"], as_json=as_json)


@command.command("offer")
@click.argument("to")
@click.argument("contacts", nargs=-1, required=True)
@click.option(
    "--action",
    type=click.Choice(("add", "delete", "modify")),
    default="add",
    show_default=True,
    help="What is suggested.",
)
@json_option
@config_option
def offer(to: str, contacts: tuple[str, ...], config: Path, *, action: str, as_json: bool) -> None:
    """Send TO a message that suggests to add CONTACTS; whether to, TO decides.

    Clients that know XEP-0144 show a list with buttons, others the text.
    """
    done = answer(config, "person.offer", {"to": to, "contacts": list(contacts), "action": action})
    _print(done, f"Offered {len(done['contacts'])} to {done['to']}.", as_json=as_json)


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--update", is_flag=True, help="Change the people who are there already.")
@json_option
@config_option
def import_file(file: Path, config: Path, *, update: bool, as_json: bool) -> None:
    """Add the people in FILE: CSV with a header, or vCards 3.0 and 4.0.

    The header names the columns in any order: address, and as you like
    password, name, department, title, manager, phone, language, time_zone. A
    department is an address or a name and is made when there is none; manager
    is yes, no, or the address of who manages the department.

    Everything is checked first; when anything is wrong, every error is
    printed with its line and nothing is done.
    """
    records, faults = _read(file, config)
    arguments = {"persons": records, "update": update}
    if faults:
        raise UsageError(_merged(faults, config, arguments))
    done = answer(config, "person.import", arguments, f"Importing {file.name}")
    if as_json:
        print_json(done)
        return
    click.echo(f"Added {done['added']}, changed {done['changed']} people.")
    if done["departments"]:
        click.echo(f"Made departments: {', '.join(done['departments'])}")


def _read(file: Path, config: Path) -> tuple[list[Record], list[Fault]]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"line {line}: is not UTF-8; save {file.name} as UTF-8") from error
    if is_cards(text):
        records, faults = read_cards(text, usable(config).domain)
    else:
        records, faults = read_columns(text)
    return list(records), list(faults)


def _merged(faults: list[Fault], config: Path, arguments: dict[str, Any]) -> str:
    """Put the file's own faults among those that the server finds in the rest."""
    try:
        answer(config, "person.import", {**arguments, "dry": True})
    except UsageError as error:
        for line in str(error).splitlines():
            place, _, text = line.removeprefix("line ").partition(": ")
            faults.append((int(place) if place.isdecimal() else 0, text or line))
    return "\n".join(f"line {line}: {text}" for line, text in sorted(faults))


def _print(record: Any, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(record)
    else:
        click.echo(text)


def _print_place(place: dict[str, Any]) -> None:
    """Print where a client is told of what waits, and how that went lately."""
    click.echo()
    given_up = f"given up on {moment(place['failed_at'])}: {place['error']}"
    print_table(
        (),
        (
            ("Push service", place["service"]),
            ("Node", place["node"] or "none"),
            ("Since", moment(place["since"])),
            ("State", given_up if place["error"] else "on"),
        ),
    )
    print_table(
        (),
        (
            (
                moment(one["at"]),
                one["what"] + (f" ({one['times']} times)" if one["times"] > 1 else ""),
                one["why"],
            )
            for one in place["record"]
        ),
    )


def _client(client: Mapping[str, str]) -> str:
    """Return one line about a client that may come back without a password."""
    name = client["software"] or "a client"
    where = f" on {client['device']}" if client["device"] else ""
    return f"{name}{where}, until {client['until']}"


def _word(value: bool) -> str:  # noqa: FBT001  # it is what it is about
    return "yes" if value else "no"
