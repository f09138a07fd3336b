"""What ``make test`` runs: every test on all processors, the coverage floors, the protocols' page.

Branch coverage, by room of the house; the build fails below a floor, and when
what docs/protocols.md is shown by has not run and passed here. Run with
``--quick`` to leave out the house tests and both.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {"wire": 95.0, "core": 95.0, "config": 95.0}
FLOOR_ELSEWHERE = 85.0
RECORD = ROOT / "var" / "tests-ran.json"  # see tests/conftest.py
LEFT_OUT = {"clarion/demo/person.py"}  # a client in a process of its own, killed with it


def main() -> int:
    """Run the tests; returns the exit code."""
    began = time.monotonic()
    quick = "--quick" in sys.argv[1:]
    workers = str(max(2, os.cpu_count() or 2))
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "loadgroup"]
    if quick:
        command += ["-m", "not house"]
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    RECORD.unlink(missing_ok=True)  # what is in it afterwards ran now
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        command += ["--cov=clarion", "--cov-branch"]
        command += ["--cov-report=", f"--cov-report=json:{report}"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        low = _below_floor(json.loads(report.read_text())) if report.exists() else ["no report"]
    for line in low:
        print(line)  # what the developer reads
    check = [sys.executable, "docs/generate.py", "--check"]
    unproven = subprocess.run(check, cwd=ROOT, check=False).returncode
    print(f"tests and floors took {time.monotonic() - began:.0f} s")
    return code or (1 if low else 0) or unproven


def _below_floor(report: dict) -> list[str]:
    """Compare each room's coverage with its floor; prints a line a room."""
    rooms: dict[str, list[int]] = {}
    worst: dict[str, list[tuple[float, str]]] = {}
    for name, file in report["files"].items():
        path = name.split("src/")[-1]
        if path in LEFT_OUT:
            continue
        parts = path.split("/")
        room = parts[1] if len(parts) > 2 else "the top floor"
        summary = file["summary"]
        covered = summary["covered_lines"] + summary.get("covered_branches", 0)
        total = summary["num_statements"] + summary.get("num_branches", 0)
        counts = rooms.setdefault(room, [0, 0])
        counts[0] += covered
        counts[1] += total
        worst.setdefault(room, []).append((summary["percent_covered"], path))
    low = []
    for room, (covered, total) in sorted(rooms.items()):
        share = 100.0 * covered / total if total else 100.0
        floor = FLOORS.get(room, FLOOR_ELSEWHERE)
        print(f"coverage {room:14} {share:5.1f} % (floor {floor:.0f} %)")
        if share < floor:
            files = ", ".join(
                f"{path} {percent:.0f} %" for percent, path in sorted(worst[room])[:5]
            )
            low.append(f"coverage of {room} is {share:.1f} %, below {floor:.0f} %: {files}")
    return low


if __name__ == "__main__":
    sys.exit(main())
