"""In-band registration before log-in, as the stream sees it (XEP-0077 sections 3.1 and 7)."""

import pytest

from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.registration import NAME_LIMIT, Wish, parse_wish
from clarion.wire.xmpp.stream import ServerStream
from clarion.wire.xmpp.stream_events import Closed, Phase, RegistrationWanted, StreamRules

HEADER = (
    b"<stream:stream to='corp.example' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)
ASK = b"<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>"


def stream(*, registration: bool = True, starttls: bool = False) -> ServerStream:
    rules = StreamRules(
        domain="corp.example",
        starttls=starttls,
        without_tls=not starttls,
        registration=registration,
    )
    made = ServerStream(rules, token=lambda: "token", now=0)
    made.receive(HEADER, 0)
    return made


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_request_waits_for_the_driver_and_what_follows_waits_too(size: int):
    made = stream()
    assert b"http://jabber.org/features/iq-register" in made.outbox()
    data = ASK + ASK
    for start in range(0, len(data), size):
        made.receive(data[start : start + size], 0)
    (event,) = made.events()
    assert isinstance(event, RegistrationWanted)
    assert event.request.raw == ASK
    assert made.phase is Phase.REGISTERING
    made.registered(b"<iq type='result' id='1'/>")
    assert made.outbox() == b"<iq type='result' id='1'/>"
    (again,) = made.events()
    assert isinstance(again, RegistrationWanted)
    made.registered(b"<iq type='result' id='2'/>")
    assert made.phase is Phase.SECURE_OR_AUTHENTICATE


def test_where_it_is_off_the_stream_says_so_itself():
    made = stream(registration=False)
    assert b"iq-register" not in made.outbox()
    made.receive(ASK, 0)
    assert list(made.events()) == []
    assert b"service-unavailable" in made.outbox()
    assert made.phase is Phase.SECURE_OR_AUTHENTICATE


def test_nobody_sends_a_password_in_the_clear():
    made = stream(starttls=True)
    assert b"iq-register" not in made.outbox()
    made.receive(ASK, 0)
    assert b"policy-violation" in made.outbox()
    made.secured({})
    made.receive(HEADER + ASK, 0)
    assert b"iq-register" in made.outbox()
    assert isinstance(made.events()[0], RegistrationWanted)


@pytest.mark.parametrize(
    "other",
    [
        b"<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        b"<iq type='get'><query xmlns='jabber:iq:register'/></iq>",
        b"<iq type='result' id='1'><query xmlns='jabber:iq:register'/></iq>",
        b"<iq type='set' id='1'/>",
    ],
)
def test_anything_else_before_log_in_ends_the_stream(other: bytes):
    made = stream()
    made.receive(other, 0)
    assert b"not-authorized" in made.outbox()
    assert isinstance(made.events()[-1], Closed)


def test_an_answer_to_a_stream_that_has_ended_is_dropped():
    made = stream()
    made.receive(ASK, 0)
    made.close()
    made.outbox()
    made.registered(b"<iq/>")
    assert made.outbox() == b""
    assert made.phase is Phase.CLOSED


def test_a_password_is_not_shown():
    made = stream()
    made.receive(ASK.replace(b"get", b"set"), 0)
    assert "iq" not in repr(made.events()[0])


def test_a_user_name_is_bounded():
    def wish(size: int) -> Wish:
        name = f"<username>{'a' * size}</username>"
        return parse_wish(parse(f"<query xmlns='jabber:iq:register'>{name}</query>".encode()))

    assert len(wish(NAME_LIMIT).username) == NAME_LIMIT
    with pytest.raises(StanzaError) as error:
        wish(NAME_LIMIT + 1)
    assert error.value.condition is StanzaCondition.NOT_ACCEPTABLE
