"""XEP-0114, sections 3 and 4."""

import hashlib

import pytest

from clarion.wire.xmpp.component_stream import ComponentStream, Joined, Parted
from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.names import MESSAGE
from clarion.wire.xmpp.stanza import Stanza

DOMAIN = "gate.example"
SECRET = "quite a secret"
HEADER = (
    f"<stream:stream xmlns='jabber:component:accept' to='{DOMAIN}'"
    " xmlns:stream='http://etherx.jabber.org/streams'>"
)


def stream() -> ComponentStream:
    return ComponentStream({DOMAIN: SECRET}.get, token=lambda: "id1", now=0.0)


def handshake(secret: str = SECRET) -> bytes:
    digest = hashlib.sha1(b"id1" + secret.encode()).hexdigest()
    return f"<handshake>{digest}</handshake>".encode()


def joined() -> ComponentStream:
    one = stream()
    one.receive(HEADER.encode(), 0.0)
    assert b" id='id1'>" in one.outbox()
    one.receive(handshake(), 0.0)
    assert one.outbox() == b"<handshake/>"
    assert one.events() == [Joined(DOMAIN)]
    return one


def ended(one: ComponentStream) -> StreamCondition | None:
    parted = one.events()[-1]
    assert isinstance(parted, Parted)
    return None if parted.error is None else parted.error.condition


@pytest.mark.parametrize("chunk", [1, 1000])
def test_a_component_joins_and_speaks(chunk: int):
    one = stream()
    message = f"<message from='bot@{DOMAIN}' to='ann@corp.example'><body>x</body></message>"
    for data in (HEADER.encode(), handshake() + message.encode() + b"</stream:stream>"):
        for start in range(0, len(data), chunk):
            one.receive(data[start : start + chunk], 0.0)
    events = one.events()
    assert [type(event) for event in events] == [Joined, Stanza, Parted]
    assert isinstance(events[1], Stanza)
    assert events[1].tag == MESSAGE
    assert one.outbox().endswith(b"</stream:stream>")


@pytest.mark.parametrize(
    "wrong", [handshake("another"), b"<handshake/>", b"<handshake>" + b"0" * 40 + b"</handshake>"]
)
def test_a_wrong_handshake_is_refused(wrong: bytes):
    one = stream()
    one.receive(HEADER.encode() + wrong, 0.0)
    assert ended(one) is StreamCondition.NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("header", "condition"),
    [
        (HEADER.replace(DOMAIN, "other.example"), StreamCondition.HOST_UNKNOWN),
        (HEADER.replace(":component:accept", ":client"), StreamCondition.INVALID_NAMESPACE),
    ],
)
def test_headers_that_are_refused(header: str, condition: StreamCondition):
    one = stream()
    one.receive(header.encode(), 0.0)
    assert ended(one) is condition
    assert one.outbox().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("stanza", "condition"),
    [
        ("<message from='x@corp.example' to='a@b.c'/>", StreamCondition.INVALID_FROM),
        (f"<message from='x@a.{DOMAIN}' to='a@b.c'/>", StreamCondition.INVALID_FROM),
        (f"<message from='{DOMAIN}'/>", StreamCondition.IMPROPER_ADDRESSING),
        ("<handshake/>", StreamCondition.UNSUPPORTED_STANZA_TYPE),
    ],
)
def test_what_a_component_may_not_say(stanza: str, condition: StreamCondition):
    one = joined()
    one.receive(stanza.encode(), 0.0)
    assert ended(one) is condition


def test_stanzas_before_the_handshake_end_the_stream():
    one = stream()
    one.receive(f"{HEADER}<message from='{DOMAIN}' to='a@b.c'/>".encode(), 0.0)
    assert ended(one) is StreamCondition.NOT_AUTHORIZED


def test_who_takes_too_long_or_says_too_much_is_cut_off():
    slow, loud = stream(), stream()
    slow.wake(60.0)
    assert ended(slow) is StreamCondition.CONNECTION_TIMEOUT
    loud.receive(b"<" + b"x" * 20_000, 0.0)
    assert ended(loud) is StreamCondition.POLICY_VIOLATION
