"""Log-in on a stream: every mechanism, and every way to fail (RFC 6120 section 6, XEP-0440)."""

import base64
import hashlib
import hmac
import re

import pytest

from clarion.wire.sasl import SaslCondition
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.names import BIND, SASL
from clarion.wire.xmpp.stream_events import KeysWanted, PasswordGiven, Phase, ProofGiven
from fakes.stream_peer import (
    DIRECT_PORT,
    HEADER,
    PLAIN_PORT,
    STARTTLS,
    STARTTLS_PORT,
    Peer,
    auth,
    response,
)

C = StreamCondition
BINDING = {"tls-server-end-point": b"hash", "tls-unique": b"finished"}


def scram(
    peer: Peer, mechanism: str, *, password: str = "secret", flag: str = "n", name: str = "ann"
):
    """Do a whole exchange; returns the server's last word."""
    hash_name = "sha256" if "256" in mechanism else "sha1"
    bare = f"n={name},r=0123456789abcdef"
    told = peer.say(auth(f"{flag},,{bare}", mechanism))
    if "<challenge" not in told:
        return told
    challenge = base64.b64decode(parse(told.encode()).text or "").decode()
    fields = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac(
        hash_name, password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
    )
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    stored = hashlib.new(hash_name, client_key).digest()
    data = BINDING.get(flag.removeprefix("p="), b"")
    binding = base64.b64encode(f"{flag},,".encode() + data).decode()
    without_proof = f"c={binding},r={fields['r']}"
    signature = hmac.digest(stored, f"{bare},{challenge},{without_proof}".encode(), hash_name)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return peer.say(response(f"{without_proof},p={base64.b64encode(proof).decode()}"))


def mechanisms(told: str):
    return re.findall("<mechanism>([^<]*)</mechanism>", told.partition("</mechanisms>")[0])


def test_mechanisms_by_connection():
    unbound = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
    bound = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"]
    assert mechanisms(Peer().say(HEADER)) == unbound
    assert mechanisms(Peer(DIRECT_PORT, secure=True).say(HEADER)) == unbound
    with_bindings = Peer(DIRECT_PORT, secure=True, bindings=BINDING)
    assert mechanisms(with_bindings.say(HEADER)) == bound + unbound
    # Neither TLS nor listen_plain: nothing at all.
    assert mechanisms(Peer(DIRECT_PORT).say(HEADER)) == []


def test_channel_binding_types_are_told():
    peer = Peer(STARTTLS_PORT, bindings=BINDING)
    peer.say(HEADER, STARTTLS)
    told = peer.say(HEADER)
    assert (
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"
        "<channel-binding type='tls-server-end-point'/><channel-binding type='tls-unique'/>"
        "</sasl-channel-binding>"
    ) in told
    assert "sasl-cb" not in Peer(DIRECT_PORT, secure=True).say(HEADER)


def test_plain():
    peer = Peer()
    peer.say(HEADER)
    assert peer.say(auth("act\0ann\0secret")) == f"<success xmlns='{SASL}'></success>"
    assert peer.events == [PasswordGiven("ann", "act", "secret")]
    assert "secret" not in repr(peer.events)
    assert peer.stream.username == "ann"
    assert f"<bind xmlns='{BIND}'/>" in peer.say(HEADER)


def test_plain_without_initial_response():
    peer = Peer()
    peer.say(HEADER)
    assert peer.say(auth(None)) == f"<challenge xmlns='{SASL}'></challenge>"
    assert "<success " in peer.say(response("\0ann\0secret"))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("flag", ["n", "y"])
def test_scram(mechanism: str, flag: str):
    peer = Peer()
    peer.say(HEADER)
    told = scram(peer, mechanism, flag=flag)
    assert "<success " in told
    assert base64.b64decode(parse(told.encode()).text or "").startswith(b"v=")
    assert peer.events[-1] == ProofGiven("ann", "", "main")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize("kind", BINDING)
def test_scram_plus(mechanism: str, kind: str):
    peer = Peer(DIRECT_PORT, secure=True, bindings=BINDING)
    peer.say(HEADER)
    assert "<success " in scram(peer, mechanism, flag=f"p={kind}")


def test_a_client_that_did_not_see_plus_was_lied_to():
    peer = Peer(DIRECT_PORT, secure=True, bindings=BINDING)
    peer.say(HEADER)
    assert "<not-authorized/>" in scram(peer, "SCRAM-SHA-256", flag="y")


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("eve", "secret")])
def test_a_wrong_proof_and_an_unknown_name_look_the_same(name: str, password: str):
    peer = Peer()
    peer.say(HEADER)
    assert scram(peer, "SCRAM-SHA-256", password=password, name=name) == (
        f"<failure xmlns='{SASL}'><not-authorized/></failure>"
    )
    assert peer.events[-1] == ProofGiven(name, "", None)
    assert "<success " in scram(peer, "SCRAM-SHA-256")


