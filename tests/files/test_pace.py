"""How slow an upload may be."""

from clarion.files.pace import GRACE_SECONDS, RATE_BPS, Pace


def test_nobody_is_too_slow_at_first():
    pace = Pace(100.0)
    assert pace.came(1, 100.0)
    assert pace.came(0, 100.0 + GRACE_SECONDS)


def test_who_sends_next_to_nothing_is_cut_off():
    pace = Pace(0.0)
    at = GRACE_SECONDS + 10.0
    assert not pace.came(int(9 * RATE_BPS), at)
    assert pace.came(int(RATE_BPS), at)
    assert not pace.came(0, at + 1.0)


def test_what_came_fast_counts_later():
    pace = Pace(0.0, rate_bps=10.0, grace=1.0)
    assert pace.came(1000, 0.5)
    assert pace.came(0, 101.0)
    assert not pace.came(0, 101.5)
