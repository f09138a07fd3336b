"""``clarion ledger show`` without a server."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clarion.cli.direct import furnish
from clarion.config.load import load
from clarion.core.archive import Item, Owner, pair_thread
from clarion.core.ledger import Act, Door
from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.ids import Mint
from clarion.store.archive import DatabaseArchive
from clarion.store.sqlite import open_database

Run = Callable[..., Any]

ANN, BOB = "ann@corp.example", "bob@corp.example"
AT = 1_750_000_000.0


async def converse(settings: Path) -> list[str]:
    """Let Ann write twice and Bob read the first; return the ids that clients see."""
    config, clock = load(settings), SystemClock()
    opening = open_database(config.database, clock=clock, crash_points=CrashPoints())
    async with opening as database:
        desk = await furnish(config, database, clock)
        ann, bob = (desk.directory.require_person(address) for address in (ANN, BOB))
        mint, thread = Mint(0, lambda: AT), pair_thread(ANN, BOB)
        archive, ids = DatabaseArchive(database), [mint.item(), mint.item()]
        for one in ids:
            item = Item(one, thread, f"{ANN}/x", BOB, "m", "", b"<message/>", countable=True)
            owners = [Owner(ann.number, incoming=False), Owner(bob.number, incoming=True)]
            await archive.append(item, owners)
        desk.ledger.move(thread, BOB, ids[0], AT, Door.CHAT, Act.MARKED)
        await desk.ledger.written()
        desk.identity.close()
        return [desk.seal.seal(one) for one in ids]


def test_rows_are_shown_for_programs_and_people(run: Run, person: Any, settings: Path):
    for address in (ANN, BOB):
        person("add", address)
    first, second = asyncio.run(converse(settings))

    result = run("ledger", "show", first, "--json", "--config", settings)
    assert result.exit_code == 0, result.stderr
    read = {
        "item": first,
        "reader": BOB,
        "state": "read",
        "at": AT,
        "door": "chat",
        "act": "marked",
    }
    assert json.loads(result.stdout) == [read]

    result = run("ledger", "show", "--thread", BOB, ANN, "--json", "--config", settings)
    sent = {"item": second, "reader": BOB, "state": "sent", "at": None, "door": None, "act": None}
    assert json.loads(result.stdout) == [read, sent]

    table = run("ledger", "show", "--thread", ANN, BOB, "--config", settings).stdout.splitlines()
    assert table[0].split() == ["Item", "Reader", "State", "At", "Door", "Act"]
    assert table[1].split()[:3] == [first, BOB, "read"]
    assert table[1].split()[-2:] == ["chat", "marked"]
    assert table[2].split() == [second, BOB, "sent"]
    table = run("ledger", "show", "--thread", ANN, BOB, "--limit", "1", "--config", settings)
    assert len(table.stdout.splitlines()) == 2


def test_an_item_that_is_not_there_is_refused(run: Run, settings: Path):
    result = run("ledger", "show", "00" * 16, "--config", settings)
    assert (result.exit_code, result.stderr) == (1, "clarion: there is no such item\n")
    result = run("ledger", "show", "short", "--config", settings)
    assert result.exit_code == 1
    assert "32 hexadecimal digits" in result.stderr
