"""The arithmetic of XEP-0198 against models that count naively."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import PeerError, UnavailableError, UsageError
from clarion.wire.xmpp.acks import (
    MODULUS,
    REQUEST_EVERY,
    AckError,
    Inbound,
    Outbound,
    parse_handled,
)

WRAP = MODULUS - 3


def queue(*, limit_bytes: int = 10_000, limit_count: int = 1000, start: int = 0) -> Outbound[str]:
    return Outbound(limit_bytes=limit_bytes, limit_count=limit_count, start=start)


def test_stanzas_count_in_order_only():
    inbound = Inbound()
    first, second, third = (inbound.receive() for _ in range(3))
    inbound.settle(second)
    assert inbound.handled == 0
    inbound.settle(first)
    assert inbound.handled == 2
    inbound.settle(third)
    assert (inbound.handled, inbound.outstanding) == (3, 0)


def test_an_answer_waits_for_what_came_before_the_request_and_no_longer():
    inbound = Inbound()
    first, second = inbound.receive(), inbound.receive()
    inbound.request()
    third = inbound.receive()
    assert inbound.answer_due() is None
    inbound.settle(second)
    assert inbound.answer_due() is None
    inbound.settle(first)
    assert inbound.answer_due() == 2
    assert inbound.answer_due() is None
    inbound.settle(third)
    assert inbound.answer_due() is None


def test_a_request_with_nothing_open_is_answered_at_once_each_time():
    inbound = Inbound()
    for _ in range(3):
        inbound.request()
        assert inbound.answer_due() == 0


def test_a_held_stanza_delays_no_answer_and_is_not_counted():
    inbound = Inbound()
    first, second, third = (inbound.receive() for _ in range(3))
    inbound.request()
    inbound.settle(first)
    inbound.hold(second)
    assert inbound.answer_due() is None
    inbound.settle(third)
    assert inbound.answer_due() == 1
    inbound.request()
    assert inbound.answer_due() == 1
    inbound.settle(second)
    assert inbound.handled == 3
    inbound.request()
    assert inbound.answer_due() == 3


def test_a_ticket_is_settled_once():
    inbound = Inbound()
    first, second = inbound.receive(), inbound.receive()
    inbound.settle(second)
    for act, ticket in (
        (inbound.settle, second),
        (inbound.hold, second),
        (inbound.settle, 2),
        (inbound.hold, 2),
    ):
        with pytest.raises(UsageError):
            act(ticket)
    inbound.settle(first)
    for ticket in (first, second, 2):
        with pytest.raises(UsageError):
            inbound.settle(ticket)
        with pytest.raises(UsageError):
            inbound.hold(ticket)


@given(
    st.lists(st.tuples(st.sampled_from("rrsshq"), st.integers(0, 7)), max_size=60),
    st.sampled_from([0, WRAP]),
)
@settings(deadline=None)
def test_inbound_against_a_naive_model(acts: list[tuple[str, int]], start: int):
    inbound = Inbound(start)
    states: list[str] = []  # "open", "held" or "settled", one per stanza
    requests: list[int] = []
    for act, place in acts:
        unsettled = [i for i, state in enumerate(states) if state != "settled"]
        if act == "r":
            assert inbound.receive() == start + len(states)
            states.append("open")
        elif act == "q":
            inbound.request()
            requests.append(len(states))
        elif unsettled:
            chosen = unsettled[place % len(unsettled)]
            (inbound.settle if act == "s" else inbound.hold)(start + chosen)
            states[chosen] = "settled" if act == "s" else "held"
        leading = next((i for i, state in enumerate(states) if state != "settled"), len(states))
        clear = next((i for i, state in enumerate(states) if state == "open"), len(states))
        due = [request for request in requests if request <= clear]
        requests = [request for request in requests if request > clear]
        assert inbound.handled == (start + leading) % 2**32
        assert inbound.outstanding == len(states) - leading
        assert inbound.answer_due() == ((start + leading) % 2**32 if due else None)


def test_acknowledged_stanzas_give_their_tokens_back():
    outbound = queue()
    outbound.push(b"<a/>", "one")
    outbound.push(b"<b/>")
    outbound.push(b"<c/>", "three")
    assert outbound.acknowledge(2) == ["one"]
    assert outbound.unacknowledged() == [b"<c/>"]
    assert outbound.acknowledge(2) == []
    assert outbound.acknowledge(3) == ["three"]
    assert (len(outbound), outbound.size_bytes) == (0, 0)


@pytest.mark.parametrize("handled", [4, 0, -1, MODULUS, MODULUS + 2])
def test_more_than_was_sent_or_less_than_before_is_an_error(handled: int):
    outbound = queue()
    for _ in range(3):
        outbound.push(b"<a/>")
    outbound.acknowledge(1)
    with pytest.raises(AckError) as caught:
        outbound.acknowledge(handled)
    assert (caught.value.handled, caught.value.send_count) == (handled, 3)
    assert str(caught.value) == (
        f"You acknowledged {handled} stanzas, but I only sent you 3 so far."
    )
    assert isinstance(caught.value, PeerError)
    assert len(outbound) == 2


def test_the_counter_goes_from_its_end_to_zero():
    outbound = queue(start=WRAP)
    for token in "abcdef":
        outbound.push(b"<a/>", token)
    assert outbound.send_count == 3
    assert outbound.acknowledge(MODULUS - 1) == ["a", "b"]
    assert outbound.acknowledge(1) == ["c", "d"]
    with pytest.raises(AckError):
        outbound.acknowledge(4)


def test_the_queue_is_bounded_in_bytes_and_in_stanzas():
    for outbound in (queue(limit_bytes=8), queue(limit_count=2)):
        outbound.push(b"<a/>")
        assert not outbound.full
        outbound.push(b"<b/>")
        assert outbound.full
        with pytest.raises(UnavailableError):
            outbound.push(b"<c/>")
        assert outbound.unacknowledged() == [b"<a/>", b"<b/>"]
        outbound.acknowledge(1)
        assert not outbound.full


def test_a_request_is_due_when_the_last_one_is_answered_or_old():
    outbound = queue()
    assert not outbound.request_due
    outbound.push(b"<a/>")
    assert outbound.request_due
    outbound.requested()
    assert not outbound.request_due
    for _ in range(REQUEST_EVERY - 1):
        outbound.push(b"<a/>")
        assert not outbound.request_due
    outbound.push(b"<a/>")
    assert outbound.request_due
    outbound.requested()
    outbound.push(b"<a/>")
    outbound.acknowledge(11)
    assert outbound.request_due
    outbound.acknowledge(12)
    assert not outbound.request_due


def test_what_is_sent_again_after_resumption_is_asked_for_again():
    outbound = queue()
    for token in "abc":
        outbound.push(b"<a/>", token)
    outbound.requested()
    assert outbound.resume(1) == ["a"]
    assert len(outbound.unacknowledged()) == 2
    assert outbound.request_due


@given(
    st.lists(st.tuples(st.sampled_from("pppaar"), st.integers(0, 12)), max_size=60),
    st.sampled_from([0, WRAP]),
)
@settings(deadline=None)
def test_outbound_against_a_naive_model(acts: list[tuple[str, int]], start: int):
    outbound: Outbound[int] = Outbound(limit_bytes=200, limit_count=20, start=start)
    sent: list[bytes] = []
    done = 0
    for act, number in acts:
        if act == "p" and not outbound.full:
            outbound.push(b"x" * number, len(sent))
            sent.append(b"x" * number)
        elif act == "r":
            outbound.requested()
        elif act == "a":
            claimed = done + number
            if claimed > len(sent):
                with pytest.raises(AckError):
                    outbound.acknowledge((start + claimed) % 2**32)
            else:
                tokens = outbound.acknowledge((start + claimed) % 2**32)
                assert tokens == list(range(done, claimed))
                done = claimed
        assert outbound.unacknowledged() == sent[done:]
        assert outbound.size_bytes == sum(map(len, sent[done:]))
        assert outbound.send_count == (start + len(sent)) % 2**32
        assert outbound.full == (len(sent) - done >= 20 or outbound.size_bytes >= 200)


@pytest.mark.parametrize(
    "text", [None, "", "-1", "1.0", " 1", "+1", "\u0663", "x", str(MODULUS), "1" * 11]
)
def test_an_h_that_is_no_unsigned_int(text: str | None):
    with pytest.raises(PeerError, match="attribute h"):
        parse_handled(text)


def test_an_h_that_is_one():
    assert [parse_handled(text) for text in ("0", "007", str(MODULUS - 1))] == [0, 7, MODULUS - 1]


class Greeting:
    """A pattern."""

    def __len__(self) -> int:
        return 7

    def to(self, address: str) -> bytes:
        return f"<hi to='{address}'/>".encode()


def test_of_what_many_are_sent_only_the_pattern_is_kept():
    outbound, greeting = queue(), Greeting()
    outbound.push(b"<a/>")
    outbound.push(greeting)
    outbound.push(greeting, "seen")
    assert len(outbound) == 3
    assert outbound.size_bytes == 4 + 7 + 7
    assert outbound.unacknowledged("ann") == [b"<a/>", b"<hi to='ann'/>", b"<hi to='ann'/>"]
    assert outbound.untokened() == [b"<a/>"]
    assert outbound.acknowledge(3) == ["seen"]
    assert (len(outbound), outbound.size_bytes, outbound.unacknowledged()) == (0, 0, [])


def test_what_is_pushed_after_all_was_acknowledged():
    outbound = queue()
    for handled in (1, 2):
        outbound.push(b"<a/>", "a")
        assert outbound.acknowledge(handled) == ["a"]
        assert outbound.acknowledge(handled) == []
    assert outbound.send_count == 2
