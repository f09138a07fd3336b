"""The process: open files, and the native parts that it is made of."""

import platform
import resource
import sqlite3
import ssl
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from pyexpat import EXPAT_VERSION, version_info
from typing import Final

from clarion.cli.health.finding import Finding, bad, doubtful, good

FILES: Final = "open files"
PARTS: Final = "parts"
FILES_LEAST: Final = 1_024
FILES_ENOUGH: Final = 16_384
EXPAT_LEAST: Final = (2, 4, 1)
"""The first that bounds the growth of entities (CVE-2013-0340)."""
EXPAT_ENOUGH: Final = (2, 6, 0)
"""The first that does not read a large token again and again (CVE-2023-52425)."""
SQLITE_LEAST: Final = (3, 35, 0)
_ADVICE: Final = "each client needs one: LimitNOFILE=65536 in the service's unit"


def look_at_files(process: int | None, proc: Path = Path("/proc")) -> Iterator[Finding]:
    """Look at the limit of open files.

    Args:
        process: The running server's; ``None``: this one, as the server would begin.
        proc: Where Linux tells of processes.

    """
    limit = _limit_of(process, proc) if process is not None else None
    whose = "the server" if limit is not None else "a process started here"
    if limit is None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit in (resource.RLIM_INFINITY, -1):
        yield good(FILES, f"{whose} may open any number")
        return
    text = f"{whose} may open {limit}"
    if limit < FILES_LEAST:
        yield bad(FILES, text, _ADVICE)
    elif limit < FILES_ENOUGH:
        yield doubtful(FILES, text, _ADVICE)
    else:
        yield good(FILES, text)


def _limit_of(process: int, proc: Path) -> int | None:
    try:
        lines = (proc / str(process) / "limits").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return -1 if soft == "unlimited" else int(soft)
    return None


def look_at_parts(
    expat: tuple[int, int, int] = version_info,
    sqlite: tuple[int, ...] = sqlite3.sqlite_version_info,
) -> Iterator[Finding]:
    """Look at what the server is made of; the versions are handed in by tests."""
    yield good(PARTS, f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}")
    if find_spec("uvloop") is not None:
        yield good(PARTS, f"uvloop {metadata.version('uvloop')}")
    elif sys.platform != "win32":
        yield doubtful(PARTS, "no uvloop: chat costs twice the CPU", "pip install uvloop")
    shown = ".".join(map(str, sqlite))
    if sqlite < SQLITE_LEAST:
        yield bad(PARTS, f"SQLite {shown}", "a Python with SQLite 3.35 or newer is needed")
    else:
        yield good(PARTS, f"SQLite {shown}")
    name = EXPAT_VERSION.replace("_", " ") if expat == version_info else ".".join(map(str, expat))
    if expat < EXPAT_LEAST:
        yield bad(PARTS, f"{name} lets small XML grow large", "update Python or libexpat")
    elif expat < EXPAT_ENOUGH:
        yield doubtful(PARTS, f"{name} is slow with large XML", "update Python or libexpat to 2.6")
    else:
        yield good(PARTS, name)
