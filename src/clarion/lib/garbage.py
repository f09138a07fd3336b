"""Python's cyclic garbage collector, kept out of the way of messages.

By default every 700 new objects start a collection, and now and then one that
walks through everything that lives: with 10,000 messages under way that was
40 % of a busy server's CPU, and pauses of many milliseconds. Nearly everything
here is freed by counting references, so the young are looked at in large lots,
and the rest only now and then, when what survives is set apart for good.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from clarion.lib.clock import Alarm, Clock
from clarion.lib.log import get_logger

YOUNG_OBJECTS: Final = 50_000
"""New objects, those freed again taken off, after which the youngest are looked at: some
2 ms. More than a full batch of messages on its way to the disk, which is freed at once."""
NEVER: Final = 1_000_000_000
TIDY_INTERVAL: Final = 600.0
"""Seconds between two walks through what is new since the last one."""

log = get_logger("house")


class Garbage:
    """Looks for unreachable objects at intervals, and sets apart what lives.

    What is set apart is not looked at again, so whatever ends (a session, a
    connection) must leave no cycle behind; ``tests/xmpp/test_no_cycles.py``.

    Args:
        clock: Rings for ``tidy``.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alarm: Alarm | None = None

    def tidy(self) -> int:
        """Free what is unreachable, set apart what is not, and come again.

        Returns:
            How many unreachable objects there were.

        """
        began = self._clock.monotonic()
        found = gc.collect()
        gc.freeze()
        took_ms = round((self._clock.monotonic() - began) * 1000, 1)
        log.debug("memory tidied", unreachable=found, took_ms=took_ms)
        self._alarm = self._clock.call_later(TIDY_INTERVAL, self._again)
        return found

    def _again(self) -> None:
        self.tidy()

    def stop(self) -> None:
        """Come no more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


@contextmanager
def calm_garbage(clock: Clock) -> Iterator[Garbage]:
    """Collect as this file says while the body runs; afterwards as before."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, NEVER, NEVER)
    garbage = Garbage(clock)
    garbage.tidy()
    try:
        yield garbage
    finally:
        garbage.stop()
        gc.set_threshold(*before)
        gc.unfreeze()
