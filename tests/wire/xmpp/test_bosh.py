"""BOSH sessions by hand: rid after rid, with a clock that tests move (XEP-0124, XEP-0206)."""

import hashlib
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest

from clarion.wire.xmpp.bosh import (
    INACTIVITY,
    PAUSE_LIMIT,
    POLLING,
    POLLING_INACTIVITY,
    REPEATS_LIMIT,
    WAIT_LIMIT,
    BoshSession,
)
from clarion.wire.xmpp.bosh_body import HTTPBIND, BodyError, read_body

FEATURES = b"<stream:features><bind xmlns='urn:b'/></stream:features>"
HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams' from='a.example' id='1' version='1.0'>"
)
HI = b"<message><body>hi</body></message>"
BODY = f"{{{HTTPBIND}}}body"


class Play:
    """A client and its session; requests are numbered from 0 on."""

    def __init__(self, more: str = "", *, features: bool = True, rid: int = 1000) -> None:
        self.now = 50.0
        self.first = rid
        self.tickets = 0
        self.answers: dict[int, Element] = {}
        self.raw: dict[int, bytes] = {}
        self.statuses: dict[int, int] = {}
        defaults = {"ver": "1.6", "to": "a.example", "wait": "60", "hold": "1"}
        given = "".join(f" {k}='{v}'" for k, v in defaults.items() if f"{k}=" not in more)
        body = read_body(
            f"<body xmlns='{HTTPBIND}' xmlns:xmpp='urn:xmpp:xbosh' rid='{rid}'"
            f" xmpp:version='1.0'{given} {more}/>".encode()
        )
        self.session: BoshSession[int] = BoshSession("s1", "a.example", body, 0, self.now)
        self.heard = self.session.received()
        if features:
            self.say(HEADER + FEATURES)

    def say(self, data: bytes) -> None:
        self.session.say(data, self.now)
        self.collect()

    def ask(self, place: int, inner: str = "", more: str = "", **attributes: Any) -> int:
        """Send the request after the first one; returns its ticket."""
        said = "".join(f" {name}='{value}'" for name, value in attributes.items())
        raw = (
            f"<body xmlns='{HTTPBIND}' xmlns:xmpp='urn:xmpp:xbosh' sid='s1'"
            f" rid='{self.first + place}'{said} {more}>{inner}</body>"
        )
        self.tickets += 1
        self.session.take(read_body(raw.encode()), self.tickets, self.now)
        self.heard += self.session.received()
        self.collect()
        return self.tickets

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.session.wake(self.now)
        self.collect()

    def collect(self) -> None:
        for answer in self.session.answers():
            assert answer.ticket not in self.answers, "a request is answered once"
            self.raw[answer.ticket] = answer.body
            self.statuses[answer.ticket] = answer.status
            self.answers[answer.ticket] = (
                fromstring(answer.body) if answer.body else Element("none")
            )

    def condition(self, ticket: int) -> str:
        body = self.answers[ticket]
        assert body.get("type") == "terminate"
        return body.get("condition", "")


def test_a_session_begins_with_the_features():
    play = Play("xml:lang='de' from='x@a.example'", features=False)
    assert play.heard.startswith(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'")
    assert b" to='a.example' from='x@a.example' version='1.0' xml:lang='de'>" in play.heard
    assert play.answers == {}
    play.say(HEADER + FEATURES)
    body = play.answers[0]
    assert body.tag == BODY
    xbosh = "{urn:xmpp:xbosh}"
    assert body.attrib == {
        "sid": "s1",
        "wait": "60",
        "requests": "2",
        "hold": "1",
        "inactivity": str(INACTIVITY),
        "polling": str(POLLING),
        "maxpause": str(PAUSE_LIMIT),
        "from": "a.example",
        "ver": "1.6",
        f"{xbosh}restartlogic": "true",
        f"{xbosh}version": "1.0",
    }
    assert [child.tag for child in body] == ["{http://etherx.jabber.org/streams}features"]


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [
        ("wait='3600'", "wait", str(WAIT_LIMIT)),
        ("wait='10'", "wait", "10"),
        ("hold='5'", "hold", "1"),
        ("hold='0'", "hold", "0"),
        ("hold='0'", "requests", "1"),
        ("hold='0'", "inactivity", str(POLLING_INACTIVITY)),
        ("wait='0'", "hold", "0"),
        ("ver='1.20'", "ver", "1.11"),
        ("ack='1'", "ack", "1000"),
    ],
)
def test_what_is_agreed_on(more: str, name: str, value: str):
    assert Play(more).answers[0].get(name) == value


