"""Whether a place is told of what waits: the rules, one by one (XEP-0357)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.xmpp.push_decision import PAUSE, Occasion, What, decide


def test_the_first_occasion_is_told_at_once():
    verdict = decide(Occasion(), 1000.0, None)
    assert (verdict.what, verdict.why, verdict.again_in) == (What.SENT, "nobody looked", 0.0)


def test_while_somebody_looks_nothing_is_told_not_even_a_call():
    for important in (False, True):
        verdict = decide(Occasion("desk", important=important), 1000.0, None)
        assert (verdict.what, verdict.again_in) == (What.HELD_BACK, 0.0)
        assert "desk was active" in verdict.why


def test_what_is_muted_is_never_told():
    verdict = decide(Occasion(important=True, muted=True), 1000.0, None)
    assert verdict.what is What.HELD_BACK
    assert "muted" in verdict.why


@pytest.mark.parametrize(
    ("passed", "what"), [(0.0, What.COALESCED), (PAUSE - 0.5, What.COALESCED), (PAUSE, What.SENT)]
)
def test_one_in_a_while(passed: float, what: What):
    verdict = decide(Occasion(), 1000.0 + passed, 1000.0)
    assert verdict.what is what
    assert verdict.again_in == (PAUSE - passed if what is What.COALESCED else 0.0)


def test_what_cannot_wait_does_not():
    assert decide(Occasion(important=True), 1001.0, 1000.0).what is What.SENT


@settings(deadline=None)
@given(
    st.builds(Occasion, st.sampled_from(["", "desk"]), st.booleans(), st.booleans()),
    st.floats(0, 1e9),
    st.none() | st.floats(0, 1e9),
)
def test_every_verdict_says_why_and_what_is_coalesced_is_told_soon(
    occasion: Occasion, now: float, last: float | None
):
    verdict = decide(occasion, now, last)
    assert verdict.why
    assert (verdict.again_in > 0) == (verdict.what is What.COALESCED)
    if occasion.looked_at or occasion.muted:
        assert verdict.what is What.HELD_BACK
