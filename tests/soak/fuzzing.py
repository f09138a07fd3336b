"""Every fuzz test again and again, each for a minute, each time with another seed."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from parts import tell

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SECONDS: Final = 60.0
LEAST: Final = 1.0
RUN_LIMIT: Final = 300.0
"""Seconds for one run of one test; a parser that takes longer than bounded time is caught so."""


def run(length: float) -> str:
    """Fuzz; returns what was done."""
    seconds = max(LEAST, SECONDS * length)
    tests = _tests()
    assert tests, "there are no fuzz tests"
    chance = random.SystemRandom()
    runs = 0
    for number, test in enumerate(tests, 1):
        end = time.monotonic() + seconds
        before = runs
        while time.monotonic() < end:
            _once(test, chance.randrange(2**32))
            runs += 1
        tell(f"{number} of {len(tests)}: {test.rpartition('/')[2]}: {runs - before} seeds")
    return f"{len(tests)} fuzz tests, {seconds:.0f} s each, {runs} seeds in all"


def _tests() -> list[str]:
    listed = _pytest("--collect-only", "-q", "tests/fuzz")
    return [line for line in listed.stdout.splitlines() if "::" in line]


def _once(test: str, seed: int) -> None:
    try:
        done = _pytest("-q", f"--hypothesis-seed={seed}", test)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{test} with seed {seed} took more than {RUN_LIMIT:.0f} s") from None
    assert done.returncode == 0, f"{test} with seed {seed}:\n{done.stdout[-4000:]}"


def _pytest(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"]
    command += ["-o", f"timeout={RUN_LIMIT:.0f}", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_LIMIT, check=False
    )
