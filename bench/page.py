"""docs/performance.md from the files of results: tables, and the figures that Clarion must reach.

Run alone, it writes the page again from what bench/results holds.
"""

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scenarios import SCENARIOS, Scenario

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: begin (written by bench/page.py) -->"
END: Final = "<!-- figures: end -->"
OURS: Final = "Clarion"
Document = Mapping[str, Any]
PAGE_KEYS: Final = ("median_ms", "p95_ms", "max_ms", "first_ms")


def figure(row: Mapping[str, Any], key: str) -> float | None:
    """Return the figure that stands at ``key``, names joined by dots; ``None``: not measured."""
    value: Any = row
    for name in key.split("."):
        if not isinstance(value, Mapping) or value.get(name) is None:
            return None
        value = value[name]
    return float(value)


def figures(document: Document, server: str, key: str) -> list[float]:
    """Return a server's figures over the rounds."""
    return [
        value
        for one in document["servers"]
        if one["name"] == server
        for row in one["rounds"]
        if (value := figure(row, key)) is not None
    ]


def spread(values: Sequence[float], places: int = 1, scale: float = 1.0) -> str:
    """Return ``min / median / max``; one value alone; a dash when there is none."""
    scaled = [value * scale for value in values]
    if not scaled:
        return "-"
    if len(scaled) == 1:
        return f"{scaled[0]:,.{places}f}"
    three = (min(scaled), statistics.median(scaled), max(scaled))
    return " / ".join(f"{value:,.{places}f}" for value in three)


def ratios(document: Document, peer: str, key: str) -> list[float]:
    """Return Clarion's figure divided by a peer's, round by round."""
    rows = {one["name"]: one["rounds"] for one in document["servers"]}
    pairs = zip(rows.get(OURS, []), rows.get(peer, []), strict=False)
    both = ((figure(mine, key), figure(theirs, key)) for mine, theirs in pairs)
    return [mine / theirs for mine, theirs in both if mine is not None and theirs]