def test_what_is_left_of_a_proof_that_was_not_admitted_is_forgotten():
    peer = Peer()
    peer.say(HEADER)
    peer.answers = False
    peer.say(auth("n,,n=ann,r=x", "SCRAM-SHA-1"))
    peer.stream.reject(SaslCondition.TEMPORARY_AUTH_FAILURE, "later & again")
    assert "<temporary-auth-failure/><text xml:lang='en'>later &amp; again</text>" in peer.told()
    peer.answers = True
    assert peer.say(auth()) == f"<success xmlns='{SASL}'></success>"


def test_scram_without_initial_response():
    peer = Peer()
    peer.say(HEADER)
    peer.say(auth(None, "SCRAM-SHA-1"))
    assert "<challenge " in peer.say(response("n,,n=ann,r=x"))
    assert peer.events == [KeysWanted("ann", "sha1")]


@pytest.mark.parametrize(
    ("element", "condition"),
    [
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>!</auth>", "incorrect-encoding"),
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>AGFu\nbg==</auth>", "incorrect-encoding"),
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>=</auth>", "malformed-request"),
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>{'A' * 8000}</auth>", "malformed-request"),
        (auth("no parts"), "malformed-request"),
        (auth("n,,x", "SCRAM-SHA-1"), "malformed-request"),
        (auth("p=tls-unique,,n=ann,r=x", "SCRAM-SHA-1"), "malformed-request"),
        (auth("p=tls-unique,,n=ann,r=x", "SCRAM-SHA-1-PLUS"), "invalid-mechanism"),
        (auth(mechanism="CRAM-MD5"), "invalid-mechanism"),
        (auth(mechanism="plain"), "invalid-mechanism"),
        (f"<auth xmlns='{SASL}'/>", "invalid-mechanism"),
        (auth(None) + f"<abort xmlns='{SASL}'/>", "aborted"),
        (auth(None) + f"<response xmlns='{SASL}'>!</response>", "incorrect-encoding"),
        (auth("n,,n=ann,r=x", "SCRAM-SHA-1") + response("c=biws"), "malformed-request"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_exchanges_that_fail_and_may_be_tried_again(element: str, condition: str, chunk: int):
    peer = Peer(chunk=chunk)
    peer.say(HEADER)
    assert f"<failure xmlns='{SASL}'><{condition}/>" in peer.say(element)
    assert "<success " in peer.say(auth())


def test_too_many_failures():
    assert PLAIN_PORT.login_attempts == 5  # section 6.4.5 asks for 2 to 5
    peer = Peer()
    wrong = auth("\0ann\0wrong")
    assert peer.say(HEADER, wrong * 4).count("<failure ") == 4
    assert peer.stream.phase is Phase.SECURE_OR_AUTHENTICATE
    assert peer.say(auth(mechanism="X")).count("<failure ") == 1
    assert peer.end is C.POLICY_VIOLATION


def test_another_channel_binding_than_ours_is_somebody_in_between():
    peer = Peer(DIRECT_PORT, secure=True, bindings={"tls-server-end-point": b"another"})
    peer.say(HEADER)
    told = scram(peer, "SCRAM-SHA-256-PLUS", flag="p=tls-server-end-point")
    assert told == f"<failure xmlns='{SASL}'><not-authorized/></failure>"
    assert peer.events[-1] == ProofGiven("ann", "", None)


def test_plus_binds_to_the_tls_that_starttls_began():
    peer = Peer(STARTTLS_PORT, bindings=BINDING)
    peer.say(HEADER)
    peer.say(STARTTLS)
    peer.say(HEADER)
    assert "<success " in scram(peer, "SCRAM-SHA-1-PLUS", flag="p=tls-server-end-point")


def test_a_client_without_channel_binding_may_say_so_where_there_is_plus():
    peer = Peer(DIRECT_PORT, secure=True, bindings=BINDING)
    peer.say(HEADER)
    assert "<success " in scram(peer, "SCRAM-SHA-256", flag="n")


def test_every_exchange_has_a_nonce_of_its_own():
    peer = Peer()
    peer.say(HEADER)
    first = auth("n,,n=ann,r=x", "SCRAM-SHA-1")
    nonces = set()
    for _ in range(3):
        told = peer.say(first)
        nonces.add(base64.b64decode(parse(told.encode()).text or "").split(b",")[0])
        peer.say(f"<abort xmlns='{SASL}'/>")
    assert len(nonces) == 3
    assert all(nonce.startswith(b"r=xtoken") for nonce in nonces)


def test_failures_before_tls_and_after_it_count_together():
    peer = Peer(STARTTLS_PORT)
    peer.say(HEADER, auth() * (STARTTLS_PORT.login_attempts - 1))
    peer.say(STARTTLS)
    told = peer.say(HEADER, auth("\0ann\0wrong"))
    assert "<policy-violation " in told
    assert peer.end is C.POLICY_VIOLATION


def test_who_acts_for_somebody_is_told_to_the_driver():
    peer = Peer(answers=False)
    peer.say(HEADER, auth("n,a=bob,n=a=2Cn=3D,r=x", "SCRAM-SHA-256"))
    assert peer.events[-1] == KeysWanted("a,n=", "sha256")
    peer.stream.reject(SaslCondition.NOT_AUTHORIZED)
    peer.say(auth("bob\0ann\0secret"))
    assert peer.events[-1] == PasswordGiven("ann", "bob", "secret")
