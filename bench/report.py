"""Figures into tables: min/median/max, ratios within a round, the block in docs/performance.md."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from load import DRAIN_LIMIT, Phase, Shape

BEGIN: Final = "<!-- chat: begin (written by bench/chat.py) -->"
END: Final = "<!-- chat: end -->"


@dataclass(frozen=True, slots=True)
class Measured:
    """A server and its rounds, each with one phase a rate.

    A round that failed is ``None``, so that rounds of different servers still
    match by their index.
    """

    name: str
    version: str
    archive: str
    rounds: Sequence[Sequence[Phase] | None]

    def phases(self, rate: float) -> list[Phase]:
        """Return the phases of one rate over all rounds."""
        return [p for each in self.rounds if each is not None for p in each if p.rate == rate]


def spread(values: Sequence[float | None], places: int = 0, scale: float = 1) -> str:
    """Return ``min / median / max``, or a dash when nothing was measured."""
    known = [value * scale for value in values if value is not None]
    if not known:
        return "-"
    three = (min(known), statistics.median(known), max(known))
    return " / ".join(f"{value:,.{places}f}" for value in three)


def load_name(rate: float) -> str:
    """Name a rate as the tables do."""
    return f"{rate:,.0f}/s" if rate else "saturation"


def table(servers: Sequence[Measured], rates: Sequence[float]) -> list[str]:
    """Return the table of figures in Markdown, a line each."""
    head = (
        "| load | server | archive | CPU µs a message | messages/s | delivery p50 ms "
        "| delivery p99 ms | acknowledgement p99 ms | generator CPU µs | RSS MiB |"
    )
    lines = [
        head,
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rate in rates:
        for server in servers:
            phases = server.phases(rate)
            cells = [
                load_name(rate),
                server.name,
                server.archive,
                spread([p.cpu for p in phases], 1),
                spread([p.per_second for p in phases]),
                spread([p.delivery_p50 for p in phases], 2, 1e-3),
                spread([p.delivery_p99 for p in phases], 1, 1e-3),
                spread([p.acknowledgement_p99 for p in phases], 1, 1e-3),
                spread([p.generator_cpu for p in phases], 1),
                spread([p.rss_mib for p in phases]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def ratios(ours: Measured, peer: Measured, rate: float) -> list[float]:
    """Return, round by round, the peer's CPU for a message divided by ours."""
    result = []
    for mine, theirs in zip(ours.rounds, peer.rounds, strict=True):
        if mine is None or theirs is None:
            continue
        a = [p.cpu for p in mine if p.rate == rate]
        b = [p.cpu for p in theirs if p.rate == rate]
        if a and b and a[0] and b[0]:
            result.append(b[0] / a[0])
    return result


def ratio_table(servers: Sequence[Measured], rates: Sequence[float]) -> list[str]:
    """Return the ratios to the first server in Markdown, or nothing without a peer."""
    if len(servers) < 2:
        return []
    ours = servers[0]
    lines = [
        f"| CPU of the peer divided by {ours.name}'s | {' | '.join(map(load_name, rates))} |",
        "|---|" + "---|" * len(rates),
    ]
    for peer in servers[1:]:
        cells = [spread(ratios(ours, peer, rate), 1) for rate in rates]
        lines.append(f"| {peer.name} | {' | '.join(cells)} |")
    return lines


def troubles(servers: Sequence[Measured]) -> list[str]:
    """Say what makes a figure worthless: lost or doubled messages, failed rounds."""
    found = []
    for server in servers:
        for number, each in enumerate(server.rounds, 1):
            if each is None:
                found.append(f"{server.name}, round {number}: failed")
                continue
            for p in each:
                where = f"{server.name}, round {number}, {load_name(p.rate)}"
                if p.lost:
                    found.append(
                        f"{where}: {p.lost} messages not delivered or not acknowledged "
                        f"{DRAIN_LIMIT:.0f} s after the load; this round ended with it"
                    )
                if p.duplicates:
                    found.append(f"{where}: {p.duplicates} messages delivered twice")
                if p.rate and p.per_second < 0.95 * p.rate:
                    found.append(f"{where}: only {p.per_second:,.0f}/s came through")
    return found


def page(
    machine: dict[str, Any], servers: Sequence[Measured], shape: Shape, notes: Sequence[str]
) -> str:
    """Return the block that goes into docs/performance.md."""
    versions = ", ".join(f"{s.name} {s.version}" for s in servers)
    head = (
        f"Measured {machine['date']}, commit {machine['commit']}, on {machine['cores']} cores "
        f"({machine['cpu']}), {machine['kernel']}, {machine['python']}, "
        f"SQLite {machine['sqlite']}. {versions}. {shape}. "
        "Every cell is min / median / max over the rounds."
    )
    lines = [
        head,
        "",
        *table(servers, shape.rates),
    ]
    if comparison := ratio_table(servers, shape.rates):
        lines += ["", "Ratios, round by round (above 1: the peer uses more CPU):", "", *comparison]
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines)


def put_block(path: Path, text: str) -> bool:
    """Replace what stands between the markers; ``False`` when the page or a marker is missing."""
    if not path.exists():
        return False
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return False
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    return True
