"""Prosody as Debian packages it: a single process."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Final

from packaged import Launch, Packaged, Place
from processes import BenchError

CONFIGURATIONS: Final = Path(__file__).parent / "peers" / "prosody"
ARCHIVES: Final = {"off": "none", "internal": "files", "sqlite": "SQLite"}
"""Kinds of archive, and what the tables say of them."""


def prosody(kind: str) -> Packaged:
    """Return Prosody with an archive of this kind, a key of ``ARCHIVES``.

    Raises:
        BenchError: The package, or what this archive needs, is not installed.

    """
    program = shutil.which("prosody")
    if program is None:
        raise BenchError("the Debian package prosody is not installed")
    if kind == "sqlite" and not _has_sqlite(Path(program)):
        raise BenchError("the Debian package lua-dbi-sqlite3 is not installed")
    return Packaged("prosody", "Prosody", ARCHIVES, kind, partial(_launch, program))


def _launch(program: str, place: Place) -> Launch:
    return Launch([program, "--config", _configure(place), "-F"])


def _configure(place: Place) -> Path:
    text = (CONFIGURATIONS / "prosody.cfg.lua").read_text(encoding="utf-8")
    if place.kind != "off":
        extra = CONFIGURATIONS / f"archive-{place.kind}.cfg.lua"
        host = 'VirtualHost "@DOMAIN@"'
        text = text.replace(host, extra.read_text(encoding="utf-8") + host)
    made = place.certificates
    values = {
        "ROOT": "true" if os.geteuid() == 0 else "false",
        "PLAIN_PORTS": "" if place.tls else str(place.port),
        "TLS_PORTS": str(place.port) if place.tls else "",
        "SSL": f'ssl = {{ certificate = "{made}/server.pem", key = "{made}/server.key" }}',
        "MODULES": '"mam"' if place.kind != "off" else "",
    }
    return place.write("prosody.cfg.lua", text, values)


def _has_sqlite(program: Path) -> bool:
    """Ask the Lua that runs Prosody."""
    words = program.read_text(encoding="utf-8", errors="replace").splitlines()[0].split()
    lua = shutil.which(words[-1]) or shutil.which("lua")
    if lua is None:
        return False
    asked = subprocess.run([lua, "-e", "require 'DBI'"], capture_output=True, check=False)
    return asked.returncode == 0
