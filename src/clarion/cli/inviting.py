"""``clarion person invite`` and what goes with it."""

from pathlib import Path

import click

from clarion.cli.asking import answer
from clarion.cli.output import json_option, moment, print_json, print_table
from clarion.cli.settings import config_option
from clarion.core.invitations import DAYS, DAYS_LIMIT


@click.command("invite")
@click.argument("address", required=False)
@click.option("--name", help="As others will see it.")
@click.option("--department", help="Address or name of the one that they will belong to.")
@click.option(
    "--days",
    type=click.IntRange(1, DAYS_LIMIT),
    default=DAYS,
    show_default=True,
    help="For how long it holds.",
)
@json_option
@config_option
def invite(
    address: str | None,
    name: str | None,
    department: str | None,
    days: int,
    config: Path,
    *,
    as_json: bool,
) -> None:
    """Make a link with which somebody makes an account, once, and show it this once.

    With ADDRESS the account is that one, which nobody else gets meanwhile;
    without, the invited choose a name. They choose the password in any case.
    """
    arguments = {"address": address, "name": name, "department": department, "days": days}
    made = answer(config, "person.invite", arguments)
    if as_json:
        print_json(made)
        return
    click.echo(made["uri"])
    if made["link"]:
        click.echo(made["link"])
    click.echo(f"Holds until {moment(made['expires'])}, for one account.", err=True)


@click.command("invitations")
@click.option("--withdraw", metavar="ID", help="End this one: its link opens nothing any more.")
@json_option
@config_option
def invitations(withdraw: str | None, config: Path, *, as_json: bool) -> None:
    """List the invitations that can still be used."""
    if withdraw is not None:
        gone = answer(config, "person.invitation.withdraw", {"id": withdraw})
        if as_json:
            print_json(gone)
        else:
            click.echo(f"Withdrew {gone['id']}.")
        return
    waiting = answer(config, "person.invitation.list", {})
    if as_json:
        print_json(waiting)
        return
    print_table(
        ("ID", "Address", "Name", "Department", "By", "Holds until"),
        (
            (
                one["id"],
                one["address"] or "",
                one["name"] or "",
                one["department"] or "",
                one["inviter"] or "",
                moment(one["expires"]),
            )
            for one in waiting
        ),
    )
