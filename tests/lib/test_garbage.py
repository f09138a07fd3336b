"""The collector's settings, and that it comes again."""

import gc

from clarion.lib.garbage import TIDY_INTERVAL, YOUNG_OBJECTS, calm_garbage
from fakes.clock import FakeClock


class Knot:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.me = self


def test_the_young_are_looked_at_in_larger_lots_and_all_only_at_intervals():
    before = gc.get_threshold()
    with calm_garbage(FakeClock()):
        young, lots, whole = gc.get_threshold()
        assert young == YOUNG_OBJECTS
        assert min(lots, whole) > 10**6
    assert gc.get_threshold() == before


def test_what_lives_is_set_apart_and_comes_back_at_the_end():
    with calm_garbage(FakeClock()):
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_what_is_unreachable_is_freed_at_the_next_tidying():
    clock = FakeClock()
    with calm_garbage(clock):
        Knot()
        apart = gc.get_freeze_count()
        clock.advance(TIDY_INTERVAL)
        assert not any(type(each) is Knot for each in gc.get_objects())
        clock.advance(TIDY_INTERVAL)
        assert gc.get_freeze_count() >= apart


def test_it_stops():
    clock = FakeClock()
    with calm_garbage(clock) as garbage:
        pass
    Knot()
    clock.advance(2 * TIDY_INTERVAL)
    garbage.stop()
    assert gc.get_freeze_count() == 0
