"""Fixtures that every test may use, and the record of what ran.

``var/tests-ran.json`` says of every test file, and of every file that a test
names with ``record_property("shows", path)``, whether a test of it passed and
which tests failed when they last ran, and which version of the file that was:
what is known of another version is forgotten. ``docs/generate.py`` reads it.
Each run adds to it; ``make test`` begins a new one.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: nothing here is measured by Hypothesis's clock.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "var" / "tests-ran.json"


class Recorder:
    """Notes what ran; with xdist only in the process that starts the others."""

    def __init__(self, record: Path) -> None:
        self.record = record
        self.outcomes: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one step of one test; the worst of its steps counts."""
        if report.when != "call" and report.passed:
            return
        shown = [str(value) for name, value in report.user_properties if name == "shows"]
        for path in (report.nodeid.partition("::")[0], *shown):
            outcomes = self.outcomes.setdefault(path, {})
            if outcomes.get(report.nodeid) != "failed":
                outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        """Add what was noted to the record."""
        if not self.outcomes:
            return
        # Where nothing can be written, the tests are still worth something.
        with contextlib.suppress(OSError):
            self.record.parent.mkdir(exist_ok=True)
            after = merged(self._before(), self.outcomes, version_of)
            written = json.dumps(after, indent=1, sort_keys=True)
            beside = self.record.with_suffix(f".{os.getpid()}")
            beside.write_text(written, encoding="utf-8")
            beside.replace(self.record)

    def _before(self) -> dict[str, Any]:
        try:
            before: dict[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return before


def version_of(path: str) -> str:
    """Return what tells one version of a file from another; ``""`` where there is none."""
    try:
        return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def merged(
    before: dict[str, Any], outcomes: dict[str, dict[str, str]], version: Callable[[str], str]
) -> dict[str, Any]:
    """Return the record with what ran now; a failure stays until that test passes."""
    after = dict(before)
    for path, tests in outcomes.items():
        now = version(path)
        known = after.get(path, {})
        if known.get("version") != now:
            known = {}
        failed = set(known.get("failed", ())) - set(tests)
        failed |= {test for test, outcome in tests.items() if outcome == "failed"}
        passed = bool(known.get("passed")) or "passed" in tests.values()
        after[path] = {"version": now, "passed": passed, "failed": sorted(failed)}
    return after


def pytest_configure(config: pytest.Config) -> None:
    """Record what runs, in one process."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(RECORD), "clarion-record")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have measured: what they recorded under ``told``."""
    told = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "told"
    ]
    if told:
        terminalreporter.section("what tests measured")
        for line in sorted(told):
            terminalreporter.line(line)
