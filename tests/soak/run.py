"""What ``make soak`` runs: faults and loads that take long. Loopback only, bounded, progress shown.

    python tests/soak/run.py                    all parts at full length: about two hours
    python tests/soak/run.py kill fuzz          some of them
    CLARION_SOAK=0.02 python tests/soak/run.py  a fiftieth of the length: does everything work?

A part that cannot run here says so in a line. Exit codes: 0 all that could run
has passed, 1 something failed.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `house` is a part of the tests

import disk
import fuzzing
import kills
import steady
from parts import Skipped, tell

PARTS: Final[dict[str, Callable[[float], str]]] = {
    "disk": disk.run,
    "kill": kills.run,
    "fuzz": fuzzing.run,
    "hour": steady.run,
}


def main() -> int:
    """Run the parts that are asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)} (all)")
    options = parser.parse_args()
    if unknown := set(options.part) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    length = float(os.environ.get("CLARION_SOAK", "1"))
    signal.signal(signal.SIGTERM, _leave)
    bad = 0
    for name in options.part or PARTS:
        began = time.monotonic()
        tell(f"== {name}")
        try:
            came = PARTS[name](length)
        except Skipped as reason:
            tell(f"{name}: skipped: {reason}")
            continue
        except AssertionError as wrong:
            tell(f"{name}: FAILED after {time.monotonic() - began:.0f} s: {wrong}")
            bad += 1
            continue
        tell(f"{name}: passed after {time.monotonic() - began:.0f} s: {came}")
    return 1 if bad else 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End on SIGTERM as on Ctrl-C, so that every process is stopped on the way out."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
