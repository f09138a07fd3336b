"""Crash points: armed by name and count, and otherwise nothing."""

import pytest

from clarion.lib.crashpoint import NAMES, VARIABLE, CrashPoints
from clarion.lib.errors import UsageError


def test_nothing_is_armed_in_ordinary_life():
    points = CrashPoints.from_environment({})
    for name in NAMES:
        points.reach(name)


@pytest.mark.parametrize("name", NAMES)
def test_an_armed_point_dies_at_the_nth_time_and_only_there(name: str):
    died: list[str] = []
    points = CrashPoints(name, 2, die=died.append)
    for other in NAMES:
        points.reach(other)
    assert died == []
    points.reach(name)
    assert died == [name]


@pytest.mark.parametrize("value", ["nowhere", "after-commit:x", "after-commit:0", "mid-batch:-1"])
def test_what_cannot_be_understood_is_refused(value: str):
    with pytest.raises(UsageError):
        CrashPoints.from_environment({VARIABLE: value})


@pytest.mark.parametrize("value", ["after-commit", "after-commit:3"])
def test_the_environment_arms(value: str):
    CrashPoints.from_environment({VARIABLE: value})
