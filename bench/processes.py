"""Child processes of a benchmark: started in a folder of their own, always stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

START_LIMIT: Final = 60.0
"""Seconds a server may take until it listens."""
STOP_LIMIT: Final = 15.0
"""Seconds a server may take to stop by itself; then it is killed."""
LOG_TAIL: Final = 2000
"""Bytes of a failed server's output that are shown."""


class BenchError(Exception):
    """A benchmark cannot go on; the text says why and is shown to the user."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    folder: Path | None = None,
    good: Sequence[int] = (0,),
) -> str:
    """Run a command to its end and return its standard output.

    Raises:
        BenchError: Its exit code is not in ``good``, it took too long, or is not there.

    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, timeout=seconds, capture_output=True, text=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{words[0]}: {error}") from None
    if done.returncode not in good:
        said = (done.stderr.strip() or done.stdout.strip())[-LOG_TAIL:]
        raise BenchError(f"{' '.join(words)} ended with {done.returncode}: {said}")
    return done.stdout


class Child:
    """A server process with a process group of its own; its output goes to a file."""

    def __init__(
        self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._log = folder / "output.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id; also that of its group."""
        return self._process.pid

    def wait_listening(self, port: int) -> None:
        """Return when 127.0.0.1:``port`` accepts connections.

        Raises:
            BenchError: The process ended, or ``START_LIMIT`` passed.

        """
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if self._ended():
                raise BenchError(f"the server ended at its start: {self._tail()}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise BenchError(f"the server does not listen after {START_LIMIT:.0f} s: {self._tail()}")

    def stop(self) -> None:
        """Ask the server to stop; kill its whole group when it does not, and what it left."""
        if not self._ended():
            os.kill(self.pid, signal.SIGTERM)
            end = time.monotonic() + STOP_LIMIT
            while not self._ended() and time.monotonic() < end:
                time.sleep(0.05)
            if not self._ended():
                print(f"the server did not stop within {STOP_LIMIT:.0f} s and was killed")
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _ended(self) -> bool:
        """Look without reaping: as long as the process is not reaped, its id stays ours."""
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def _tail(self) -> str:
        return self._log.read_bytes()[-LOG_TAIL:].decode(errors="replace").strip()
