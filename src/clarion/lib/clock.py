"""Time, handed in: a wall clock, a monotonic clock and timers.

Wall time (UNIX seconds, UTC) is for people and records; monotonic time is for
durations. The two are never mixed. Tests hand in a clock that moves by hand
(``tests/fakes/clock.py``), so none of them sleeps.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call the timer off; harmless when it has fired already."""
        ...


class Clock(Protocol):
    """Tells time and rings alarms on the event loop."""

    def wall(self) -> float:
        """UNIX seconds, UTC; may jump when the operator sets the clock."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def call_later(self, delay: float, action: Callable[[], None]) -> Alarm:
        """Run ``action`` on the loop after ``delay`` seconds."""
        ...


class SystemClock:
    """The clocks of this machine and the timers of the running loop."""

    def wall(self) -> float:
        """See ``Clock``."""
        return time.time()

    def monotonic(self) -> float:
        """See ``Clock``."""
        return time.monotonic()

    def call_later(self, delay: float, action: Callable[[], None]) -> Alarm:
        """See ``Clock``."""
        return asyncio.get_running_loop().call_later(delay, action)
