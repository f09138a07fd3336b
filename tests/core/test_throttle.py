"""Failed log-ins get slower, nobody is locked out by others, and memory is bounded."""

import pytest
from structlog.testing import capture_logs

from clarion.core import throttle as throttle_module
from clarion.core.throttle import (
    FAILURES_KEPT,
    FORGET_AFTER,
    HOLD_LIMIT,
    NETWORK_PARALLEL,
    PAUSE_FIRST,
    PAUSE_LIMIT,
    PERSON_PARALLEL,
    Throttle,
    network_of,
)
from clarion.lib.errors import UnavailableError

ANN = "ann@corp.example"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
NOW = 1000.0


def fail(throttle: Throttle, times: int, now: float = NOW, person: str = ANN, net: str = HOME):
    for _ in range(times):
        throttle.failed(person, net, now)


def test_the_first_failures_cost_nothing():
    throttle = Throttle(person_failures=3)
    for _ in range(3):
        assert throttle.wait(ANN, HOME, NOW) == 0
        throttle.failed(ANN, HOME, NOW)
    assert throttle.wait(ANN, HOME, NOW) == PAUSE_FIRST


def test_the_wait_doubles_up_to_its_limit():
    throttle = Throttle(person_failures=1, network_failures=100)
    fail(throttle, 1)
    now, waits = NOW, []
    for _ in range(8):
        wait = throttle.wait(ANN, HOME, now)
        waits.append(wait)
        now += wait
        throttle.failed(ANN, HOME, now)
    assert waits == [1, 2, 4, 8, 16, PAUSE_LIMIT, PAUSE_LIMIT, PAUSE_LIMIT]


def test_attempts_at_once_queue_behind_each_other_and_then_are_refused():
    throttle = Throttle(person_failures=1, network_failures=100)
    fail(throttle, 1)
    assert [throttle.wait(ANN, HOME, NOW) for _ in range(4)] == [1, 3, 7, 15]
    with pytest.raises(UnavailableError, match="try again in a minute"):
        throttle.wait(ANN, HOME, NOW)


def test_a_burst_before_the_first_failure_gains_only_its_allowance():
    throttle = Throttle(person_failures=5, network_failures=1000)
    waits = [throttle.wait(ANN, HOME, NOW) for _ in range(PERSON_PARALLEL + 8)]
    assert waits[: PERSON_PARALLEL + 5] == [0] * (PERSON_PARALLEL + 5)
    assert waits[PERSON_PARALLEL + 5 :] == [1, 3, 7]


def test_a_refused_attempt_leaves_no_trace():
    throttle = Throttle(person_failures=1, network_failures=1000)
    fail(throttle, 10)
    assert throttle.wait(ANN, HOME, NOW) == HOLD_LIMIT
    for _ in range(100):
        with pytest.raises(UnavailableError):
            throttle.wait(ANN, HOME, NOW)
    assert throttle.wait(ANN, HOME, NOW + PAUSE_LIMIT) == HOLD_LIMIT


def test_many_names_from_one_network_are_slowed_by_the_network():
    throttle = Throttle(person_failures=5, network_failures=10)
    for number in range(10):
        fail(throttle, 1, person=f"p{number}@corp.example")
    assert throttle.wait("fresh@corp.example", HOME, NOW) > 0
    assert throttle.wait("fresh@corp.example", ELSEWHERE, NOW) == 0


def test_one_name_from_many_networks_is_slowed_by_the_name():
    throttle = Throttle(person_failures=5)
    for number in range(5):
        fail(throttle, 1, net=f"203.0.113.{number}")
    assert throttle.wait(ANN, ELSEWHERE, NOW) > 0


def test_where_ann_logged_in_before_she_is_not_held_back_by_guessers():
    throttle = Throttle(person_failures=3)
    throttle.wait(ANN, HOME, NOW)
    throttle.succeeded(ANN, HOME, NOW)
    fail(throttle, 3, net=ELSEWHERE)
    assert throttle.wait(ANN, ELSEWHERE, NOW) > 0
    assert throttle.wait(ANN, HOME, NOW) == 0


def test_where_ann_logged_in_before_guessing_is_slowed_too():
    throttle = Throttle(person_failures=3)
    throttle.wait(ANN, HOME, NOW)
    throttle.succeeded(ANN, HOME, NOW)
    for _ in range(3):
        assert throttle.wait(ANN, HOME, NOW) == 0
        throttle.failed(ANN, HOME, NOW)
    assert throttle.wait(ANN, HOME, NOW) > 0
    # Mistakes made there say nothing against her elsewhere.
    assert throttle.wait(ANN, ELSEWHERE, NOW) == 0


