"""Backup beside a running server, restore without one, and what chat feels of it."""

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from house.premises import Premises, address, clarion

SIZE_MIB = int(os.environ.get("CLARION_BACKUP_MIB", "48"))
"""Of the database that is copied under load; the published figure is for 500."""
BOB = address("bob")


def run(house: Premises, *arguments: str) -> str:
    done = clarion(*arguments, "--config", str(house.config))
    assert done.returncode == 0, done.stderr
    return done.stdout


def grow(database: Path, size_mib: int) -> None:
    """Put old messages in, as many as fit."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO item (id, thread, sender, recipient, message_id, origin_id, countable,"
            " stanza) VALUES (?, ?, '', '', '', '', 1, ?)",
            (
                (number.to_bytes(16, "big"), bytes(16), bytes(4000))
                for number in range(size_mib * 250)
            ),
        )


def test_a_backup_holds_what_was_acknowledged_and_is_restored(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob")
    file = house.folder / "nightly.db"
    with house.client("ann", managed=True) as ann:
        ann.write(BOB, "before", "before")
        ann.acknowledged()
        told = json.loads(run(house, "backup", str(file), "--json"))
        assert told["size_bytes"] == file.stat().st_size
        assert file.stat().st_mode & 0o777 == 0o600
        ann.write(BOB, "after", "after")
        ann.acknowledged()
    refused = clarion("restore", str(file), "--config", str(house.config))
    assert refused.returncode == 1
    assert "stop it and try again, or use --at-restart" in refused.stderr
    assert house.stop() == 0
    kept = run(house, "restore", str(file)).splitlines()[1].rpartition(" ")[2].rstrip(".")
    house.start()
    assert house.rows("SELECT message_id FROM item") == [("before",)]
    with house.client("bob") as bob:
        bob.message("before")
    assert house.stop() == 0
    with closing(sqlite3.connect(kept)) as before:
        assert before.execute("SELECT count(*) FROM item").fetchone() == (2,)


def test_a_running_server_takes_a_backup_at_its_next_start(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob")
    file = house.folder / "nightly.db"
    run(house, "backup", str(file))
    with house.client("ann", managed=True) as ann:
        ann.write(BOB, "after", "after")
        ann.acknowledged()
        run(house, "restore", str(file), "--at-restart")
        ann.ping()
    assert house.rows("SELECT message_id FROM item") == [("after",)]
    assert house.stop() == 0
    house.start()
    assert house.events("backup restored")
    assert house.rows("SELECT message_id FROM item") == []
    with house.client("ann") as ann:
        ann.ping()
    assert house.stop() == 0
    house.start()  # and not once more
    assert not house.events("backup restored")


def test_chat_does_not_wait_for_a_backup(
    empty: Premises, record_property: Callable[[str, object], None]
):
    house = empty
    house.furnish(level="info")
    house.start()
    house.add_people("ann", "bob")
    assert house.stop() == 0
    grow(house.database, SIZE_MIB)
    house.start()
    file = house.folder / "large.db"
    with house.client("ann", managed=True) as ann, house.client("bob") as bob:

        def chat(name: str, lasts: Callable[[], bool]) -> tuple[list[float], list[float]]:
            arrived: list[float] = []
            acknowledged: list[float] = []
            while lasts() or len(arrived) < 50:
                text = f"{name} {len(arrived)}"
                began = time.perf_counter()
                ann.write(BOB, text, text)
                bob.message(text)
                arrived.append(time.perf_counter() - began)
                ann.acknowledged()
                acknowledged.append(time.perf_counter() - began)
            return arrived, acknowledged

        until = time.monotonic() + 2
        quiet = chat("quiet", lambda: time.monotonic() < until)
        backup = subprocess.Popen(
            [sys.executable, "-m", "clarion", "backup", str(file), "--config", str(house.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        began = time.monotonic()
        busy = chat("busy", lambda: backup.poll() is None)
        took = time.monotonic() - began
        _, wrong = backup.communicate()
        assert backup.returncode == 0, wrong
    record_property("told", f"backup of {SIZE_MIB} MiB in {took:.1f} s; {shown(quiet, busy)}")
    assert p99(busy[0]) < 0.2  # generous: other tests share the machine
    assert p99(busy[1]) < 0.5
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("SELECT count(*) FROM item").fetchone()[0] >= SIZE_MIB * 250


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def shown(*runs: tuple[list[float], list[float]]) -> str:
    words = []
    for name, (arrived, acknowledged) in zip(("quiet", "during"), runs, strict=True):
        words.append(
            f"{name}: {len(arrived)} messages, delivery p50 {statistics.median(arrived) * 1e3:.1f} "
            f"p99 {p99(arrived) * 1e3:.1f} ms, acknowledgement p99 {p99(acknowledged) * 1e3:.1f} ms"
        )
    return "; ".join(words)
