"""SASL HT: tokens proved in one message (draft-schmaus-kitten-sasl-ht-09)."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.sasl import (
    SaslCondition,
    SaslError,
    binding_of,
    hashed_token,
    offered_ht,
    parse_ht,
    prove,
)
from clarion.wire.sasl.ht import TOKEN_MINIMUM
from clarion.wire.sasl.payload import MESSAGE_LIMIT

TOKEN = "t" * TOKEN_MINIMUM


@pytest.mark.parametrize("channel", [b"", b"of the certificate"])
def test_what_is_kept_stands_for_the_token(channel: bytes):
    # What a client computes from the token itself (section 3.1 and 3.2).
    proof = hmac.digest(TOKEN.encode(), b"Initiator" + channel, "sha256")
    kept = hashed_token(TOKEN)
    assert TOKEN.encode() not in kept
    answer = prove(kept, channel, proof)
    assert answer == hmac.digest(TOKEN.encode(), b"Responder" + channel, "sha256")
    assert prove(kept, channel + b"x", proof) is None
    assert prove(hashlib.sha256(b"other").digest(), channel, proof) is None


def test_a_short_token_would_not_be_kept_as_a_hash():
    with pytest.raises(AssertionError):
        hashed_token(TOKEN[1:])


def test_mechanisms_by_channel_binding():
    assert offered_ht(()) == ["HT-SHA-256-NONE"]
    assert offered_ht({"tls-server-end-point", "tls-unique"}) == [
        "HT-SHA-256-UNIQ",
        "HT-SHA-256-ENDP",
        "HT-SHA-256-NONE",
    ]
    assert binding_of("HT-SHA-256-EXPR") == "tls-exporter"
    with pytest.raises(SaslError) as refused:
        binding_of("HT-SHA-512-NONE")
    assert refused.value.condition is SaslCondition.INVALID_MECHANISM


def test_a_message():
    message = parse_ht("änn\0".encode() + b"\0" * 32)
    assert message.authcid == "änn"
    assert message.proof == bytes(32)
    assert "proof" not in repr(message)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"ann",
        b"ann\0",
        b"ann\0" + bytes(31),
        b"ann\0" + bytes(33),
        b"\0" + bytes(32),
        b"\xff\0" + bytes(32),
        b"a" * MESSAGE_LIMIT + b"\0" + bytes(32),
    ],
)
def test_messages_that_are_none(wrong: bytes):
    with pytest.raises(SaslError) as refused:
        parse_ht(wrong)
    assert refused.value.condition is SaslCondition.MALFORMED_REQUEST


@given(st.binary(max_size=80))
@settings(deadline=None)
def test_any_octets_are_a_message_or_refused(message: bytes):
    try:
        read = parse_ht(message)
    except SaslError:
        return
    assert read.authcid.encode() + b"\0" + read.proof == message
