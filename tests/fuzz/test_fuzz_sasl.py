"""Any octets are a SASL message or are refused with ``SaslError``."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.sasl import Candidate, SaslError, ScramServer, decode_base64, parse_plain

PIECES = st.sampled_from(
    [
        *(b"n", b"y", b"p=tls-unique", b",", b"=", b"a=", b"n=", b"r=", b"m=", b"c=biws", b"p="),
        *(b"AAAA", b"=2C", b"=3D", b"\0", b"\xff", b"user", b"abc", b"x=1"),
        b"r=abcserver-nonce-0123456789",
    ]
)
MESSAGES = st.lists(PIECES, max_size=14).map(b"".join) | st.binary(max_size=200)


def scram() -> ScramServer:
    return ScramServer(
        "SCRAM-SHA-256",
        nonce="server-nonce-0123456789",
        bindings={"tls-unique": b"x"},
        plus_offered=True,
    )


@given(MESSAGES)
@settings(deadline=None, max_examples=400)
def test_any_first_message_is_accepted_or_refused(message: bytes):
    machine = scram()
    try:
        assert machine.first(message) == machine.username != ""
    except SaslError:
        return
    assert machine.challenge(b"salt", 1).startswith(b"r=")


@given(MESSAGES)
@settings(deadline=None, max_examples=400)
def test_no_last_message_of_noise_lets_anybody_in(message: bytes):
    machine = scram()
    machine.first(b"n,,n=user,r=abc")
    machine.challenge(b"salt", 1)
    try:
        machine.final(message, [Candidate("main", b"k" * 32, b"k" * 32)])
    except SaslError:
        return
    raise AssertionError("noise proved a password")


@given(MESSAGES)
@settings(deadline=None, max_examples=200)
def test_any_plain_message_is_accepted_or_refused(message: bytes):
    try:
        plain = parse_plain(message)
    except SaslError:
        return
    assert f"{plain.authzid}\0{plain.authcid}\0{plain.password}".encode() == message


@given(st.text(max_size=100) | st.text("AZaz09+/=", max_size=20))
@settings(deadline=None, max_examples=200)
def test_any_text_is_base64_or_refused(text: str):
    try:
        decode_base64(text)
    except SaslError:
        return
    assert text.isascii()
