"""Limits of the process and of rates: open files, and so much a second."""

import contextlib
import math
import resource
from typing import Final

OPEN_FILES_WANTED: Final = 1_048_576
"""What is asked for where the hard limit is "unlimited"; Linux's own default for fs.nr_open."""
OPEN_FILES_FALLBACK: Final = 10_240
"""macOS refuses more than OPEN_MAX although it reports an unlimited hard limit."""


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard limit; each connection is one.

    Returns:
        The soft limit now in force; unchanged where the system refuses.

    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    for wanted in (OPEN_FILES_WANTED, OPEN_FILES_FALLBACK) if unlimited else (hard,):
        if soft == resource.RLIM_INFINITY or wanted <= soft:
            break
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return soft


class Allowance:
    """A token bucket: ``rate`` a second on average, ``burst`` at once.

    Args:
        rate: Units that come back each second, above 0.
        burst: The most that can be saved up; the bucket begins full.

    """

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = -math.inf

    def take(self, n: float, now: float) -> bool:
        """Take ``n`` units if they are there; otherwise change nothing.

        Args:
            n: Units wanted; more than ``burst`` are never there.
            now: Monotonic seconds.

        """
        self._refill(now)
        if n > self._left:
            return False
        self._left -= n
        return True

    def wait(self, n: float, now: float) -> float:
        """Return the seconds until ``take(n)`` will succeed: 0 for now, infinity for never."""
        self._refill(now)
        if n > self._burst:
            return math.inf
        return max(0.0, (n - self._left) / self._rate)

    def _refill(self, now: float) -> None:
        if now > self._at:
            gained = (now - self._at) * self._rate
            self._left = min(self._burst, self._left + gained)
            self._at = now
