"""``clarion demo``: the product on this machine, with nothing to set up."""

import click

from clarion.demo import main


@click.command("demo")
@click.option(
    "--once", is_flag=True, help="End after the scenario; exit code 0 only if every step happened."
)
def command(*, once: bool) -> int:
    """Start a server and three people who chat; show the ledger; stay up.

    It needs no outside account. It lives in ./var/demo, or in $CLARION_DEMO_DIR, and is made
    anew each time.
    """
    return main(once=once)
