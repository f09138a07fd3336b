"""Measures Clarion and its peers, scenario by scenario; bench/README.md says what and how.

Run it by ``make bench``.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import page
from ejabberd import ejabberd
from load import DRAIN_LIMIT, Generator
from machine import facts
from processes import BenchError
from prosody import prosody
from scenarios import BY_NAME, SCENARIOS, Kind, Scenario, quick
from servers import Clarion, Server

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results"
MORE: Final = ("archive_page",)
"""Measurements with a script and a file of results of their own."""
QUICK: Final[Mapping[str, Sequence[str]]] = {
    "archive_page": ("--items", "20000", "--threads", "100", "--rounds", "5")
}
"""What makes them small."""
PEERS: Final[Mapping[str, Callable[[str], Server]]] = {"ejabberd": ejabberd, "prosody": prosody}
"""Makers of the peers, each asked with a kind of archive."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure; 0: done, 1: something failed or was lost, 2: nothing could be measured."""
    options = _options(words)
    signal.signal(signal.SIGTERM, _leave)
    chosen = options.only or [*BY_NAME, *MORE]
    bad = False
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as name:
        folder = Path(name)
        keep = folder / "results" if options.quick and not options.results else options.results
        keep = keep or RESULTS
        keep.mkdir(parents=True, exist_ok=True)
        scenarios = [one for one in SCENARIOS if one.name in chosen]
        try:
            if scenarios:
                bad = _scenarios(scenarios, options, folder, keep)
        except BenchError as error:
            print(f"skipped: {error}", file=sys.stderr)
            return 2
        for script in MORE:
            if script in chosen:
                bad = _script(script, options, keep) or bad
        print(f"\n{page.text(keep)}")
    if keep == RESULTS:
        page.write(RESULTS)
    return 1 if bad else 0


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, servers alternating (3)")
    parser.add_argument(
        "--only", action="append", choices=[*BY_NAME, *MORE], help="just this; may be repeated"
    )
    parser.add_argument(
        "--peers", default=",".join(PEERS), help="a list of them, or none (%(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and short: does everything work? Not kept"
    )
    parser.add_argument("--clarion", help="command line of Clarion (the one beside this Python)")
    parser.add_argument(
        "--results", type=Path, help="folder of the results; only those of bench/ make the page"
    )
    options = parser.parse_args(words)
    options.peers = [] if options.peers == "none" else options.peers.split(",")
    if options.rounds < 1 or set(options.peers) - set(PEERS):
        parser.error(f"--rounds is at least 1; --peers are among {', '.join(PEERS)}, or none")
    return options


def _scenarios(
    scenarios: Sequence[Scenario], options: argparse.Namespace, folder: Path, keep: Path
) -> bool:
    """Run scenarios and write each one's results; returns whether Clarion had trouble.

    Raises:
        BenchError: Nothing can be measured here.

    """
    if not Path("/proc/self/schedstat").exists():
        raise BenchError("CPU accounting needs Linux's /proc with schedstat")
    generator = Generator(folder)
    command = options.clarion or Clarion.default_command()
    if command is None:
        raise BenchError(f"there is no clarion command beside {sys.executable}")
    machine = {**facts(), "go": generator.compiler}
    bad = False
    for number, scenario in enumerate(map(quick, scenarios) if options.quick else scenarios):
        print(f"== {scenario.name}: {scenario.title}", flush=True)
        notes: list[str] = []
        servers: list[Server] = [Clarion(command), *_peers(scenario, options.peers, notes)]
        place = folder / str(number)
        place.mkdir()
        rounds = min(options.rounds, scenario.rounds)
        measured = _measure(servers, generator, scenario, rounds, place)
        troubles = {one["name"]: _troubles(one, scenario) for one in measured}
        for line in (line for lines in troubles.values() for line in lines):
            print(f"  {line}", file=sys.stderr)
        bad = bad or bool(troubles[Clarion.name])
        document = {
            "scenario": scenario.name,
            "machine": machine,
            "rounds": rounds,
            "quick": options.quick,
            "notes": [*notes, *(line for lines in troubles.values() for line in lines)],
            "servers": measured,
        }
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (keep / f"{scenario.name}.json").write_text(text, encoding="utf-8")
    return bad


