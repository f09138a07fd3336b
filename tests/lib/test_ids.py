"""Item ids: above each other in order of minting, unlike each other, and found by time."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clarion.lib.ids import (
    FIRST,
    LAST,
    SIZE_BYTES,
    ItemId,
    Mint,
    before,
    earliest,
    milliseconds,
    seconds,
)

NOW = 1_750_000_000.0
walls = st.floats(min_value=0, max_value=2**47 / 1000, allow_nan=False)
numbers = st.integers(0, 2**128 - 1)


@given(st.lists(walls, min_size=1, max_size=50))
def test_ids_rise_however_the_clock_goes(times: list[float]):
    clock = iter(times)
    mint = Mint(7, lambda: next(clock))
    items = [mint.item() for _ in times]
    assert items == sorted(set(items))
    assert all(len(item) == SIZE_BYTES for item in items)


def test_ids_within_one_millisecond_rise_and_differ():
    mint = Mint(1, lambda: NOW)
    items = [mint.item() for _ in range(70_000)]  # more than the counter of a millisecond holds
    assert all(a < b for a, b in pairwise(items))
    assert milliseconds(items[0]) == 1000 * NOW
    assert milliseconds(items[-1]) == 1000 * NOW + 1  # borrowed from the next one


def test_two_nodes_and_two_lives_of_a_node_mint_no_id_twice():
    mints = [Mint(node, lambda: NOW) for node in (1, 1, 2)]
    items = [mint.item() for mint in mints for _ in range(2000)]
    assert len(set(items)) == len(items)


def test_a_new_life_goes_on_above_what_is_known_though_the_clock_was_set_back():
    newest = Mint(1, lambda: NOW).item()
    assert Mint(1, lambda: NOW - 86_400, newest).item() > newest


def test_a_clock_before_1970_does_not_stop_the_mint():
    mint = Mint(1, lambda: -5.0)
    assert FIRST < mint.item() < mint.item()


@given(walls)
def test_what_is_minted_at_a_moment_is_not_below_the_earliest_of_it(at: float):
    item = Mint(0, lambda: at).item()
    assert earliest(at) <= item
    assert before(earliest(at)) < item
    assert math.isclose(seconds(item), at, abs_tol=0.001)


@given(st.integers(0, 2**47 - 1))
def test_whole_milliseconds_are_exact(millisecond: int):
    assert milliseconds(earliest(millisecond / 1000)) == millisecond


@given(numbers)
def test_before_is_the_next_one_below(number: int):
    item = ItemId(number.to_bytes(SIZE_BYTES, "big"))
    assert int.from_bytes(before(item), "big") == max(0, number - 1)


def test_the_ends():
    assert before(FIRST) == FIRST
    assert FIRST < Mint(65_535, lambda: NOW).item() < LAST
    assert earliest(-1.0) == FIRST
