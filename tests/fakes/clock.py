"""A clock that moves only when a test moves it."""

import heapq
import itertools
from collections.abc import Callable

START_WALL = 1_750_000_000.0
"""2025-06-15 15:06:40 UTC."""


class FakeAlarm:
    """See ``clarion.lib.clock.Alarm``."""

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class FakeClock:
    """Implements ``clarion.lib.clock.Clock``; ``advance`` rings what falls due, in order."""

    def __init__(self, wall: float = START_WALL, monotonic: float = 1000.0) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._order = itertools.count()
        self._alarms: list[tuple[float, int, FakeAlarm]] = []

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def call_later(self, delay: float, action: Callable[[], None]) -> FakeAlarm:
        alarm = FakeAlarm(self._monotonic + max(0.0, delay), action)
        heapq.heappush(self._alarms, (alarm.due, next(self._order), alarm))
        return alarm

    @property
    def pending(self) -> int:
        """How many alarms have neither rung nor been called off."""
        return sum(1 for _, _, alarm in self._alarms if alarm.action is not None)

    def next_alarm(self) -> float | None:
        """Seconds until the next alarm; ``None`` when there is none."""
        dues = [due for due, _, alarm in self._alarms if alarm.action is not None]
        return min(dues) - self._monotonic if dues else None

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass; an alarm sees the very time at which it is due."""
        assert seconds >= 0, "time never goes back; see set_wall"
        until = self._monotonic + seconds
        while self._alarms and self._alarms[0][0] <= until:
            due, _, alarm = heapq.heappop(self._alarms)
            self._pass(due - self._monotonic)
            action, alarm.action = alarm.action, None
            if action is not None:
                action()
        self._pass(until - self._monotonic)

    def set_wall(self, wall: float) -> None:
        """Set the wall clock, as an operator may; the monotonic one goes on."""
        self._wall = wall

    def _pass(self, seconds: float) -> None:
        if seconds > 0:
            self._wall += seconds
            self._monotonic += seconds
