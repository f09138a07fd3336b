"""What ``StreamRules`` limit: bytes of an element and in all, and time (RFC 6120 13.12)."""

import pytest

from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.names import SASL
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream_events import Phase, StreamRules
from fakes.stream_peer import DOMAIN, END, HEADER, PLAIN_PORT, Peer, auth, bind, logged_in

C = StreamCondition


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_one_element_before_log_in_may_have_10_kib(chunk: int):
    start, end = f"<auth xmlns='{SASL}' mechanism='X'>", "</auth>"
    room = PLAIN_PORT.early_stanza_bytes - len(start) - len(end)
    assert PLAIN_PORT.early_stanza_bytes == 10 * 1024
    peer = Peer(chunk=chunk)
    assert "<invalid-mechanism/>" in peer.say(HEADER, start, "x" * room, end)
    peer = Peer(chunk=chunk)
    peer.say(HEADER, start, "x" * (room + 1), end)
    assert peer.end is C.POLICY_VIOLATION


def test_an_element_without_end_is_not_waited_for():
    peer = Peer()
    peer.say(HEADER, "<auth a='", "x" * PLAIN_PORT.early_stanza_bytes)
    assert peer.end is C.POLICY_VIOLATION


@pytest.mark.parametrize("chunk", [7, 4096])
def test_all_before_log_in_may_have_256_kib(chunk: int):
    assert PLAIN_PORT.early_total_bytes == 256 * 1024
    room = PLAIN_PORT.early_total_bytes - len(HEADER)
    peer = Peer(chunk=chunk)
    peer.say(HEADER, " " * room)
    assert peer.stream.phase is Phase.SECURE_OR_AUTHENTICATE
    peer.say(" ")
    assert peer.end is C.POLICY_VIOLATION


def test_what_is_pipelined_above_the_limit_is_not_lost_in_silence():
    early = HEADER + auth() + HEADER + bind()
    fill = "<message/>" * (PLAIN_PORT.early_total_bytes // 10)
    peer = Peer(chunk=1 << 20)
    peer.say(early, fill)
    assert peer.end is C.POLICY_VIOLATION
    assert Peer(chunk=1 << 20).say(early, "<message/>") != ""


@pytest.mark.parametrize("chunk", [4095, 4096, 1 << 20])
def test_a_stanza_after_log_in_may_have_256_kib(chunk: int):
    assert PLAIN_PORT.stanza_bytes == 256 * 1024
    start, end = "<message><body>", "</body></message>"
    room = PLAIN_PORT.stanza_bytes - len(start) - len(end)
    peer = logged_in(chunk)
    for _ in range(3):  # and there is no limit on the sum
        peer.say(start, "x" * room, end)
        assert isinstance(peer.events[-1], Stanza)
    peer.say(start, "x" * (room + 1), end)
    assert peer.end is C.POLICY_VIOLATION


def test_limits_are_those_of_the_rules():
    rules = StreamRules(DOMAIN, starttls=False, without_tls=True, stanza_bytes=100)
    peer = logged_in(rules=rules)
    peer.say("<message>", "x" * 100, "</message>")
    assert peer.end is C.POLICY_VIOLATION


def test_who_takes_too_long_to_log_in_is_sent_away():
    peer = Peer()
    assert peer.stream.deadline() == PLAIN_PORT.negotiation_seconds == 60.0
    peer.say(HEADER, auth(), HEADER)
    peer.stream.wake(59.9)
    assert peer.told() == ""
    peer.stream.wake(60.0)
    assert "<connection-timeout " in peer.told()
    assert peer.end is C.CONNECTION_TIMEOUT
    assert peer.stream.deadline() is None


def test_after_binding_there_is_no_deadline():
    peer = logged_in()
    assert peer.stream.deadline() is None
    peer.stream.wake(1e9)
    assert peer.stream.phase is Phase.BOUND


def test_who_never_says_a_word_gets_a_whole_error():
    peer = Peer()
    peer.stream.wake(60.0)
    told = peer.told()
    assert told.startswith("<?xml version='1.0'?><stream:stream ")
    assert told.endswith(END)


@pytest.mark.parametrize(("above", "end"), [(0, None), (1, C.POLICY_VIOLATION)])
def test_the_header_is_limited_too(above: int, end: StreamCondition | None):
    tag = HEADER.partition("?>")[2]  # the declaration before it is no part of it
    room = PLAIN_PORT.early_stanza_bytes - len(tag) - len(" id=''")
    peer = Peer()
    peer.say(tag[:-1], f" id='{'x' * (room + above)}'>", END)
    assert peer.end is end


def test_what_comes_while_the_driver_has_the_word_is_limited_too():
    peer = Peer(answers=False)
    peer.say(HEADER, auth(), " " * PLAIN_PORT.early_total_bytes)
    assert peer.stream.phase is Phase.VERIFYING
    peer.stream.admit("ann")
    peer.pump()
    assert peer.end is C.POLICY_VIOLATION


def test_restarts_do_not_renew_the_total():
    peer = Peer()
    half = " " * (PLAIN_PORT.early_total_bytes // 2)
    peer.say(HEADER, half, auth(), HEADER)
    assert peer.stream.phase is Phase.BIND
    peer.say(half)
    assert peer.end is C.POLICY_VIOLATION
