from hypothesis import given
from hypothesis import strategies as st

from clarion.lib.histogram import Histogram


def test_a_value_on_a_bound_belongs_to_it():
    seen = Histogram((1, 2))
    for value in (0, 1, 1.5, 2, 3):
        seen.observe(value)
    assert seen.buckets() == ([("1.0", 2), ("2.0", 4), ("+Inf", 5)], 7.5)
    assert seen.count == 5


@given(st.lists(st.floats(0, 100)))
def test_every_value_is_in_one_bucket(values: list[float]):
    seen = Histogram((1, 5, 25))
    for value in values:
        seen.observe(value)
    buckets, _ = seen.buckets()
    assert [count for _, count in buckets] == [
        sum(value <= bound for value in values) for bound in (1, 5, 25, 1000)
    ]
