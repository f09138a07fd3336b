"""Builds and runs xload, the load generator, and reads what it prints."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from processes import BenchError, run
from scenarios import Scenario

SOURCE: Final = Path(__file__).parent / "xload"
DRAIN_LIMIT: Final = 60.0
"""Seconds after a rate in which what is under way must have come; else it counts as lost."""
SETTLE: Final = 3.0
"""Seconds in which the presences of log-ins and the roster pushes of new friends arrive."""


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
        """Make the accounts u0, u1, ... by XEP-0077."""
        self._run("register", port, ["-n", str(persons)], 60 + persons * 0.1)

    def befriend(self, port: int, persons: int, contacts: int) -> Any:
        """Put ``contacts`` people into everybody's roster, subscribed both ways."""
        flags = ["-n", str(persons), "-contacts", str(contacts), "-warm", f"{SETTLE}s"]
        # RFC 6121 section 3.1.6: who has asked for the roster is told of a new subscription.
        flags += ["-roster"]
        return self._run("befriend", port, flags, 120 + persons * contacts * 0.02)

    def chat(self, port: int, pid: int, scenario: Scenario) -> Any:
        """Run a load of chat and return xload's result, with one phase."""
        flags = ["-pid", str(pid), "-n", str(scenario.persons), "-rates", f"{scenario.rate:g}"]
        flags += ["-dur", f"{scenario.seconds}s", "-warm", f"{scenario.warm_up}s"]
        flags += ["-w", str(scenario.window), "-resources", str(scenario.resources)]
        flags += ["-answers"] if scenario.answers else []
        flags += ["-carbons"] if scenario.resources > 1 else []
        flags += ["-drain", f"{DRAIN_LIMIT:g}s"]
        limit = 120 + scenario.seconds + scenario.warm_up + DRAIN_LIMIT
        return self._run("chat", port, flags, limit)

    def login(self, port: int, pid: int, persons: int) -> Any:
        """Log everybody in once."""
        return self._run("login", port, ["-pid", str(pid), "-n", str(persons)], 60 + persons * 0.1)

    def idle(self, port: int, pid: int, scenario: Scenario, *, tls: bool) -> Any:
        """Log everybody in, with roster, presence, carbons and XEP-0198, and then be silent."""
        flags = ["-pid", str(pid), "-n", str(scenario.persons), "-roster", "-carbons"]
        flags += ["-dur", f"{scenario.seconds}s", "-warm", f"{SETTLE}s"]
        flags += ["-tls", "direct" if tls else "none"]
        limit = 120 + scenario.seconds + scenario.persons * 0.1
        return self._run("idle", port, flags, limit)

    def _run(self, mode: str, port: int, flags: list[str], limit: float) -> Any:
        limit = min(limit, 3600.0)  # what xload allows
        command = [str(self._program), "-mode", mode, "-addr", f"127.0.0.1:{port}", *flags]
        # With exit code 1 the document says why.
        text = run([*command, "-limit", f"{limit:g}s"], seconds=limit + 30, good=(0, 1))
        document = json.loads(text)
        if "error" in document:
            raise BenchError(f"xload, {mode}: {document['error']}")
        return document["result"]
