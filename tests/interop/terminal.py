"""A program with a full screen, run in a tmux of our own: typed into, and its screen read."""

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

STEP: Final = 0.1
"""Seconds between two looks at the screen."""


class Terminal:
    """One program in a detached tmux session, on a socket in ``folder``.

    Args:
        folder: Empty; also the program's working directory.
        command: The program and its arguments.
        environment: Added to tmux's own.

    """

    def __init__(
        self, folder: Path, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        program = shutil.which("tmux")
        assert program is not None
        self._tmux = [program, "-S", str(folder / "tmux"), "-f", "/dev/null"]
        variables = [f"{key}={text}" for key, text in environment.items()]
        self._run("new-session", "-d", "-x", "140", "-y", "40", "env", *variables, *command)

    def type(self, line: str) -> None:
        """Type a line and the return key."""
        self._run("send-keys", "-l", line)
        self._run("send-keys", "Enter")

    def screen(self, *, colours: bool = False) -> str:
        """Return what is on the screen; with ``colours`` with its escape sequences."""
        return self._run("capture-pane", "-p", *(["-e"] if colours else []))

    def shows(self, fits: Callable[[str], bool], limit: float, *, colours: bool = False) -> str:
        """Look until the screen fits.

        Raises:
            AssertionError: It does not within ``limit`` seconds; the text is the screen.

        """
        end = time.monotonic() + limit
        while not fits(screen := self.screen(colours=colours)):
            if time.monotonic() > end:
                raise AssertionError(f"the screen shows something else:\n{screen.rstrip()}")
            time.sleep(STEP)
        return screen

    def close(self) -> None:
        """End the session and the program in it."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False, timeout=20)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [*self._tmux, *words], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout
