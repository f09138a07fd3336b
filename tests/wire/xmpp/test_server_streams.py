"""Both ends of a stream between servers (RFC 6120, XEP-0178, XEP-0220), against each other."""

import base64

import pytest

from clarion.wire.xmpp.dialback import Dialback
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.names import BODY, MESSAGE
from clarion.wire.xmpp.server_events import (
    DialbackTold,
    DialbackWanted,
    PeerClosed,
    PeerProven,
)
from clarion.wire.xmpp.server_incoming import (
    ASKED_LIMIT,
    FAILURES_LIMIT,
    PAIRS_LIMIT,
    IncomingStream,
)
from clarion.wire.xmpp.server_outgoing import OutgoingStream
from clarion.wire.xmpp.stanza import Stanza
from fakes.servers import A, B, Street, rules

HEADER = (
    f"<?xml version='1.0'?><stream:stream xmlns='jabber:server' from='{A}' to='{B}'"
    " xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'"
    " version='1.0'>"
)
MESSAGE_BYTES = f"<message from='ann@{A}/x' to='bob@{B}'><body>hi</body></message>".encode()


def ended(events: list[object]) -> StreamCondition | None:
    closed = [event for event in events if isinstance(event, PeerClosed)]
    assert len(closed) == 1
    return None if closed[0].error is None else closed[0].error.condition


def incoming(**more: object) -> IncomingStream:
    return IncomingStream(rules(B), token=lambda: "s1", now=0.0, **more)  # type: ignore[arg-type]


def proven(*certified: str) -> IncomingStream:
    """A stream that alpha has proven by its certificate."""
    stream = incoming(secure=True, certifies=lambda domain: domain in {A, *certified})
    name = base64.b64encode(A.encode()).decode()
    sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
    stream.receive(HEADER.encode(), 0.0)
    stream.receive(f"<auth xmlns='{sasl}' mechanism='EXTERNAL'>{name}</auth>".encode(), 0.0)
    stream.receive(HEADER.encode(), 0.0)
    assert [type(event) for event in stream.events()] == [PeerProven]
    stream.outbox()
    return stream


@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_a_certificate_proves_a_domain(chunk: int):
    street = Street(certified=A, chunk=chunk)
    street.flow()
    assert street.sent == [PeerProven(A, B, "certificate")]
    assert street.came == [PeerProven(A, B, "certificate")]
    street.out.send(MESSAGE_BYTES)
    street.flow()
    stanza = street.came[-1]
    assert isinstance(stanza, Stanza)
    assert (stanza.tag, stanza.children, stanza.raw) == (MESSAGE, (BODY,), MESSAGE_BYTES)


@pytest.mark.parametrize("chunk", [0, 1])
def test_dialback_proves_a_domain(chunk: int):
    street = Street(chunk=chunk)
    street.flow()
    assert street.sent == []
    (wanted,) = street.came
    assert isinstance(wanted, DialbackWanted)
    # Beta asks alpha over a stream of its own; both ends are whole servers there as well.
    back = Street(alpha=rules(B), beta=rules(A))
    back.out = OutgoingStream(rules(B), B, A, now=0.0)
    back.into = IncomingStream(rules(A), token=lambda: "back", now=0.0)
    back.out.verify(wanted.asked)
    back.flow()
    (told,) = [event for event in back.sent if isinstance(event, DialbackTold)]
    assert told.told == Dialback(A, B, wanted.asked.stream, "valid")
    street.into.verified(wanted.asked, valid=told.told.kind == "valid")
    street.flow()
    assert street.sent == [PeerProven(A, B, "dialback")]
    assert street.came[1:] == [PeerProven(A, B, "dialback")]
    street.out.send(MESSAGE_BYTES)
    street.flow()
    assert isinstance(street.came[-1], Stanza)


def test_a_wrong_key_is_told_and_the_stream_ends():
    street = Street()
    street.flow()
    (wanted,) = street.came
    assert isinstance(wanted, DialbackWanted)
    street.into.verified(wanted.asked, valid=False)
    street.flow()
    assert street.out.closed
    assert street.into.closed
    assert b"type='invalid'" in b"".join(street.wires)


def test_a_key_that_nobody_could_check_is_an_error_and_the_stream_stays():
    street = Street()
    street.flow()
    (wanted,) = street.came
    assert isinstance(wanted, DialbackWanted)
    error = StanzaError(StanzaCondition.REMOTE_SERVER_NOT_FOUND)
    street.into.verified(wanted.asked, valid=False, error=error)
    assert not street.into.closed
    street.flow()
    assert ended(list(street.sent)) is StreamCondition.NOT_AUTHORIZED


def test_somebody_elses_key_is_invalid():
    stream = incoming(secure=True)
    stream.receive(HEADER.encode(), 0.0)
    stream.outbox()
    stream.receive(f"<db:verify from='{A}' to='{B}' id='x'>abc</db:verify>".encode(), 0.0)
    assert stream.outbox() == f"<db:verify from='{B}' to='{A}' id='x' type='invalid'/>".encode()
    stream.receive(b"<db:verify from='a.b' to='c.d' id='x'>abc</db:verify>", 0.0)
    assert b"<item-not-found " in stream.outbox()


