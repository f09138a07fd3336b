"""The scenario: Ann writes to Bob and Cai, Bob reads, the ledger tells, Cai comes on line."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn

from rich.console import Console
from rich.table import Table

from clarion.demo.cast import Actor, Rows, enter
from clarion.demo.server import DOMAIN, HOST, PEOPLE, DemoServer, prepare, running
from clarion.lib.errors import ClarionError, UnavailableError

FOLDER: Final = "CLARION_DEMO_DIR"  # where the demonstration lives, instead of ./var/demo
LEDGER_PATIENCE: Final = 5.0  # seconds for a mark to be in the ledger


def main(*, once: bool) -> int:
    """Run the demonstration; see ``clarion demo --help``.

    Returns:
        0 when every step was seen by the clients themselves, else 1.

    """
    # Whoever ends the demonstration, its server must not stay behind.
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False)
    if find_spec("slixmpp") is None:
        console.print("The demonstration needs slixmpp: pip install 'clarion\\[demo]'")
        return 1
    folder = Path(os.environ.get(FOLDER, "var/demo"))
    try:
        server = prepare(folder)
        with running(server) as process:
            console.print(f"[bold]Clarion[/] is running on {HOST}, domain {DOMAIN}.\n")
            _play(server, console)
            if once:
                return 0
            _invite(server, console)
            _stay(process)
    except ClarionError as error:
        console.print(f"[red]✘[/] {error}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
    return 0


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _play(server: DemoServer, console: Console) -> None:
    """Run the scenario; what fails comes out itself, not in the groups of the task groups."""
    try:
        asyncio.run(_scenario(server, console))
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _scenario(server: DemoServer, console: Console) -> None:
    words = {local: password for local, _, password in PEOPLE}
    for local, name, password in PEOPLE:
        server.ask("person.add", address=f"{local}@{DOMAIN}", name=name, password=password)
    ann_at, bob_at, cai_at = (f"{local}@{DOMAIN}" for local, _, _ in PEOPLE)
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(enter(server.stage, ann_at, words["ann"]))
        bob = await stack.enter_async_context(enter(server.stage, bob_at, words["bob"]))
        for actor in (ann, bob):
            seen = await actor.saw("online", lambda event: True)
            _step(console, f"{actor.address} is on line ({seen['tls']}, SCRAM-SHA-256)")
        ann.tell("write", to=bob_at, id="to-bob", body="Lunch at noon?")
        ann.tell("write", to=cai_at, id="to-cai", body="Lunch at noon?")
        got = await bob.saw("message", lambda event: event["id"] == "to-bob")
        _expect(got["body"] == "Lunch at noon?", "Bob's message differs from Ann's")
        _expect(got["asked"] == "yes", "Bob's client was not asked to say what was read")
        _step(console, f'Ann wrote "{got["body"]}" to Bob and to Cai, who is off line')
        await ann.saw("receipt", lambda event: event["id"] == "to-bob")
        _step(console, "Ann's client shows that Bob's client has it")
        bob.tell("read", id="to-bob")
        await _shown(ann, bob_at, "to-bob")
        _step(console, "Ann's client shows that Bob has read it")
        rows = await _ledger(server, ann_at, bob_at, "read")
        rows += await _ledger(server, ann_at, cai_at, "sent")
        _draw(console, rows)
        cai = await stack.enter_async_context(enter(server.stage, cai_at, words["cai"]))
        await cai.saw("online", lambda event: True)
        got = await cai.saw("message", lambda event: event["id"] == "to-cai")
        _expect(got["late"] == "yes", "Cai's message does not tell that it waited")
        _step(console, "Cai comes on line and gets what waited")
        cai.tell("read", id="to-cai")
        await _shown(ann, cai_at, "to-cai")
        _step(console, "Ann's client shows that Cai has read it")
        rows = await _ledger(server, ann_at, bob_at, "read")
        rows += await _ledger(server, ann_at, cai_at, "read")
        _draw(console, rows)


async def _shown(ann: Actor, reader: str, message: str) -> None:
    await ann.saw("displayed", lambda event: event["id"] == message and event["sender"] == reader)


async def _ledger(server: DemoServer, one: str, other: str, state: str) -> Rows:
    """Ask for the ledger of two people until it says ``state``.

    Raises:
        UnavailableError: It does not within ``LEDGER_PATIENCE`` seconds.

    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LEDGER_PATIENCE
    while True:
        rows: Rows = await asyncio.to_thread(server.ask, "ledger.show", a=one, b=other)
        if rows and rows[-1]["state"] == state:
            return rows
        if loop.time() > deadline:
            raise UnavailableError(f"the ledger of {one} and {other} does not say {state!r}")
        await asyncio.sleep(0.05)


def _draw(console: Console, rows: Rows) -> None:
    table = Table("item", "reader", "state", "at", "door", "act", title="The ledger")
    for row in rows:
        at = "" if row["at"] is None else datetime.fromtimestamp(row["at"]).astimezone()
        when = f"{at:%H:%M:%S}" if at else ""
        state = row["state"]
        colour = "green" if state == "read" else "yellow"
        table.add_row(
            row["item"][:8] + "…",
            row["reader"],
            f"[{colour}]{state}[/]",
            when,
            row["door"] or "",
            row["act"] or "",
        )
    console.print()
    console.print(table)
    names = {"read": [], "unread": []}  # type: dict[str, list[str]]
    for row in rows:
        read = row["state"] in {"read", "confirmed"}
        names["read" if read else "unread"].append(row["reader"].partition("@")[0].capitalize())
    told = f"read by {len(names['read'])} of {len(rows)}"
    if names["unread"]:
        told += f"; unread: {', '.join(names['unread'])}"
    console.print(f"[bold]{told}[/]\n")


def _step(console: Console, text: str) -> None:
    console.print(f"[green]✔[/] {text}")


def _expect(truth: bool, otherwise: str) -> None:  # noqa: FBT001  # reads like an assertion
    if not truth:
        raise UnavailableError(otherwise)


def _invite(server: DemoServer, console: Console) -> None:
    table = Table("address", "password", title="Try it with your own client")
    for local, _, password in PEOPLE:
        table.add_row(f"{local}@{DOMAIN}", password)
    console.print(table)
    console.print(
        f"Server {HOST}, port {server.starttls} (STARTTLS) or {server.tls} (direct TLS).\n"
        f"Your client asks about the certificate: accept it, or import\n"
        f"{(server.folder / 'certs' / 'ca.pem').absolute()}.\n"
        f"The server's log: {(server.folder / 'server.log').absolute()}\n"
        "Look into the ledger:"
    )
    settings = (server.folder / "clarion.toml").absolute()
    console.print(
        f"  {sys.executable} -m clarion ledger show --thread ann@{DOMAIN} bob@{DOMAIN}"
        f" --config {settings}",
        soft_wrap=True,
    )
    console.print("\n[bold]Ctrl+C stops it.[/]")


def _stay(process: subprocess.Popen[bytes]) -> None:
    code = process.wait()
    raise UnavailableError(f"the server ended by itself with exit code {code}; see its log")
