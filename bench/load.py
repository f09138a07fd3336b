"""Builds and runs xload, the load generator, and reads what it prints."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from processes import BenchError, run

SOURCE: Final = Path(__file__).parent / "xload"
DRAIN_LIMIT: Final = 60.0
"""Seconds after a rate in which what is under way must have come; else it counts as lost."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The load: who talks, how much, how long.

    Attributes:
        persons: Even; persons 0 and 1 talk to each other, 2 and 3, and so on.
        rates: Messages a second of all together; 0 is saturation.
        seconds: Measured window of each rate.
        warm_up: Seconds of load before it.
        window: Undelivered messages per pair at saturation.
        answers: Whether every message is answered by a receipt and a mark.
        resources: Sessions a person.

    """

    persons: int
    rates: tuple[float, ...]
    seconds: float
    warm_up: float
    window: int
    answers: bool
    resources: int

    def __str__(self) -> str:
        """Say it in a line, as the tables do."""
        answers = ", answered by receipts and marks" if self.answers else ""
        return (
            f"{self.persons} people with {self.resources} session(s) each, {self.seconds:g} s a "
            f"load, {self.window} messages a pair under way at saturation{answers}"
        )


@dataclass(frozen=True, slots=True)
class Phase:
    """One rate of one run; all times in microseconds; ``None`` when nothing was measured.

    Attributes:
        rate: Messages a second asked for; 0 is saturation.
        per_second: Messages a second delivered and acknowledged.
        cpu: The server's CPU time for a message that was delivered and acknowledged.
        generator_cpu: The generator's, a gauge of how fast the machine is at that moment.
        lost: Messages not delivered or not acknowledged at the end.
        duplicates: Messages delivered twice to the same session.

    """

    rate: float
    per_second: float
    cpu: float | None
    generator_cpu: float | None
    delivery_p50: float | None
    delivery_p99: float | None
    acknowledgement_p50: float | None
    acknowledgement_p99: float | None
    server_cpu_percent: float | None
    rss_mib: float
    lost: int
    duplicates: int


def phase_of(row: Mapping[str, Any]) -> Phase:
    """Take the figures that the tables need from xload's own."""
    return Phase(
        rate=row["rate_per_s"],
        per_second=row["complete_per_s"],
        cpu=row.get("server_cpu_us_per_message"),
        generator_cpu=row["generator_cpu_us_per_message"],
        delivery_p50=row["delivery"]["p50_us"],
        delivery_p99=row["delivery"]["p99_us"],
        acknowledgement_p50=row["acknowledgement"]["p50_us"],
        acknowledgement_p99=row["acknowledgement"]["p99_us"],
        server_cpu_percent=row.get("server_cpu_percent"),
        rss_mib=row["server_rss_mib"],
        lost=max(row["undelivered_after_drain"], row["unacknowledged_after_drain"]),
        duplicates=row["duplicates"],
    )


class Generator:
    """xload, built from source into ``folder``.

    Raises:
        BenchError: There is no Go compiler, or it failed.

    """

    def __init__(self, folder: Path) -> None:
        go = shutil.which("go")
        if go is None:
            raise BenchError("the Go compiler (go) is not installed, and xload is written in Go")
        self._program = folder / "xload"
        run([go, "build", "-buildvcs=false", "-o", self._program, "."], seconds=300, folder=SOURCE)
        self.compiler = run([go, "env", "GOVERSION"], seconds=30).strip()

    def register(self, port: int, persons: int) -> None:
        """Make the accounts by in-band registration."""
        self._run("register", port, ["-n", str(persons)], 300)

    def chat(self, port: int, pid: int, shape: Shape) -> dict[str, Any]:
        """Run every rate of ``shape`` and return xload's result.

        Raises:
            BenchError: A session failed, or the time limit passed.

        """
        rates = ",".join(f"{rate:g}" for rate in shape.rates)
        flags = ["-pid", str(pid), "-n", str(shape.persons), "-rates", rates]
        flags += ["-dur", f"{shape.seconds}s", "-warm", f"{shape.warm_up}s"]
        flags += ["-w", str(shape.window), "-resources", str(shape.resources)]
        flags += ["-answers"] if shape.answers else []
        flags += ["-drain", f"{DRAIN_LIMIT:g}s"]
        each = shape.seconds + shape.warm_up + DRAIN_LIMIT
        result: dict[str, Any] = self._run("chat", port, flags, 120 + each * len(shape.rates))
        return result

    def _run(self, mode: str, port: int, flags: list[str], limit: float) -> Any:
        command = [str(self._program), "-mode", mode, "-addr", f"127.0.0.1:{port}", *flags]
        # With exit code 1 the document says why.
        text = run([*command, "-limit", f"{limit:g}s"], seconds=limit + 30, good=(0, 1))
        document = json.loads(text)
        if "error" in document:
            raise BenchError(f"xload, {mode}: {document['error']}")
        return document["result"]
