"""The demonstration's server: a folder of its own, ``clarion run`` as a process, its people."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clarion.admin.client import NoServerError, ask
from clarion.admin.unix import is_alive
from clarion.demo.cast import Stage
from clarion.lib import certificates
from clarion.lib.errors import UnavailableError

DOMAIN: Final = "localhost"  # so that a client on this machine finds the server by the address
HOST: Final = "127.0.0.1"
MARK: Final = ".clarion-demo"  # a folder with this file may be made anew
START_LIMIT: Final = 15.0  # seconds to listen; it takes well under one
STOP_LIMIT: Final = 10.0
PEOPLE: Final = (
    ("ann", "Ann Archer", "ann-demo"),
    ("bob", "Bob Baker", "bob-demo"),
    ("cai", "Cai Chen", "cai-demo"),
)
"""Local part, name and password; the server listens on loopback only."""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A running server.

    Attributes:
        folder: Its configuration, certificates and data.
        starttls: Port of the STARTTLS listener.
        tls: Port of the direct TLS listener.

    """

    folder: Path
    starttls: int
    tls: int

    @property
    def stage(self) -> Stage:
        """Where its people connect."""
        return Stage(HOST, self.starttls, self.folder / "certs" / "ca.pem")

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Ask through its administration socket, as ``clarion`` commands do."""
        return ask(self.folder / "data" / "clarion.sock", verb, arguments, lambda done, total: None)


def prepare(folder: Path) -> DemoServer:
    """Write configuration and certificates into a fresh folder.

    Raises:
        UnavailableError: The folder exists and is not a demonstration's, or one is running.

    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UnavailableError(
                f"{folder} exists and is no demonstration's; name another one in $CLARION_DEMO_DIR"
            )
        if is_alive(folder / "data" / "clarion.sock"):
            raise UnavailableError(
                f"a demonstration is running in {folder}; stop it, or name another folder in "
                "$CLARION_DEMO_DIR"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    certificates.create(folder / "certs", DOMAIN, not_before=time.time())
    server = DemoServer(folder, _free_port(5222), _free_port(5223))
    (folder / "clarion.toml").write_text(
        f'domain = "{DOMAIN}"\n'
        'data = "data"\n\n'
        "[xmpp]\n"
        f'listen = ["{HOST}:{server.starttls}"]\n'
        f'listen_tls = ["{HOST}:{server.tls}"]\n\n'
        "[tls]\n"
        'certificate = "certs/server.pem"\n'
        'key = "certs/server.key"\n'
    )
    return server


@contextmanager
def running(server: DemoServer) -> Generator[subprocess.Popen[bytes], None, None]:
    """Run the server as a process; on the way out it is asked to stop, and does.

    Raises:
        UnavailableError: It did not begin to listen; its log says why.

    """
    log = server.folder / "server.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(  # noqa: S603  # this very program
            [
                sys.executable,
                "-m",
                "clarion",
                "run",
                "--config",
                str(server.folder / "clarion.toml"),
            ],
            stderr=lines,
        )
    try:
        _await_open(server, process, log)
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT)
        if process.poll() is None:
            process.kill()
            process.wait()


def _await_open(server: DemoServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(NoServerError):
            server.ask("status")
            return
        time.sleep(0.02)
    raise UnavailableError(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port(wanted: int) -> int:
    """Return ``wanted`` if nobody listens there, else a free port."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise UnavailableError("no free port on loopback")