def test_a_success_forgives_no_guesses():
    throttle = Throttle(person_failures=3, network_failures=6)
    fail(throttle, 6, person="bob@corp.example")
    throttle.wait("mallory@corp.example", HOME, NOW)
    throttle.succeeded("mallory@corp.example", HOME, NOW)
    assert throttle.wait("cai@corp.example", HOME, NOW) > 0
    fail(throttle, 3, net=ELSEWHERE)
    throttle.succeeded(ANN, "203.0.113.9", NOW)
    assert throttle.wait(ANN, ELSEWHERE, NOW) > 0


def test_a_slow_network_does_not_slow_the_name_elsewhere():
    throttle = Throttle(network_failures=1)
    fail(throttle, 6, person="bob@corp.example")
    assert throttle.wait(ANN, HOME, NOW) == PAUSE_LIMIT
    assert throttle.wait(ANN, ELSEWHERE, NOW) == 0


def test_an_office_that_comes_back_after_a_restart_is_let_in_at_once():
    throttle = Throttle()
    people = [f"p{number}@corp.example" for number in range(NETWORK_PARALLEL)]
    assert all(throttle.wait(person, HOME, NOW) == 0 for person in people)
    for person in people:
        throttle.succeeded(person, HOME, NOW)
    assert throttle.wait("late@corp.example", HOME, NOW) == 0


def test_an_attempt_that_began_before_its_network_was_known_is_settled_where_it_began():
    throttle = Throttle(person_failures=1, network_failures=1)
    for _ in range(PERSON_PARALLEL):
        throttle.wait(ANN, HOME, NOW)
    for _ in range(PERSON_PARALLEL):
        throttle.succeeded(ANN, HOME, NOW)
    assert all(trail.pending == 0 for trail in throttle._trails.values())


def test_abandoned_attempts_cost_nothing():
    throttle = Throttle(person_failures=2)
    for _ in range(100):
        assert throttle.wait(ANN, HOME, NOW) == 0
        throttle.abandoned(ANN, HOME, NOW)


@pytest.mark.parametrize(("later", "slowed"), [(99, True), (200, False)])
def test_failures_are_forgiven_over_time(later: float, slowed: bool):
    throttle = Throttle(person_failures=5, forgive_time=500, network_failures=100)
    fail(throttle, 5)
    fail(throttle, 1, now=NOW + later)
    assert (throttle.wait(ANN, HOME, NOW + later) > 0) is slowed


def test_no_more_failures_are_remembered_than_its_limit():
    throttle = Throttle(person_failures=5, forgive_time=500, network_failures=10_000)
    fail(throttle, 200)
    now = NOW + (FAILURES_KEPT + 2) * 100
    fail(throttle, 1, now=now)
    assert throttle.wait(ANN, HOME, now) == 0


def test_an_attempt_that_is_never_settled_is_forgotten():
    throttle = Throttle(person_failures=1)
    for _ in range(PERSON_PARALLEL + 1):
        throttle.wait(ANN, HOME, NOW)
    assert throttle.wait(ANN, HOME, NOW + FORGET_AFTER) == 0
    assert [trail.pending for trail in throttle._trails.values()] == [1, 1]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(throttle_module, "TRAIL_LIMIT", 50)
    monkeypatch.setattr(throttle_module, "KNOWN_LIMIT", 20)
    throttle = Throttle()
    for number in range(200):
        person = f"{'x' * 1000}{number}@corp.example"
        throttle.wait(person, f"net{number}", NOW)
        throttle.succeeded(person, f"net{number}", NOW)
    assert len(throttle._trails) == 50
    assert len(throttle._known) == 20
    assert {len(key) for key in throttle._trails} == {16}


def test_the_log_is_bounded_and_says_what_it_left_out():
    throttle = Throttle(log_lines=3)
    with capture_logs() as lines:
        for _ in range(10):
            throttle.failed(ANN, HOME, NOW)
        throttle.failed(ANN, HOME, NOW + 2)
    failures = [line for line in lines if line["event"] == "log-in failed"]
    assert len(failures) == 4
    assert failures[0]["person"] == ANN
    assert failures[0]["network"] == HOME
    assert any("7" in str(line) for line in lines)


def test_failures_that_slow_the_next_attempt_and_refusals_are_told():
    told: list[tuple[str, str]] = []
    throttle = Throttle(3, 100, slowed=lambda person, network: told.append((person, network)))
    fail(throttle, 2)
    assert told == []
    fail(throttle, 1)
    assert told == [(ANN, HOME)]
    with pytest.raises(UnavailableError):
        for _ in range(10):
            throttle.wait(ANN, ELSEWHERE, NOW)
    assert told == [(ANN, HOME), (ANN, ELSEWHERE)]


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("local", "local"),
    ],
)
def test_a_network_is_an_address_or_a_64(host: str, network: str):
    assert network_of(host) == network
