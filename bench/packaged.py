"""A server from its Debian package, as a process of our own.

It never runs as the system's service and never touches the system's folders:
its configuration is a committed one (bench/peers), its data lives in a
temporary folder. What differs from server to server is how it is launched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from processes import BenchError, Child, free_port, run
from servers import DOMAIN, make_certificates


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a server is to run.

    Attributes:
        folder: Its own, temporary.
        port: Where it is to listen on 127.0.0.1.
        kind: The kind of its archive, ``off`` for none.
        tls: Whether the port speaks TLS from the start.

    """

    folder: Path
    port: int
    kind: str
    tls: bool

    @property
    def spool(self) -> Path:
        """The folder for its data."""
        return self.folder / "spool"

    @property
    def certificates(self) -> Path:
        """The folder of server.pem and server.key."""
        return make_certificates(self.folder)

    def write(self, name: str, text: str, values: Mapping[str, str]) -> Path:
        """Write a configuration, each ``@WORD@`` replaced by its value; returns the file."""
        for word, value in {"DOMAIN": DOMAIN, "SPOOL": str(self.spool), **values}.items():
            text = text.replace(f"@{word}@", value)
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@dataclass(frozen=True, slots=True)
class Launch:
    """How to run a server in the foreground: its command, and what it needs in its environment."""

    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)


class Packaged:
    """A packaged server; see ``servers.Server``.

    Args:
        package: The Debian package.
        title: What people call it.
        archives: Kinds of archive it has, and what the tables say of them.
        kind: One of them.
        launch: Writes its configuration and says how to run it.

    Raises:
        BenchError: There is no such kind.

    """

    in_band = True

    def __init__(
        self,
        package: str,
        title: str,
        archives: Mapping[str, str],
        kind: str,
        launch: Callable[[Place], Launch],
    ) -> None:
        if kind not in archives:
            raise BenchError(f"archive {kind!r} is not one of {', '.join(archives)}")
        self.name = title if kind == "off" else f"{title} + mod_mam ({kind})"
        self.archive = archives[kind]
        self.port = 0
        self._package = package
        self._kind = kind
        self._launch = launch
        self._folder = Path()
        self._child: Child | None = None

    @property
    def version(self) -> str:
        """The version of the Debian package."""
        return run(["dpkg-query", "-W", "-f", "${Version}", self._package], seconds=30).strip()

    @property
    def pid(self) -> int:
        """Its process; what it starts besides are children of that."""
        assert self._child is not None
        return self._child.pid

    def prepare(self, folder: Path, persons: int) -> None:
        """Choose a port; the load generator makes the accounts once the server runs."""
        self._folder = folder
        self.port = free_port()
        self._place(tls=False).spool.mkdir()

    def start(self, *, tls: bool = False) -> None:
        """Write the configuration, run the server, and return when it listens."""
        launch = self._launch(self._place(tls=tls))
        self._child = Child(launch.command, self._folder, launch.environment)
        self._child.wait_listening(self.port)

    def stop(self) -> None:
        """Stop the server; what it keeps it closes in order on SIGTERM."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _place(self, *, tls: bool) -> Place:
        return Place(self._folder, self.port, self._kind, tls)
