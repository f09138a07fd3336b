"""``clarion doctor``: what is good, what is not, and what to do."""

import asyncio
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clarion.admin.client import NoServerError, ask
from clarion.cli.health import certificate, clock, disk, names, passwords, ports, process, secrets
from clarion.cli.health.finding import Finding, Verdict, bad, good
from clarion.cli.output import json_option, print_json
from clarion.cli.root import DONE, REFUSED
from clarion.cli.settings import config_option, usable
from clarion.config.model import Config
from clarion.lib.errors import ClarionError
from clarion.lib.ids import ItemId, seconds
from clarion.store.opening import connect_reader

SILENCE_LIMIT: Final = 5.0
"""LIMIT: seconds to wait for the running server; it answers in milliseconds."""
WIDTH: Final = 100
"""Columns where the output is no terminal."""

_MARKS: Final = {
    Verdict.GOOD: ("good", "green"),
    Verdict.DOUBTFUL: ("doubtful", "yellow"),
    Verdict.BAD: ("bad", "bold red"),
}


@click.command("doctor")
@json_option
@config_option
def command(config: Path, *, as_json: bool) -> int:
    """Look at everything that the server depends on, and say what to do.

    Certificate, DNS, ports, clock, disk, database, backup, open files,
    permissions, passwords and native parts; with the server running or not.
    Nothing is changed. Exit code 1 when something is bad, else 0.
    """
    settings = usable(config)
    waiting = Console(file=sys.stderr)  # shows on a terminal only: a large database takes its time
    findings: list[Finding] = []
    with waiting.status("Looking ...") as status:
        for finding in examine(settings, config, names.SystemResolver(), time.time()):
            findings.append(finding)
            status.update(f"Looking ... {finding.part}")
    counts = Counter(finding.verdict for finding in findings)
    if as_json:
        print_json(
            {
                "findings": [asdict(finding) for finding in findings],
                **{str(verdict): counts[verdict] for verdict in Verdict},
            }
        )
    else:
        _print(findings, counts)
    return REFUSED if counts[Verdict.BAD] else DONE


def examine(
    config: Config,
    path: Path,
    resolver: names.Resolver,
    now: float,
    synchronised: Callable[[], bool | None] = clock.kernel_synchronised,
) -> Iterator[Finding]:
    """Look at one part after the other.

    Args:
        config: The configuration.
        path: Where it was read.
        resolver: Asks the DNS.
        now: UNIX seconds, UTC.
        synchronised: Asks the system whether its clock is kept by NTP.

    """
    server, status = _server(config)
    yield server
    yield from certificate.look(config, now, status)
    yield from asyncio.run(names.look(config, resolver))
    yield from ports.look(config, status)
    yield from clock.look(now, _newest(config.database), synchronised)
    yield from disk.look_at_disk(config.data)
    yield from disk.look_at_database(config.database, now)
    yield from secrets.look(config, path)
    yield from passwords.look(config.database)
    yield from process.look_at_files(None if status is None else status.get("process"))
    yield from process.look_at_parts()


def _server(config: Config) -> tuple[Finding, dict[str, Any] | None]:
    try:
        status = ask(config.socket, "status", {}, lambda *_: None, SILENCE_LIMIT)
    except NoServerError:
        return good("server", "it does not run"), None
    except ClarionError as error:
        advice = "look at its log; run this as the server's user"
        return bad("server", f"it runs, and cannot be asked: {error}", advice), None
    text = f"{status['version']} runs, with {status['sessions']} sessions"
    return good("server", text), status


def _newest(database: Path) -> float | None:
    """Return when the newest message was sent, UNIX seconds."""
    if not database.exists():
        return None
    try:
        with closing(connect_reader(database)) as connection:
            (newest,) = connection.execute("SELECT max(id) FROM item").fetchone()
    except sqlite3.Error:
        return None
    return None if newest is None else seconds(ItemId(newest))


def _print(findings: list[Finding], counts: Counter[Verdict]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    part = ""
    for finding in findings:
        word, style = _MARKS[finding.verdict]
        text = Text(finding.text)
        if finding.advice:
            text.append(f"\n-> {finding.advice}", style="italic")
        table.add_row(
            Text(word, style=style), Text("" if finding.part == part else finding.part), text
        )
        part = finding.part
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)
    console.print(
        Text(
            f"\n{counts[Verdict.GOOD]} good, {counts[Verdict.DOUBTFUL]} doubtful, "
            f"{counts[Verdict.BAD]} bad"
        )
    )
