"""Prosody, from its Debian package, as a process of our own.

It never runs as the system's service and never touches the system's folders:
its configuration is the committed one (bench/peers/prosody), its data lives in
a temporary folder.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from processes import BenchError, Child, free_port, run
from servers import DOMAIN, make_certificates

CONFIGURATIONS: Final = Path(__file__).parent / "peers" / "prosody"
ARCHIVES: Final = {"off": "none", "internal": "files", "sqlite": "SQLite"}
"""Kinds of archive, and what the tables say of them."""


class Prosody:
    """Prosody.

    Args:
        kind: A key of ``ARCHIVES``.

    Raises:
        BenchError: The package, or what this archive needs, is not installed.

    """

    in_band = True

    def __init__(self, kind: str) -> None:
        if kind not in ARCHIVES:
            raise BenchError(f"archive {kind!r} is not one of {', '.join(ARCHIVES)}")
        program = shutil.which("prosody")
        if program is None:
            raise BenchError("the Debian package prosody is not installed")
        if kind == "sqlite" and not _has_sqlite(Path(program)):
            raise BenchError("the Debian package lua-dbi-sqlite3 is not installed")
        self._program = program
        self._kind = kind
        self.name = "Prosody" if kind == "off" else f"Prosody + mod_mam ({kind})"
        self.archive = ARCHIVES[kind]
        self.port = 0
        self._folder = Path()
        self._child: Child | None = None

    @property
    def version(self) -> str:
        """The version of the Debian package."""
        return run(["dpkg-query", "-W", "-f", "${Version}", "prosody"], seconds=30).strip()

    @property
    def pid(self) -> int:
        """Its only process."""
        assert self._child is not None
        return self._child.pid

    def prepare(self, folder: Path, persons: int) -> None:
        """Choose a port; the load generator makes the accounts once the server runs."""
        self._folder = folder
        self.port = free_port()
        (folder / "spool").mkdir()

    def start(self, *, tls: bool = False) -> None:
        """Write the configuration and run Prosody in the foreground."""
        text = (CONFIGURATIONS / "prosody.cfg.lua").read_text(encoding="utf-8")
        if self._kind != "off":
            extra = CONFIGURATIONS / f"archive-{self._kind}.cfg.lua"
            host = 'VirtualHost "@DOMAIN@"'
            text = text.replace(host, extra.read_text(encoding="utf-8") + host)
        made = make_certificates(self._folder)
        ssl = f'ssl = {{ certificate = "{made}/server.pem", key = "{made}/server.key" }}'
        values = {
            "DOMAIN": DOMAIN,
            "SPOOL": str(self._folder / "spool"),
            "ROOT": "true" if os.geteuid() == 0 else "false",
            "PLAIN_PORTS": "" if tls else str(self.port),
            "TLS_PORTS": str(self.port) if tls else "",
            "SSL": ssl,
            "MODULES": '"mam"' if self._kind != "off" else "",
        }
        for word, value in values.items():
            text = text.replace(f"@{word}@", value)
        config = self._folder / "prosody.cfg.lua"
        config.write_text(text, encoding="utf-8")
        self._child = Child([self._program, "--config", config, "-F"], self._folder, {})
        self._child.wait_listening(self.port)

    def stop(self) -> None:
        """Stop the server."""
        if self._child is not None:
            self._child.stop()
            self._child = None


def _has_sqlite(program: Path) -> bool:
    """Ask the Lua that runs Prosody."""
    words = program.read_text(encoding="utf-8", errors="replace").splitlines()[0].split()
    lua = shutil.which(words[-1]) or shutil.which("lua")
    if lua is None:
        return False
    asked = subprocess.run([lua, "-e", "require 'DBI'"], capture_output=True, check=False)
    return asked.returncode == 0