def _peers(scenario: Scenario, wanted: Sequence[str], notes: list[str]) -> list[Server]:
    """Return the peers that take part; who cannot is noted and said at once."""
    found: list[Server] = []
    for peer in scenario.peers:
        name, _, archive = peer.partition(":")
        if name not in wanted:
            continue
        try:
            found.append(PEERS[name](archive))
        except BenchError as error:
            notes.append(f"{name}, archive {archive}, skipped: {error}")
            print(f"  {notes[-1]}", file=sys.stderr)
    return found


def _measure(
    servers: Sequence[Server], generator: Generator, scenario: Scenario, rounds: int, folder: Path
) -> list[dict[str, Any]]:
    """Run the rounds, A B A B ..., each with a fresh process on fresh data."""
    measured: list[dict[str, Any]] = [
        {"name": s.name, "version": s.version, "archive": s.archive, "rounds": []} for s in servers
    ]
    for turn in range(rounds):
        for number, server in enumerate(servers):
            print(f"  round {turn + 1} of {rounds}: {server.name} ...", flush=True)
            try:
                place = folder / f"{number}-{turn}"
                place.mkdir()
                result = _round(server, generator, scenario, place)
            except BenchError as error:
                print(f"    failed: {error}", file=sys.stderr)
                result = {"error": str(error)}
            measured[number]["rounds"].append(result)
    return measured


def _round(server: Server, generator: Generator, scenario: Scenario, place: Path) -> dict[str, Any]:
    server.prepare(place, scenario.persons)
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        if server.in_band:
            generator.register(server.port, scenario.persons)
        if scenario.kind is Kind.CHAT:
            chat = generator.chat(server.port, server.pid, scenario)
            phase: dict[str, Any] = chat["phases"][0]
            phase["answers_read_per_s"] = phase["answers_read"] / phase["window_s"]
            return phase
        if scenario.kind is Kind.LOGIN:
            login: dict[str, Any] = generator.login(server.port, server.pid, scenario.persons)
            return login
        generator.befriend(server.port, scenario.persons, scenario.contacts)
        idle: dict[str, Any] = {}
        for way in ("plain", "tls"):
            server.stop()
            server.start(tls=way == "tls")
            idle[way] = generator.idle(server.port, server.pid, scenario, tls=way == "tls")
        return idle


def _troubles(server: Mapping[str, Any], scenario: Scenario) -> list[str]:
    """Say what makes a figure worthless: failed rounds, lost, doubled or late messages."""
    found = []
    for number, row in enumerate(server["rounds"], 1):
        where = f"{server['name']}, round {number}"
        if "error" in row:
            found.append(f"{where}: failed: {row['error'][:300]}")
        elif scenario.kind is Kind.CHAT:
            lost = max(row["undelivered_after_drain"], row["unacknowledged_after_drain"])
            if lost:
                found.append(
                    f"{where}: {lost} messages not delivered or not acknowledged "
                    f"{DRAIN_LIMIT:.0f} s after the load"
                )
            if row["duplicates"]:
                found.append(f"{where}: {row['duplicates']} messages delivered twice")
            if scenario.rate and row["complete_per_s"] < 0.95 * scenario.rate:
                found.append(f"{where}: only {row['complete_per_s']:,.0f}/s came through")
    return found


def _script(name: str, options: argparse.Namespace, keep: Path) -> bool:
    """Run a measurement with a script of its own; returns whether it failed."""
    script = HERE / f"{name}.py"
    if not script.exists():
        print(f"{name} skipped: there is no {script.name}", file=sys.stderr)
        return False
    print(f"== {name}", flush=True)
    command = [sys.executable, str(script)]
    command += ["--clarion", options.clarion] if options.clarion else []
    command += QUICK[name] if options.quick else []
    command += [] if keep == RESULTS else ["--no-write"]
    return subprocess.run(command, check=False).returncode != 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End on SIGTERM as on Ctrl-C, so that every server is stopped on the way out."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