def section(scenario: Scenario, document: Document) -> list[str]:
    """Return a scenario's part of the page, a line each."""
    heads = ["server", "archive", *(column.title for column in scenario.columns)]
    lines = [f"### {scenario.title}", "", scenario.says, ""]
    lines += [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for server in document["servers"]:
        cells = [server["name"], server["archive"]]
        for column in scenario.columns:
            values = figures(document, server["name"], column.key)
            cells.append(spread(values, column.places, column.scale))
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", _measured(document)]
    lines += ["", *(f"- {note}" for note in document["notes"])] if document["notes"] else []
    return [*lines, ""]


def _measured(document: Document) -> str:
    machine = document["machine"]
    versions = dict.fromkeys(
        f"{one['name'].partition(' ')[0]} {one['version']}" for one in document["servers"]
    )
    rounds = document["rounds"]
    cells = "one round" if rounds == 1 else f"{rounds} rounds, every cell is min / median / max"
    return (
        f"Measured {machine['date']}, commit {machine['commit']}, on {machine['cores']} cores "
        f"({machine['cpu']}, {machine['memory_mib']:,} MiB), {machine['kernel']}, "
        f"{machine['python']}, SQLite {machine['sqlite']}; {', '.join(versions)}; {cells}."
    )


def archive_section(document: Document) -> list[str]:
    """Return the part of the page about bench/archive_page.py, a line each."""
    machine = document["machine"]
    load = (
        f"{document['items']:,} items of one person with {document['threads']:,} others: a page of "
        f"{document['page']} (XEP-0313), from the request's write to the answer's last read, ms."
    )
    measured = (
        f"Measured {machine['date']}, commit {machine['commit']}, on {machine['cores']} cores "
        f"({machine['cpu']}), {machine['python']}, SQLite {machine['sqlite']}; "
        f"Clarion {document['clarion']}; the file has {document['file_mib']:,} MiB."
    )
    lines = [
        "### A page of a large archive",
        "",
        load,
        "",
        "| page | median | p95 | most | the first |",
        "|---|---|---|---|---|",
    ]
    for name, row in document["figures"].items():
        cells = [f"{row[key]:,.1f}" if key in row else "-" for key in PAGE_KEYS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        measured,
        "",
    ]
    return lines


# -- what must be reached ---------------------------------------------------------------------

CPU: Final = "server_cpu_us_per_message"
MEMORY: Final = "server_rss_kib_per_session_after"
PLAIN_PEER: Final = "ejabberd"
SQLITE_PEER: Final = "ejabberd + mod_mam (sqlite)"


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _ours(key: str, scale: float = 1.0) -> Callable[[Document], float | None]:
    def read(document: Document) -> float | None:
        value = _median(figures(document, OURS, key))
        return None if value is None else value * scale

    return read


def _against(peer: str, key: str) -> Callable[[Document], float | None]:
    return lambda document: _median(ratios(document, peer, key))


def _page(name: str) -> Callable[[Document], float | None]:
    return lambda document: figure(document["figures"], f"{name}.median_ms")


def _per_core(document: Document) -> float | None:
    value = _median(figures(document, OURS, CPU))
    return None if not value else 1e6 / value


MUST: Final = (
    # scenario, figure, how it is read, its least or its most, the limit, decimal places
    ("rate", "CPU a message beside ejabberd's", _against(PLAIN_PEER, CPU), "<=", 0.75, 2),
    ("rate", "beside its figure with SQLite", _against(SQLITE_PEER, CPU), "<=", 0.25, 2),
    ("rate", "delivery p50 beside its", _against(PLAIN_PEER, "delivery.p50_us"), "<=", 1.0, 2),
    ("rate", "delivery p99, ms", _ours("delivery.p99_us", 1e-3), "<=", 10.0, 1),
    ("rate", "acknowledgement p99, ms", _ours("acknowledgement.p99_us", 1e-3), "<=", 100.0, 1),
    ("saturation", "CPU a message beside ejabberd's", _against(PLAIN_PEER, CPU), "<=", 0.25, 2),
    ("saturation", "messages/s on one core", _per_core, ">=", 10_000.0, 0),
    (
        "idle",
        "KiB a session, plain",
        _ours("plain.server_rss_kib_per_session_after"),
        "<=",
        25.0,
        1,
    ),
    ("idle", "KiB a session, TLS", _ours("tls.server_rss_kib_per_session_after"), "<=", 60.0, 1),
    ("login", "CPU ms a log-in", _ours("server_cpu_us_per_login", 1e-3), "<=", 1.5, 2),
    ("archive_page", "ms a page, from the beginning", _page("first page"), "<=", 10.0, 1),
    ("archive_page", "ms a page, from the end", _page("last page"), "<=", 10.0, 1),
)


def judged(documents: Mapping[str, Document]) -> list[str]:
    """Return the table of what must be reached, a line each."""
    lines = ["| scenario | figure (median) | must be | is | |", "|---|---|---|---|---|"]
    for name, title, read, sign, limit, places in MUST:
        value = read(documents[name]) if name in documents else None
        if value is None:
            lines.append(f"| {name} | {title} | {sign} {limit:,g} | not measured | |")
            continue
        met = value <= limit if sign == "<=" else value >= limit
        word = "met" if met else "**not met**"
        lines.append(f"| {name} | {title} | {sign} {limit:,g} | {value:,.{places}f} | {word} |")
    return lines


# -- the page ---------------------------------------------------------------------------------


def text(results: Path) -> str:
    """Return what stands between the page's markers."""
    documents: dict[str, Document] = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(results.glob("*.json"))
    }
    lines = [*judged(documents), ""]
    for scenario in SCENARIOS:
        if scenario.name in documents:
            lines += section(scenario, documents[scenario.name])
    if "archive_page" in documents:
        lines += archive_section(documents["archive_page"])
    return "\n".join(lines).rstrip()


def write(results: Path) -> None:
    """Put the figures into docs/performance.md."""
    before, begin, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        print(f"{DOCUMENT} has no place for the figures", file=sys.stderr)
        return
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text(results)}\n\n{END}{after}", encoding="utf-8")
    print(f"wrote the figures in {DOCUMENT}")


if __name__ == "__main__":
    write(Path(__file__).parent / "results")
