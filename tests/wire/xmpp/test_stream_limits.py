"""XEP-0478: the limits that are told are those that hold."""

from dataclasses import replace

import pytest

from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.stream_events import Closed, Phase
from clarion.wire.xmpp.stream_header import LIMITS
from fakes.stream_peer import (
    DIRECT_PORT,
    HEADER,
    PLAIN_PORT,
    STARTTLS,
    STARTTLS_PORT,
    Peer,
    auth,
    bind,
)

EARLY = f"<limits xmlns='{LIMITS}'><max-bytes>10240</max-bytes></limits>"
RULES = replace(PLAIN_PORT, early_stanza_bytes=500, stanza_bytes=1000, idle_seconds=300)


def test_the_limits_before_log_in():
    assert EARLY in Peer().say(HEADER)
    assert EARLY in Peer(DIRECT_PORT, secure=True).say(HEADER)


def test_where_tls_must_come_first_nothing_stands_beside_it():
    peer = Peer(STARTTLS_PORT)
    assert "limits" not in peer.say(HEADER)
    peer.say(STARTTLS)
    assert EARLY in peer.say(HEADER)


def test_the_limits_after_log_in():
    told = Peer(RULES).say(HEADER, auth(), HEADER)
    assert f"<limits xmlns='{LIMITS}'><max-bytes>500</max-bytes></limits>" in told
    assert told.endswith(
        f"<limits xmlns='{LIMITS}'><max-bytes>1000</max-bytes>"
        "<idle-seconds>300</idle-seconds></limits></stream:features>"
    )


def message(size_bytes: int) -> str:
    empty = "<message to='bob@corp.example'><body></body></message>"
    return empty.replace("></body>", f">{'x' * (size_bytes - len(empty))}</body>")


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_a_stanza_of_exactly_the_limit_is_taken_and_a_larger_one_is_not(chunk: int):
    peer = Peer(RULES, chunk=chunk)
    peer.say(HEADER, auth(), HEADER, bind())
    peer.say(message(1000))
    assert peer.stream.phase is Phase.BOUND
    peer.say(message(1001))
    closed = peer.events[-1]
    assert isinstance(closed, Closed)
    assert closed.error is not None
    assert closed.error.condition is StreamCondition.POLICY_VIOLATION


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_before_log_in_too(chunk: int):
    lawful = auth().replace("mechanism=", f"{' ' * (500 - len(auth()))}mechanism=")
    assert len(lawful) == 500
    peer = Peer(RULES, chunk=chunk)
    assert "<success" in peer.say(HEADER, lawful)
    other = Peer(RULES, chunk=chunk)
    assert "<policy-violation" in other.say(HEADER, lawful.replace(" mechanism", "  mechanism"))
