"""How late the event loop is: every other figure of the server's speed begins with this one."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client.metrics_core import Metric

from clarion.lib.clock import Alarm, Clock
from clarion.lib.histogram import SECONDS, Histogram
from clarion.lib.metrics import histogram

INTERVAL: Final = 0.25
"""Seconds between two looks: four wake-ups a second, some 20 us of CPU each."""


class LoopLag:
    """Asks to be woken and sees how much later it was.

    Args:
        clock: Wakes it.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = Histogram(SECONDS)
        self._alarm: Alarm | None = None
        self._due = 0.0

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``."""
        self._arm()
        try:
            yield
        finally:
            if self._alarm is not None:
                self._alarm.cancel()

    def figures(self) -> Iterable[Metric]:
        """See ``lib.metrics.Source``."""
        yield histogram(
            "clarion_loop_lag_seconds", "How late the event loop wakes whoever waits.", self._seen
        )

    def _arm(self) -> None:
        self._due = self._clock.monotonic() + INTERVAL
        self._alarm = self._clock.call_later(INTERVAL, self._look)

    def _look(self) -> None:
        # uvloop counts from the beginning of a turn, so its timers may go off early.
        self._seen.observe(max(0.0, self._clock.monotonic() - self._due))
        self._arm()