def test_stanzas_both_ways():
    play = Play()
    play.heard = b""
    one = play.ask(1, "<message xmlns='jabber:client'/><presence xmlns='jabber:client'/>")
    assert play.heard == b"<message xmlns='jabber:client'/><presence xmlns='jabber:client'/>"
    assert one not in play.answers  # held
    play.say(HI + HI)
    assert play.raw[one] == (
        f"<body xmlns='{HTTPBIND}'>".encode()
        + 2 * b"<message xmlns='jabber:client'><body>hi</body></message>"
        + b"</body>"
    )
    play.say(HI)  # nobody asks
    assert play.session.waiting_bytes > 0
    two = play.ask(2)
    assert len(play.answers[two]) == 1


def test_only_so_many_are_held_and_only_so_long():
    play = Play()
    one = play.ask(1)
    two = play.ask(2, "<presence/>")
    assert len(play.answers[one]) == 0
    assert two not in play.answers
    play.pass_time(59)
    assert two not in play.answers
    play.pass_time(1)
    assert play.answers[two].attrib == {}
    play.pass_time(INACTIVITY - 1)
    assert not play.session.over
    play.pass_time(1)
    assert play.session.over
    assert play.condition(play.ask(3)) == "item-not-found"


def test_what_comes_early_waits_for_what_is_before_it():
    play = Play()
    play.heard = b""
    two = play.ask(2, "<b/>")
    assert play.heard == b""
    one = play.ask(1, "<a/>")
    assert play.heard == b"<a/><b/>"
    assert one in play.answers
    assert two not in play.answers


def test_the_same_rid_gives_the_same_answer():
    play = Play()
    one = play.ask(1, "<a/>")
    play.say(HI)
    play.heard = b""
    again = play.ask(1, "<a/>")
    assert play.raw[again] == play.raw[one]
    assert play.heard == b""
    assert play.raw[play.ask(0)] == play.raw[0]


def test_a_request_that_is_still_held_may_be_sent_again():
    play = Play()
    one = play.ask(1)
    again = play.ask(1)
    assert play.answers[one].get("type") == "error"
    play.say(HI)
    assert len(play.answers[again]) == 1


def test_nobody_asks_the_same_for_ever():
    play = Play()
    play.ask(1)
    for _ in range(REPEATS_LIMIT):
        play.ask(1)
    assert not play.session.over
    assert play.condition(play.ask(1)) == "policy-violation"
    assert play.session.over


def test_what_is_forgotten_cannot_be_had_again():
    play = Play()
    for place in range(1, 5):
        play.ask(place, "<a/>")
    assert play.condition(play.ask(1)) == "item-not-found"
    assert play.session.over


@pytest.mark.parametrize("place", [4, 100, -1])
def test_a_rid_outside_of_the_window_ends_the_session(place: int):
    play = Play()
    held = play.ask(1)
    assert play.condition(play.ask(place)) == "item-not-found"
    assert play.condition(held) == "other-request"
    assert play.session.over


def test_empty_requests_that_come_too_fast():
    play = Play("hold='0'")
    first = play.ask(1)
    assert play.answers[first].attrib == {}
    assert play.condition(play.ask(2)) == "policy-violation"
    play = Play("hold='0'")
    play.ask(1)
    play.now += POLLING
    assert play.answers[play.ask(2)].attrib == {}
    play.say(HI)
    play.now += POLLING
    assert len(play.answers[play.ask(3)]) == 1
    assert play.answers[play.ask(4)].attrib == {}  # the one before brought something


