"""``clarion demo``: the product on this machine, with nothing to set up."""

from importlib import import_module

import click


@click.command("demo")
@click.option(
    "--once", is_flag=True, help="End after the scenario; exit code 0 only if every step happened."
)
def command(*, once: bool) -> int:
    """Start a server and three people who chat; show the ledger; stay up.

    It needs no outside account and leaves nothing behind.
    """
    # Not at the top: it needs clients that are installed for it only.
    return int(import_module("clarion.demo").main(once=once))
