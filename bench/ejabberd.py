"""ejabberd, from its Debian package, as a process of our own.

It never runs as the system's service and never touches the system's folders:
its configuration is the committed one (bench/peers/ejabberd), its data lives
in a temporary folder. It needs no particular user.
"""

import os
from pathlib import Path
from typing import Final

from processes import BenchError, Child, free_port, run
from servers import DOMAIN, make_certificates

CONFIGURATIONS: Final = Path(__file__).parent / "peers" / "ejabberd"
ARCHIVES: Final = {"off": "none", "mnesia": "Mnesia", "sqlite": "SQLite"}
"""Kinds of archive of ejabberd, and what the tables say of them."""


class Ejabberd:
    """ejabberd as Debian packages it, without Erlang distribution: no epmd, no open port but one.

    Args:
        kind: A key of ``ARCHIVES``.

    Raises:
        BenchError: The package, or what this archive needs, is not installed.

    """

    in_band = True

    def __init__(self, kind: str) -> None:
        if kind not in ARCHIVES:
            raise BenchError(f"archive {kind!r} is not one of {', '.join(ARCHIVES)}")
        self._library = _library()
        if kind == "sqlite" and not _has_sqlite(self._library):
            raise BenchError("the Debian package erlang-p1-sqlite3 is not installed")
        self._kind = kind
        self.name = "ejabberd" if kind == "off" else f"ejabberd + mod_mam ({kind})"
        self.archive = ARCHIVES[kind]
        self.port = 0
        self._folder = Path()
        self._child: Child | None = None

    @property
    def version(self) -> str:
        """The version of the Debian package."""
        return run(["dpkg-query", "-W", "-f", "${Version}", "ejabberd"], seconds=30).strip()

    @property
    def pid(self) -> int:
        """The Erlang machine's process; its port programs are its children."""
        assert self._child is not None
        return self._child.pid

    def prepare(self, folder: Path, persons: int) -> None:
        """Choose a port; the load generator makes the accounts once the server runs."""
        self._folder = folder
        self.port = free_port()
        (folder / "spool").mkdir()

    def start(self, *, tls: bool = False) -> None:
        """Start the Erlang machine with the flags that ejabberdctl gives it."""
        self._configure(tls=tls)
        spool = self._folder / "spool"
        command = ["erl", "+K", "true", "+P", "250000", "-noinput"]
        command += ["-mnesia", "dir", f'"{spool}"', "-ejabberd", "log_rotate_count", "0"]
        command += ["-s", "ejabberd"]
        environment = {
            "HOME": str(self._folder),
            "ERL_LIBS": ":".join([str(self._library), *_more_libraries()]),
            "ERL_MAX_PORTS": "32000",
            "ERL_CRASH_DUMP_BYTES": "0",
            "EJABBERD_CONFIG_PATH": str(self._folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self._folder / "ejabberd.log"),
        }
        self._child = Child(command, self._folder, environment)
        self._child.wait_listening(self.port)

    def _configure(self, *, tls: bool) -> None:
        text = (CONFIGURATIONS / "ejabberd.yml").read_text(encoding="utf-8")
        if self._kind != "off":
            text += (CONFIGURATIONS / f"archive-{self._kind}.yml").read_text(encoding="utf-8")
        made = make_certificates(self._folder)
        paths = f'certfiles:\n  - "{made}/server.pem"\n  - "{made}/server.key"'
        values = {
            "DOMAIN": DOMAIN,
            "PORT": str(self.port),
            "SPOOL": str(self._folder / "spool"),
            "TLS": "true" if tls else "false",
            "CERTIFICATES": paths if tls else "",
        }
        for word, value in values.items():
            text = text.replace(f"@{word}@", value)
        (self._folder / "ejabberd.yml").write_text(text, encoding="utf-8")

    def stop(self) -> None:
        """Stop the server; on SIGTERM the Erlang machine closes its database in order."""
        if self._child is not None:
            self._child.stop()
            self._child = None


def _library() -> Path:
    """Return the folder that holds ejabberd-VERSION/ebin, as Debian's package lays it out."""
    found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin"))
    if not found:
        raise BenchError("the Debian package ejabberd is not installed")
    return found[0].parents[1]


def _more_libraries() -> list[str]:
    return [path for path in os.environ.get("ERL_LIBS", "").split(":") if path]


def _has_sqlite(library: Path) -> bool:
    places = [library, Path("/usr/lib/erlang/lib"), *map(Path, _more_libraries())]
    return any(any(place.glob("p1_sqlite3*")) for place in places)
