"""What a benchmark asks of a server, and Clarion as one of them."""

import csv
import shlex
import sys
import time
from pathlib import Path
from typing import Final, Protocol

from clarion.lib import certificates
from processes import Child, free_port, run

DOMAIN: Final = "example.org"
"""The domain of every server measured; it needs no DNS."""

CONFIGURATION: Final = """\
domain = "{domain}"
data = "data"

[tls]
certificate = "{certificates}/server.pem"
key = "{certificates}/server.key"

[xmpp]
listen = []
listen_tls = [{tls}]
listen_plain = [{plain}]

[directory]
scram_iterations = 4096

[log]
level = "warning"
"""
"""Clarion as it is measured: 4096 rounds, as its peers; else the defaults."""


class Server(Protocol):
    """A server, prepared, started and stopped, each time in a folder of its own."""

    @property
    def name(self) -> str:
        """What the tables call it."""
        ...

    @property
    def version(self) -> str:
        """Its version, as it says so itself."""
        ...

    @property
    def archive(self) -> str:
        """Where messages are kept, for the tables' reader."""
        ...

    @property
    def in_band(self) -> bool:
        """Whether the load generator makes the accounts (XEP-0077) once the server runs."""
        ...

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        ...

    @property
    def pid(self) -> int:
        """The process whose tree is measured; only while it runs."""
        ...

    def prepare(self, folder: Path, persons: int) -> None:
        """Choose a port, write the configuration and, unless ``in_band``, make the accounts.

        They are u0, u1, ... The configuration is for no TLS.

        Raises:
            BenchError: That failed.

        """
        ...

    def start(self, *, tls: bool = False) -> None:
        """Start, and return when it listens; with ``tls`` the port speaks TLS from the start.

        It may be stopped and started again, also in the other way; the accounts stay.

        Raises:
            BenchError: It does not.

        """
        ...

    def stop(self) -> None:
        """Stop; nothing of it runs afterwards."""
        ...


def make_certificates(folder: Path) -> Path:
    """Make a throwaway certificate, the same kind for every server; returns their folder."""
    made = folder / "certs"
    if not made.exists():
        certificates.create(made, DOMAIN, not_before=time.time() - 60)
    return made


class Clarion:
    """Clarion, run by the command line that people use."""

    name = "Clarion"
    archive = "SQLite, acknowledged after fsync"
    in_band = False

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)
        self.port = 0
        self._folder = Path()
        self._child: Child | None = None

    @staticmethod
    def default_command() -> str | None:
        """Return the ``clarion`` beside this Python, or ``None`` when it is not installed."""
        path = Path(sys.executable).with_name("clarion")
        return shlex.quote(str(path)) if path.exists() else None

    @property
    def version(self) -> str:
        """What ``clarion --version`` says, without the name."""
        return run([*self._command, "--version"], seconds=30).split()[-1]

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._child is not None
        return self._child.pid

    def prepare(self, folder: Path, persons: int) -> None:
        """Write clarion.toml and import the people from CSV while the server is down."""
        self._folder = folder
        self.port = free_port()
        self._configure(tls=False)
        people = folder / "people.csv"
        with people.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["address", "password"])
            rows.writerows([f"u{i}@{DOMAIN}", f"pwu{i}"] for i in range(persons))
        run([*self._command, "person", "import", people, "--config", self._config], seconds=300)

    def start(self, *, tls: bool = False) -> None:
        """Run ``clarion run``."""
        self._configure(tls=tls)
        command = [*self._command, "run", "--config", str(self._config)]
        self._child = Child(command, self._folder, {})
        self._child.wait_listening(self.port)

    def stop(self) -> None:
        """Stop the server."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    @property
    def _config(self) -> Path:
        return self._folder / "clarion.toml"

    def _configure(self, *, tls: bool) -> None:
        here = f'"127.0.0.1:{self.port}"'
        text = CONFIGURATION.format(
            domain=DOMAIN,
            certificates=make_certificates(self._folder),
            tls=here if tls else "",
            plain="" if tls else here,
        )
        self._config.write_text(text, encoding="utf-8")
