"""Named places at which a test can let the process die as by ``kill -9``.

``CLARION_CRASH_AT="after-commit:3"`` lets it die when ``after-commit`` is
reached for the third time. Nothing is armed in ordinary life, and ``reach``
then costs one comparison.
"""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Final

from clarion.lib.errors import UsageError

VARIABLE: Final = "CLARION_CRASH_AT"

BEFORE_COMMIT: Final = "before-commit"
MID_BATCH: Final = "mid-batch"
AFTER_COMMIT: Final = "after-commit"
BEFORE_ACKNOWLEDGEMENT: Final = "before-acknowledgement"
NAMES: Final = (MID_BATCH, BEFORE_COMMIT, AFTER_COMMIT, BEFORE_ACKNOWLEDGEMENT)
"""Those of messages."""

MID_UPLOAD: Final = "mid-upload"
BEFORE_SHELVING: Final = "before-shelving"
BEFORE_FILE_ROW: Final = "before-file-row"
BEFORE_CREATED: Final = "before-created"
UPLOADS: Final = (MID_UPLOAD, BEFORE_SHELVING, BEFORE_FILE_ROW, BEFORE_CREATED)
"""Those of uploads: a block is written, the file is whole, has its name, is in the store."""


def _die(name: str) -> None:
    os.write(2, f"crash point {name} reached\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


class CrashPoints:
    """Knows which crash point is armed.

    Args:
        armed: One of ``NAMES`` or ``UPLOADS``, or ``None`` for none.
        time: Die at the n-th time that it is reached, from 1.
        die: What to do then; ends the process with SIGKILL.

    Raises:
        UsageError: There is no such crash point, or ``time`` is below 1.

    """

    def __init__(
        self, armed: str | None = None, time: int = 1, *, die: Callable[[str], None] = _die
    ) -> None:
        if armed is not None and armed not in (*NAMES, *UPLOADS):
            names = ", ".join((*NAMES, *UPLOADS))
            raise UsageError(f"{armed!r} is no crash point; there are {names}")
        if time < 1:
            raise UsageError(f"a crash point is reached for the first time at 1, not {time}")
        self._armed = armed
        self._left = time
        self._die = die

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "CrashPoints":
        """Arm what ``CLARION_CRASH_AT`` names: ``"name"`` or ``"name:n"``.

        Raises:
            UsageError: The variable cannot be understood.

        """
        name, _, time = environment.get(VARIABLE, "").partition(":")
        if not name:
            return cls()
        if time and not time.isdecimal():
            raise UsageError(f"{VARIABLE}: {time!r} is no number")
        return cls(name, int(time or "1"))

    def reach(self, name: str) -> None:
        """Say that the place ``name`` was reached; may not return."""
        if name == self._armed:
            self._left -= 1
            if self._left == 0:
                self._die(name)
