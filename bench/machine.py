"""What a figure depends on: the machine, the versions, the state of the source."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from processes import BenchError, run


def facts() -> dict[str, Any]:
    """Return the facts that stand beside every result."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _commit() -> str:
    """Return the commit, with a plus when the work tree differs from it."""
    here = Path(__file__).parent
    try:
        commit = run(["git", "rev-parse", "--short=12", "HEAD"], seconds=30, folder=here).strip()
        changed = run(["git", "status", "--porcelain", "--", ".."], seconds=30, folder=here)
    except BenchError:
        return "unknown"
    return commit + ("+" if changed.strip() else "")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
