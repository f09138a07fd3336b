"""What ``make interop`` runs: Clarion against the tests and the clients of other projects.

    python tests/interop/run.py                     everything
    python tests/interop/run.py smack --only Mam    one part; Smack's tests with this in their name
    python tests/interop/run.py profanity

A part whose programs are not installed says so in a line and is left out.
Exit codes: 0 all that could run has passed, 1 something failed.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `house` is a part of the tests

import federation
import profanity
import smack
from verdict import Skipped, Verdict


def main() -> int:
    """Run the parts that are asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", help="smack, profanity, federation (all)")
    parser.add_argument(
        "--only", default="", help="Smack: just the classes with this in their name"
    )
    options = parser.parse_args()
    parts: dict[str, Callable[[], Verdict]] = {
        "smack": lambda: smack.judge(options.only),
        "profanity": profanity.judge,
        "federation": federation.judge,
    }
    if unknown := set(options.part) - set(parts):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, _leave)
    bad = 0
    for name in options.part or parts:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        try:
            verdict = parts[name]()
        except Skipped as reason:
            print(f"{name}: skipped: {reason}", flush=True)
            continue
        for line in verdict.lines:
            print(f"  {line}")
        word = "passed" if verdict.passed else "FAILED"
        print(f"{name}: {word}, {time.monotonic() - began:.0f} s", flush=True)
        bad += not verdict.passed
    return 1 if bad else 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End on SIGTERM as on Ctrl-C, so that every process is stopped on the way out."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