def test_nothing_but_tls_is_offered_or_taken_in_the_clear():
    stream = incoming()
    stream.receive(HEADER.encode(), 0.0)
    said = stream.outbox()
    assert b"<starttls " in said
    assert b"dialback'><errors" not in said
    stream.receive(f"<db:result from='{A}' to='{B}'>abc</db:result>".encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.POLICY_VIOLATION


def test_what_comes_behind_starttls_in_the_clear_ends_the_stream():
    stream = incoming()
    tls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    stream.receive((HEADER + tls + HEADER).encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.POLICY_VIOLATION


def test_a_server_without_tls_is_not_talked_to():
    stream = OutgoingStream(rules(A), A, B, now=0.0)
    stream.receive((HEADER + "<stream:features/>").encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.POLICY_VIOLATION


def test_what_comes_behind_proceed_in_the_clear_ends_the_stream():
    stream = OutgoingStream(rules(A), A, B, now=0.0)
    tls = "urn:ietf:params:xml:ns:xmpp-tls"
    features = f"<stream:features><starttls xmlns='{tls}'/></stream:features>"
    stream.receive((HEADER + features).encode(), 0.0)
    stream.receive(f"<proceed xmlns='{tls}'/><stream:features/>".encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.POLICY_VIOLATION


@pytest.mark.parametrize(
    ("header", "condition"),
    [
        (HEADER.replace(f" to='{B}'", ""), StreamCondition.IMPROPER_ADDRESSING),
        (HEADER.replace(B, "gamma.example"), StreamCondition.HOST_UNKNOWN),
        (HEADER.replace("jabber:server'", "jabber:client'"), StreamCondition.INVALID_NAMESPACE),
        (HEADER.replace(" version='1.0'>", ">"), StreamCondition.UNSUPPORTED_VERSION),
        (HEADER.replace("stream:stream", "stream:flow"), StreamCondition.INVALID_NAMESPACE),
        (HEADER.replace("xmlns:db", "xmlns:dx"), StreamCondition.BAD_NAMESPACE_PREFIX),
        (HEADER.replace(A, B), StreamCondition.POLICY_VIOLATION),
    ],
)
def test_headers_that_are_refused(header: str, condition: StreamCondition):
    stream = incoming()
    stream.receive(header.encode(), 0.0)
    assert ended(list(stream.events())) is condition
    assert condition.value.encode() in stream.outbox()


def test_a_domain_that_is_denied_may_not_even_ask():
    denied = IncomingStream(rules(B, denied=A), token=lambda: "s", now=0.0, secure=True)
    denied.receive(HEADER.encode(), 0.0)
    assert ended(list(denied.events())) is StreamCondition.POLICY_VIOLATION
    nameless = IncomingStream(rules(B, denied=A), token=lambda: "s", now=0.0, secure=True)
    nameless.receive(HEADER.replace(f" from='{A}'", "").encode(), 0.0)
    nameless.outbox()
    nameless.receive(f"<db:result from='{A}' to='{B}'>abc</db:result>".encode(), 0.0)
    assert b"<not-allowed " in nameless.outbox()
    assert nameless.events() == []


@pytest.mark.parametrize(
    ("sender", "to", "condition"),
    [
        ("bob@gamma.example", f"bob@{B}", StreamCondition.INVALID_FROM),
        (f"x@{A}.evil.example", f"bob@{B}", StreamCondition.INVALID_FROM),
        (f"{A}@evil.example", f"bob@{B}", StreamCondition.INVALID_FROM),
        (f"evil.example/@{A}", f"bob@{B}", StreamCondition.INVALID_FROM),
        (f"ann@{A}", "bob@gamma.example", StreamCondition.HOST_UNKNOWN),
        ("", f"bob@{B}", StreamCondition.IMPROPER_ADDRESSING),
        (f"ann@{A}", "", StreamCondition.IMPROPER_ADDRESSING),
    ],
)
def test_nobody_speaks_for_others(sender: str, to: str, condition: StreamCondition):
    stream = proven()
    stream.receive(f"<message from='{sender}' to='{to}'/>".encode(), 0.0)
    assert ended(list(stream.events())) is condition


def test_stanzas_before_the_proof_end_the_stream():
    stream = incoming(secure=True)
    stream.receive(HEADER.encode() + MESSAGE_BYTES, 0.0)
    assert ended(list(stream.events())) is StreamCondition.NOT_AUTHORIZED


def test_a_certificate_of_somebody_else_proves_nothing():
    stream = incoming(secure=True, certifies=lambda domain: domain == "mallory.example")
    stream.receive(HEADER.encode(), 0.0)
    assert b"EXTERNAL" not in stream.outbox()
    auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>"
    for _ in range(FAILURES_LIMIT - 1):
        stream.receive(auth.encode(), 0.0)
        assert b"<not-authorized/>" in stream.outbox()
    stream.receive(auth.encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.POLICY_VIOLATION


@pytest.mark.parametrize(
    ("mechanism", "initial", "failure"),
    [("PLAIN", "=", b"invalid-mechanism"), ("EXTERNAL", "*", b"incorrect-encoding")],
)
def test_log_ins_that_are_none(mechanism: str, initial: str, failure: bytes):
    stream = incoming(secure=True, certifies=lambda domain: True)
    stream.receive(HEADER.encode(), 0.0)
    stream.outbox()
    sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
    auth = f"<auth xmlns='{sasl}' mechanism='{mechanism}'>{initial}</auth>"
    stream.receive(auth.encode(), 0.0)
    assert failure in stream.outbox()


def test_a_second_domain_is_proven_on_the_same_stream():
    stream = proven()
    stream.receive(f"<db:result from='gamma.example' to='{B}'>abc</db:result>".encode(), 0.0)
    (wanted,) = stream.events()
    assert isinstance(wanted, DialbackWanted)
    stream.receive(MESSAGE_BYTES, 0.0)
    assert len(stream.events()) == 1
    stream.verified(wanted.asked, valid=True)
    stream.receive(f"<message from='x@gamma.example' to='bob@{B}'/>".encode(), 0.0)
    assert [type(event) for event in stream.events()] == [PeerProven, Stanza]


def test_only_so_many_questions_are_under_way():
    stream = proven()
    for number in range(ASKED_LIMIT + 1):
        stream.receive(f"<db:result from='d{number}.example' to='{B}'>a</db:result>".encode(), 0.0)
    assert len(stream.events()) == ASKED_LIMIT
    assert b"<resource-constraint " in stream.outbox()


def test_only_so_many_domains_are_proven_on_one_stream():
    stream = proven()
    for number in range(PAIRS_LIMIT):
        stream.receive(f"<db:result from='d{number}.example' to='{B}'>a</db:result>".encode(), 0.0)
        for event in stream.events():
            if isinstance(event, DialbackWanted):
                stream.verified(event.asked, valid=True)
    said = stream.outbox()
    assert said.count(b"type='valid'") == PAIRS_LIMIT - 1  # the first pair is alpha's own
    assert said.count(b"<resource-constraint ") == 1


def test_a_stanza_that_leans_on_the_prefix_of_dialback_is_refused():
    stream = proven()
    stream.receive(f"<message from='ann@{A}' to='bob@{B}'><db:x/></message>".encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.BAD_NAMESPACE_PREFIX


def test_who_takes_too_long_is_cut_off():
    stream = incoming()
    deadline = stream.deadline()
    assert deadline == 60.0
    stream.wake(deadline)
    assert ended(list(stream.events())) is StreamCondition.CONNECTION_TIMEOUT
    assert proven().deadline() is None


def test_strangers_have_small_stanzas():
    small = rules(B, early_stanza=1000)
    stream = IncomingStream(small, token=lambda: "s", now=0.0, secure=True)
    stream.receive(HEADER.encode() + b"<a " + b"x" * 1000, 0.0)
    assert ended(list(stream.events())) is StreamCondition.POLICY_VIOLATION


def test_answers_that_nobody_asked_for_prove_nothing():
    """XEP-0220 section 3.1; and XEP-0288's unsolicited dialback."""
    stream = OutgoingStream(rules(A), A, B, now=0.0, secure=True)
    features = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
    stream.receive(HEADER.encode(), 0.0)
    stream.receive(f"<db:result from='{B}' to='{A}' type='valid'/>".encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.BAD_FORMAT
    other = OutgoingStream(rules(A), A, B, now=0.0, secure=True)
    other.receive((HEADER + features).encode(), 0.0)
    other.receive(f"<db:result from='gamma.example' to='{A}' type='valid'/>".encode(), 0.0)
    assert ended(list(other.events())) is StreamCondition.INVALID_FROM


def test_an_error_about_a_key_may_name_its_namespace():
    stream = OutgoingStream(rules(A), A, B, now=0.0, secure=True)
    features = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>"
    error = "<error xmlns='jabber:server' type='cancel'/>"
    stream.receive((HEADER + features).encode(), 0.0)
    stream.receive(f"<db:result from='{B}' to='{A}' type='error'>{error}</db:result>".encode(), 0.0)
    assert ended(list(stream.events())) is StreamCondition.NOT_AUTHORIZED


def test_the_other_sides_error_is_told_and_not_answered_with_one():
    stream = OutgoingStream(rules(A), A, B, now=0.0)
    error = StreamError(StreamCondition.HOST_UNKNOWN).to_bytes()
    stream.outbox()
    stream.receive(HEADER.encode() + error, 0.0)
    assert ended(list(stream.events())) is StreamCondition.HOST_UNKNOWN
    assert stream.outbox() == b"</stream:stream>"