def test_a_pause_is_answered_at_once_and_without_payloads():
    play = Play()
    one = play.ask(1)
    two = play.ask(2, pause=PAUSE_LIMIT)
    assert play.answers[one].attrib == play.answers[two].attrib == {}
    play.say(HI)
    play.pass_time(PAUSE_LIMIT - 1)
    assert not play.session.over
    assert len(play.answers[play.ask(3)]) == 1
    play.pass_time(INACTIVITY)
    assert play.session.over


@pytest.mark.parametrize(
    ("pause", "condition"), [(PAUSE_LIMIT + 1, "policy-violation"), ("long", "bad-request")]
)
def test_a_pause_has_its_limit(pause: object, condition: str):
    play = Play()
    assert play.condition(play.ask(1, pause=pause)) == condition


def test_the_end_by_the_client():
    play = Play()
    one = play.ask(1)
    play.heard = b""
    two = play.ask(2, "<presence type='unavailable'/>", type="terminate")
    assert play.heard == b"<presence type='unavailable'/></stream:stream>"
    assert play.condition(one) == ""
    assert play.answers[two].attrib == {}
    assert play.session.over
    assert play.session.deadline() is None


def test_the_end_by_the_server():
    play = Play()
    one = play.ask(1)
    play.say(HI + b"<stream:error><reset xmlns='urn:e'/></stream:error></stream:stream>")
    assert play.condition(one) == "remote-stream-error"
    assert [child.tag.rpartition("}")[2] for child in play.answers[one]] == ["message", "error"]
    assert play.session.over


def test_the_last_word_waits_for_a_request():
    play = Play()
    play.say(b"</stream:stream>" + HI)
    assert not play.session.over
    assert play.condition(play.ask(1)) == ""
    assert play.session.over
    play = Play()
    play.say(b"</stream:stream>")
    play.pass_time(INACTIVITY)
    assert play.session.over


def test_a_restart_begins_a_new_stream():
    play = Play()
    play.heard = b""
    one = play.ask(1, "<ignored/>", "xmpp:restart='true' to='a.example' xml:lang='en'")
    assert play.heard.startswith(b"<?xml version='1.0'?><stream:stream ")
    assert b"ignored" not in play.heard
    play.say(HEADER + FEATURES)
    assert len(play.answers[one]) == 1


def test_acknowledgements_are_said_where_the_client_says_them():
    play = Play("ack='1'")
    one = play.ask(1)
    two = play.ask(2, "<a/>")
    assert play.answers[one].get("ack") == "1002"
    play.say(HI)
    assert "ack" not in play.answers[two].attrib


def key(seed: str, times: int) -> str:
    for _ in range(times):
        seed = hashlib.sha1(seed.encode()).hexdigest()
    return seed


def test_a_key_sequence():
    play = Play(f"newkey='{key('seed', 3)}'")
    play.ask(1, "<a/>", key=key("seed", 2))
    play.ask(2, "<a/>", key=key("seed", 1).upper(), newkey=key("other", 2))
    play.ask(3, "<a/>", key=key("other", 1))
    assert not play.session.over
    play.heard = b""
    assert play.condition(play.ask(4, "<evil/>", key="00")) == "item-not-found"
    assert play.heard == b""
    play = Play(f"newkey='{key('seed', 3)}'")
    assert play.condition(play.ask(1)) == "item-not-found"


def test_a_client_older_than_ver_gets_codes_of_http():
    play = Play("ver=''")
    assert "ver" not in play.answers[0].attrib
    ticket = play.ask(50)
    assert (play.statuses[ticket], play.raw[ticket]) == (404, b"")


def test_a_connection_that_was_cut():
    play = Play()
    one = play.ask(1)
    play.session.abandon()
    play.collect()
    assert play.condition(one) == "undefined-condition"
    assert play.session.over


@pytest.mark.parametrize("more", ["wait='x'", "hold='-1'", "wait=''"])
def test_a_session_cannot_begin_with_nonsense(more: str):
    with pytest.raises(BodyError):
        Play(more)
