"""CPU for a chat message, delivered and acknowledged: Clarion, and its peers in the same run.

Run it by ``make bench``; bench/README.md says what is measured and how.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from load import Generator, Phase, Shape, phase_of
from machine import facts
from peers import ARCHIVES, Ejabberd
from processes import BenchError
from report import Measured, page, put_block, troubles
from servers import Clarion, Server

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results" / "chat.json"
DOCUMENT: Final = HERE.parent / "docs" / "performance.md"


def main(words: Sequence[str] | None = None) -> int:
    """Measure; 0: done, 1: something failed or was lost, 2: nothing could be measured."""
    options = _options(words)
    signal.signal(signal.SIGTERM, _leave)
    if not Path("/proc/self/schedstat").exists():
        print("skipped: CPU accounting needs Linux's /proc with schedstat", file=sys.stderr)
        return 2
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as name:
        folder = Path(name)
        try:
            generator = Generator(folder)
            servers = _servers(options, notes)
        except BenchError as error:
            print(f"skipped: {error}", file=sys.stderr)
            return 2
        if not servers:
            return 2
        machine = {**facts(), "go": generator.compiler}
        shape = _shape(options)
        measured, raw = _measure(servers, generator, shape, options.rounds, folder)
    troubled = troubles(measured)
    block = page(machine, measured, shape, [*notes, *troubled])
    print(f"\n{block}")
    if not options.no_write:
        _write(machine, shape, raw, notes, block)
    return 1 if troubled else 0


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds, servers alternating (3)")
    parser.add_argument("--seconds", type=float, default=8, help="measured window of a rate (8)")
    parser.add_argument("--warm-up", type=float, default=1.5, help="load before it, seconds (1.5)")
    parser.add_argument("--persons", type=int, default=60, help="people, two and two talk (60)")
    parser.add_argument("--rates", default="1000,0", help="messages a second; 0: saturation")
    parser.add_argument("--window", type=int, default=8, help="saturation: messages per pair (8)")
    parser.add_argument("--answers", action="store_true", help="receipts and marks are sent back")
    parser.add_argument("--resources", type=int, default=1, help="sessions a person (1)")
    parser.add_argument(
        "--archive",
        default="off",
        help=f"ejabberd's archive, a list of {', '.join(ARCHIVES)} (off)",
    )
    parser.add_argument("--clarion", help="command line of Clarion (the one beside this Python)")
    parser.add_argument("--only", choices=["clarion", "ejabberd"], help="measure just one")
    parser.add_argument("--no-write", action="store_true", help="print, but write no file")
    options = parser.parse_args(words)
    if options.rounds < 1 or options.persons < 2 or options.persons % 2:
        parser.error("--rounds must be at least 1, --persons even")
    return options


def _shape(options: argparse.Namespace) -> Shape:
    return Shape(
        persons=options.persons,
        rates=tuple(float(rate) for rate in options.rates.split(",")),
        seconds=options.seconds,
        warm_up=options.warm_up,
        window=options.window,
        answers=options.answers,
        resources=options.resources,
    )


def _servers(options: argparse.Namespace, notes: list[str]) -> list[Server]:
    """Return who takes part, Clarion first; who does not is noted and said at once."""
    found: list[Server] = []
    if options.only != "ejabberd":
        command = options.clarion or Clarion.default_command()
        if command is None:
            notes.append(f"Clarion skipped: there is no clarion command beside {sys.executable}")
        else:
            found.append(Clarion(command))
    if options.only != "clarion":
        for kind in options.archive.split(","):
            try:
                found.append(Ejabberd(kind.strip()))
            except BenchError as error:
                notes.append(f"ejabberd, archive {kind}, skipped: {error}")
    for note in notes:
        print(note, file=sys.stderr)
    return found


def _measure(
    servers: Sequence[Server], generator: Generator, shape: Shape, rounds: int, folder: Path
) -> tuple[list[Measured], list[dict[str, Any]]]:
    """Run the rounds, A B A B ..., each with a fresh process on fresh data."""
    kept: list[list[Sequence[Phase] | None]] = [[] for _ in servers]
    raw: list[dict[str, Any]] = [
        {"name": s.name, "version": s.version, "archive": s.archive, "rounds": []} for s in servers
    ]
    for turn in range(rounds):
        for number, server in enumerate(servers):
            print(f"round {turn + 1} of {rounds}: {server.name} ...", flush=True)
            try:
                place = folder / f"{number}-{turn}"
                place.mkdir()
                result = _round(server, generator, shape, place)
            except BenchError as error:
                print(f"  failed: {error}", file=sys.stderr)
                kept[number].append(None)
                raw[number]["rounds"].append({"error": str(error)})
                continue
            phases = [phase_of(row) for row in result["phases"]]
            for p in phases:
                print(f"  {p.rate or 'saturation'}: {p.cpu} µs a message, {p.per_second:,.0f}/s")
            kept[number].append(phases)
            raw[number]["rounds"].append(result)
    measured = [
        Measured(s.name, row["version"], s.archive, phases)
        for s, row, phases in zip(servers, raw, kept, strict=True)
    ]
    return measured, raw


def _round(server: Server, generator: Generator, shape: Shape, place: Path) -> dict[str, Any]:
    server.prepare(place, shape.persons)
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        if server.in_band:
            generator.register(server.port, shape.persons)
        return generator.chat(server.port, server.pid, shape)


def _write(
    machine: dict[str, Any],
    shape: Shape,
    raw: list[dict[str, Any]],
    notes: list[str],
    block: str,
) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    document = {"machine": machine, "load": asdict(shape), "notes": notes, "servers": raw}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"\nwrote {RESULTS}")
    if put_block(DOCUMENT, block):
        print(f"wrote the table in {DOCUMENT}")
    else:
        print(f"{DOCUMENT} has no place for the table", file=sys.stderr)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End on SIGTERM as on Ctrl-C, so that every server is stopped on the way out."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
