"""A server as a process of its own: a folder, ``clarion run``, its log and its people."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clarion.admin.client import ask
from clarion.lib import certificates
from house.raw_client import RawClient, Way

DOMAIN = "house.example"
HOST = "127.0.0.1"
PASSWORDS = {
    "ann": "ann-has-a-long-passphrase",
    "bob": "bob-likes-4-blue-horses",
    "cai": "cai-sings-in-the-rain",
    "dan": "dan-does-not-read-much",
    "eve": "eve-reads-no-better",
    "fay": "fay-reads-on-thursdays",
    "gus": "gus-has-two-telephones",
}
START_LIMIT = 15.0  # generous: two cores may be shared by everything else
SOON = 10.0  # for one thing to be seen


def address(local: str) -> str:
    return f"{local}@{DOMAIN}"


class EndedError(Exception):
    """The server ended while something was expected of it."""


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path: a Unix socket's may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="clr-", dir="/tmp"))  # short on purpose
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def clarion(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    before: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``before`` is a program that starts it."""
    return subprocess.run(
        [*before, sys.executable, "-m", "clarion", *arguments],
        env={**os.environ, **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@dataclass
class Premises:
    """One server's folder, and the process when it runs.

    Attributes:
        folder: Holds ``clarion.toml``, ``certs`` and ``data``.
        lines: What the process wrote to standard error since it was started.
        secrets: What must never be in a log; clients add what they send.

    """

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    lines: list[str] = field(default_factory=list)
    past: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=lambda: set(PASSWORDS.values()))
    ports: dict[str, int] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _reader: threading.Thread | None = None

    # -- before the start ---------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.folder / "clarion.toml"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "clarion.db"

    @property
    def ca(self) -> Path:
        return self.folder / "certs" / "ca.pem"

    def furnish(
        self, *, limits: str = "", more: str = "", xmpp: str | None = None, level: str = "debug"
    ) -> None:
        """Write certificates and a configuration on free ports of the system's choice."""
        if not self.ca.exists():
            certificates.create(self.folder / "certs", DOMAIN, not_before=time.time() - 60)
        listeners = "\n".join(
            f'{key} = ["{HOST}:0"]' for key in ("listen", "listen_tls", "listen_plain")
        )
        self.config.write_text(
            f'domain = "{DOMAIN}"\ndata = "data"\n'
            f"[xmpp]\n{listeners if xmpp is None else xmpp}\n"
            "[directory]\nscram_iterations = 4096\n"
            f'[log]\nlevel = "{level}"\nformat = "json"\n'
            f"[limits]\n{limits}\n{more}\n"
        )

    # -- the process ----------------------------------------------------------------------

    def launch(self, environment: Mapping[str, str] | None = None, **more: Any) -> None:
        """Start the process without waiting for it to listen."""
        self.past += self.lines
        self.lines, self.ports = [], {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "clarion", "run", "--config", str(self.config)],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **more,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def start(self, environment: Mapping[str, str] | None = None) -> float:
        """Start the server and wait until it listens; returns the seconds that it took."""
        began = time.monotonic()
        self.launch(environment)
        self.saw(lambda line: line.get("event") == "clarion is open", START_LIMIT)
        took = time.monotonic() - began
        for line in self.events("listening"):
            self.ports[line["kind"]] = int(line["address"].rpartition(":")[2])
        return took

    def stop(self, limit: float = 20.0) -> int:
        """Ask it to stop with SIGTERM and return its exit code."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended(limit)

    def ended(self, limit: float = SOON) -> int:
        """Wait until the process has ended; its log is judged."""
        assert self.process is not None
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            assert self._reader is not None
            self._reader.join(SOON)
        self.check_log()
        return code

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def memory_bytes(self) -> int:
        """The server's resident memory."""
        assert self.process is not None
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    # -- its log --------------------------------------------------------------------------

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                with self._news:
                    self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self.lines.append("")  # nothing more will come
            self._news.notify_all()

    def events(self, event: str | None = None) -> list[dict[str, Any]]:
        """The log's lines so far as values; those of one event."""
        found = [parsed(line) for line in list(self.lines) if line]
        return [one for one in found if event is None or one.get("event") == event]

    def saw(self, fits: Callable[[dict[str, Any]], bool], limit: float = SOON) -> dict[str, Any]:
        """Wait for a line of the log."""
        deadline = time.monotonic() + limit
        at = 0
        with self._news:
            while True:
                while at < len(self.lines):
                    line = self.lines[at]
                    at += 1
                    if line and fits(parsed(line)):
                        return parsed(line)
                    if not line:
                        raise EndedError("the server ended:\n" + "\n".join(self.lines))
                if not self._news.wait(deadline - time.monotonic()):
                    raise AssertionError("not in the log:\n" + "\n".join(self.lines[-20:]))

    def check_log(self) -> None:
        """No secret is in the log, and no fault of the server's."""
        everything = "\n".join((*self.past, *self.lines))
        for secret in self.secrets:
            assert secret not in everything, f"the log tells a secret: {secret}"
        faults = [line for line in (*self.past, *self.lines) if "Traceback" in line]
        assert not faults, "\n".join(faults)

    # -- its people -------------------------------------------------------------------------

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Ask through the administration socket."""
        socket = self.folder / "data" / "clarion.sock"
        return ask(socket, verb, arguments, lambda *_: None)

    def add_people(self, *locals_: str) -> None:
        for local in locals_ or PASSWORDS:
            self.ask("person.add", address=address(local), password=PASSWORDS[local])

    def connect(self, way: Way = "plain", **more: Any) -> RawClient:
        """A raw client's connection, before anything is said."""
        port = self.ports[way]
        return RawClient(HOST, port, DOMAIN, way, ca=self.ca, secrets=self.secrets, **more)

    def client(
        self,
        local: str,
        *,
        way: Way = "plain",
        resource: str = "raw",
        mechanism: str = "SCRAM-SHA-1",
        managed: bool = False,
        resume: bool = False,
        present: bool = True,
        **more: Any,
    ) -> RawClient:
        """A raw client, logged in; ``managed`` with XEP-0198."""
        client = self.connect(way, **more)
        try:
            client.log_in(local, PASSWORDS[local], mechanism)
            client.bind(resource)
            if managed:
                client.manage(resume=resume)
            if present:
                client.send("<presence/>")
        except BaseException:
            client.drop()
            raise
        return client

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        """Look into the database."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()


def parsed(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {"text": line}
    return value if isinstance(value, dict) else {"text": line}


@contextmanager
def premises() -> Iterator[Premises]:
    """Premises that are cleared away, whatever happened."""
    with short_folder() as folder:
        house = Premises(folder)
        try:
            yield house
        finally:
            if house.alive:
                house.stop()


@contextmanager
def open_house(*, people: tuple[str, ...] = (), **settings: Any) -> Iterator[Premises]:
    """Premises with a running server and its people; on the way out it is stopped."""
    with premises() as house:
        house.furnish(**settings)
        house.start()
        house.add_people(*people)
        yield house
