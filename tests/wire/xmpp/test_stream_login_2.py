"""SASL2 in the stream engine: profiles kept apart, tokens handed out whole (XEP-0388, 0484)."""

import base64
from dataclasses import replace

import pytest

from clarion.wire.sasl import SaslCondition
from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.names import BIND, SASL
from clarion.wire.xmpp.sasl2 import BIND2, FAST, SASL2, TokenUse
from clarion.wire.xmpp.stream_events import Phase, TokenGiven, WishesMade
from fakes.stream_peer import (
    DIRECT_PORT,
    DOMAIN,
    HEADER,
    PLAIN_PORT,
    STARTTLS_PORT,
    Peer,
    auth,
    authenticate,
    bind,
)

PORT = replace(PLAIN_PORT, tokens=True)
AGENT = "<user-agent id='c1'/>"
USE = f"<fast xmlns='{FAST}' count='7'/>"
PROOF = "ann\0" + "p" * 32


def failed(condition: str):
    return f"<failure xmlns='{SASL2}'><{condition} xmlns='{SASL}'/>"


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_the_driver_is_asked_before_the_client_is_told(chunk: int):
    peer = Peer(PORT, chunk=chunk)
    peer.say(HEADER)
    told = peer.say(authenticate())
    assert told.startswith(
        f"<success xmlns='{SASL2}'><authorization-identifier>ann@{DOMAIN}"
        "</authorization-identifier><done/></success><stream:features>"
    )
    assert f"<bind xmlns='{BIND}'/>" in told
    assert isinstance(peer.events[-1], WishesMade)
    assert "<jid>" in peer.say(bind("phone"))
    assert peer.stream.phase is Phase.BOUND


def test_who_has_bound_is_not_offered_it_again():
    peer = Peer(PORT)
    peer.say(HEADER)
    told = peer.say(authenticate(more=f"<bind xmlns='{BIND2}'/>"), "<message id='at-once'/>")
    assert f"<bind xmlns='{BIND}'/>" not in told
    assert peer.stream.phase is Phase.BOUND
    assert peer.stream.deadline() is None
    assert peer.events[-1].attributes == {"id": "at-once"}


def test_nothing_is_read_before_the_welcome():
    peer = Peer(PORT, answers=False)
    peer.say(HEADER, authenticate())
    peer.stream.admit("ann")
    assert peer.stream.phase is Phase.WELCOMING
    assert peer.say("<letter/>") == ""
    peer.stream.reject(SaslCondition.TEMPORARY_AUTH_FAILURE, "later")
    assert failed("temporary-auth-failure") in peer.told()


@pytest.mark.parametrize("late", ["admit", "welcome"])
def test_an_answer_after_the_end_changes_nothing(late: str):
    peer = Peer(PORT, answers=False)
    peer.say(HEADER, authenticate())
    if late == "welcome":
        peer.stream.admit("ann")
    peer.stream.close()
    peer.told()
    if late == "admit":
        peer.stream.admit("ann")
    peer.stream.welcome("ann", b"", bound=True)
    assert peer.told() == ""
    assert peer.stream.phase is Phase.CLOSED


def test_tls_comes_first():
    peer = Peer(STARTTLS_PORT)
    assert SASL2 not in peer.say(HEADER)
    assert failed("encryption-required") in peer.say(authenticate())
    assert failed("encryption-required") in peer.say(authenticate(PROOF, "X", AGENT + USE))


def test_each_attempt_is_answered_in_its_profile():
    peer = Peer(PORT)
    peer.say(HEADER)
    assert failed("malformed-request") in peer.say(authenticate(""))
    assert f"<failure xmlns='{SASL}'>" in peer.say(auth("x"))
    assert failed("malformed-request") in peer.say(
        authenticate(PROOF, "HT-SHA-256-NONE", f"<fast xmlns='{FAST}' count='x'/>")
    )
    assert f"<success xmlns='{SASL}'>" in peer.say(auth())


def test_a_token_is_given_to_the_driver_with_all_that_it_must_fit():
    bindings = {"tls-server-end-point": b"end point"}
    peer = Peer(replace(DIRECT_PORT, tokens=True), secure=True, bindings=bindings)
    offered = peer.say(HEADER)
    assert "<mechanism>HT-SHA-256-ENDP</mechanism>" in offered
    told = peer.say(authenticate(PROOF, "HT-SHA-256-ENDP", AGENT + USE))
    answer = base64.b64encode(b"answer").decode()
    assert f"<additional-data>{answer}</additional-data>" in told
    assert peer.events[0] == TokenGiven(
        "ann", "HT-SHA-256-ENDP", b"p" * 32, b"end point", "c1", TokenUse(7)
    )
    assert "ppp" not in repr(peer.events[0])


@pytest.mark.parametrize(
    ("request_", "condition"),
    [
        (authenticate(PROOF, "HT-SHA-256-NONE", AGENT), "invalid-mechanism"),  # no <fast/>
        (authenticate(PROOF, "HT-SHA-256-ENDP", AGENT + USE), "invalid-mechanism"),
        (authenticate(mechanism="PLAIN", more=AGENT + USE), "invalid-mechanism"),
        (authenticate(PROOF, "HT-SHA-256-NONE", USE), "malformed-request"),
        (authenticate(None, "HT-SHA-256-NONE", AGENT + USE), "malformed-request"),
        (authenticate("ann\0x", "HT-SHA-256-NONE", AGENT + USE), "malformed-request"),
        (authenticate("bob\0" + "p" * 32, "HT-SHA-256-NONE", AGENT + USE), "not-authorized"),
    ],
)
def test_tokens_that_are_refused(request_: str, condition: str):
    peer = Peer(PORT)
    peer.say(HEADER)
    assert failed(condition) in peer.say(request_)
    assert "<success " in peer.say(authenticate(PROOF, "HT-SHA-256-NONE", AGENT + USE))


@pytest.mark.parametrize("authzid", ["bob@corp.example", "@", "ann@corp.example.org"])
def test_an_identity_that_the_header_did_not_name(authzid: str):
    peer = Peer(PORT)
    peer.say(HEADER.replace(" to=", " from='Ann@corp.example/x' to="))
    assert failed("invalid-authzid") in peer.say(authenticate(f"{authzid}\0ann\0secret"))
    assert "<success " in peer.say(authenticate("ann@CORP.example\0ann\0secret"))


@pytest.mark.parametrize("sender", ["ann@elsewhere.example", "@", "elsewhere.example"])
def test_a_header_from_elsewhere(sender: str):
    peer = Peer(PORT)
    peer.say(HEADER.replace(" to=", f" from='{sender}' to="))
    assert peer.end is StreamCondition.INVALID_FROM
