import math
import resource
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.limits import OPEN_FILES_FALLBACK, Allowance, raise_open_files


class System:
    """Stands in for the kernel: limits, and the most that it grants."""

    def __init__(self, soft: float, hard: float, most: float = math.inf) -> None:
        self.soft, self.hard, self.most = soft, hard, most

    def getrlimit(self, which: int):
        assert which == resource.RLIMIT_NOFILE
        return self.soft, self.hard

    def setrlimit(self, which: int, limits: Any):
        if limits[0] > self.most:
            raise ValueError("not allowed")
        self.soft, self.hard = limits


Install = Callable[..., System]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch):
    def install(*limits: float):
        stand_in = System(*limits)
        monkeypatch.setattr(resource, "getrlimit", stand_in.getrlimit)
        monkeypatch.setattr(resource, "setrlimit", stand_in.setrlimit)
        return stand_in

    return install


def test_the_soft_limit_goes_up_to_the_hard_one(system: Install):
    kernel = system(1024, 65_536)
    assert raise_open_files() == 65_536
    assert (kernel.soft, kernel.hard) == (65_536, 65_536)


def test_nothing_to_raise(system: Install):
    kernel = system(65_536, 65_536)
    assert raise_open_files() == 65_536
    assert kernel.soft == 65_536


def test_an_unlimited_hard_limit_gets_a_finite_soft_one(system: Install):
    assert system(1024, resource.RLIM_INFINITY)
    assert raise_open_files() == 1_048_576


def test_a_system_that_grants_less_than_it_says(system: Install):
    kernel = system(256, resource.RLIM_INFINITY, OPEN_FILES_FALLBACK)
    assert raise_open_files() == OPEN_FILES_FALLBACK
    assert kernel.soft == OPEN_FILES_FALLBACK


def test_a_system_that_grants_nothing(system: Install):
    kernel = system(256, 4096, 256)
    assert raise_open_files() == 256
    assert kernel.soft == 256


def test_never_above_the_hard_limit_nor_below_the_soft_one(system: Install):
    system(20_000, 20_000, 100)
    assert raise_open_files() == 20_000
    system(resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert raise_open_files() == resource.RLIM_INFINITY


def test_the_real_system():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert raise_open_files() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_allowance_begins_full_and_comes_back():
    allowance = Allowance(rate=2, burst=3)
    assert [allowance.take(1, 100.0) for _ in range(4)] == [True, True, True, False]
    assert allowance.wait(1, 100.0) == 0.5
    assert not allowance.take(1, 100.4)
    assert allowance.take(1, 100.5)
    assert allowance.wait(1, 100.5) == 0.5


def test_it_saves_up_no_more_than_the_burst():
    allowance = Allowance(rate=10, burst=3)
    assert allowance.take(3, 0.0)
    assert allowance.wait(3, 1000.0) == 0
    assert not allowance.take(4, 1000.0)
    assert allowance.wait(4, 1000.0) == math.inf


def test_a_refusal_changes_nothing():
    allowance = Allowance(rate=1, burst=2)
    assert allowance.take(1, 0.0)
    assert not allowance.take(2, 0.0)
    assert allowance.take(1, 0.0)


def test_time_that_stands_or_goes_back_gives_nothing():
    allowance = Allowance(rate=1, burst=1)
    assert allowance.take(1, 10.0)
    assert not allowance.take(1, 9.0)
    assert not allowance.take(1, 10.5)
    assert allowance.take(1, 11.0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 10)), max_size=50))
def test_never_more_than_the_burst_and_the_rate(steps: list[tuple[float, float]]):
    allowance = Allowance(rate=2, burst=5)
    now = taken = 0.0
    for pause, wanted in steps:
        now += pause
        if allowance.take(wanted, now):
            taken += wanted
        assert taken <= 5 + 2 * now + 1e-6
