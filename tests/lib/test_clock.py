"""The machine's clock, and the fake one that tests move by hand."""

import asyncio
import time

from clarion.lib.clock import SystemClock
from fakes.clock import FakeClock


async def test_the_machines_clock_tells_time_and_rings():
    clock = SystemClock()
    assert abs(clock.wall() - time.time()) < 1
    first = clock.monotonic()
    rang = asyncio.Event()
    clock.call_later(0, rang.set)
    await rang.wait()
    assert clock.monotonic() >= first


async def test_an_alarm_that_was_called_off_does_not_ring():
    clock, rang = SystemClock(), []
    alarm = clock.call_later(0, lambda: rang.append("off"))
    alarm.cancel()
    alarm.cancel()
    done = asyncio.Event()
    clock.call_later(0, done.set)
    await done.wait()
    assert rang == []


def test_the_fake_clock_rings_in_order_and_at_the_very_time():
    clock, rang = FakeClock(), []
    start = clock.monotonic()

    def ring() -> None:
        rang.append(clock.monotonic() - start)
        if len(rang) == 1:
            clock.call_later(1, ring)

    clock.call_later(2, ring)
    off = clock.call_later(1, ring)
    off.cancel()
    assert (clock.pending, clock.next_alarm()) == (1, 2)
    clock.advance(10)
    assert rang == [2, 3]
    assert clock.monotonic() - start == 10
    assert clock.next_alarm() is None


def test_setting_the_fake_wall_clock_leaves_the_monotonic_one_alone():
    clock = FakeClock()
    before = clock.monotonic()
    clock.set_wall(0)
    assert (clock.wall(), clock.monotonic()) == (0, before)
