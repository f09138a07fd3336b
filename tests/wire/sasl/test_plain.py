"""SASL PLAIN (RFC 4616), and SASL messages in base64."""

import pytest

from clarion.wire.sasl import (
    PlainMessage,
    SaslCondition,
    SaslError,
    decode_base64,
    encode_base64,
    parse_plain,
)
from clarion.wire.sasl.payload import MESSAGE_LIMIT, PAYLOAD_LIMIT


def test_the_examples_of_the_rfc():
    assert parse_plain(b"\0tim\0tanstaaftanstaaf") == PlainMessage("", "tim", "tanstaaftanstaaf")
    assert parse_plain(b"Ursel\0Kurt\0xipj3plmq") == PlainMessage("Ursel", "Kurt", "xipj3plmq")


def test_the_password_is_not_shown():
    assert "secret" not in repr(parse_plain(b"\0ann\0secret"))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"ann",
        b"\0ann",
        b"\0ann\0",
        b"\0\0secret",
        b"\0a\0b\0c",
        b"\0ann\0\xff",
        b"\0a\0b" + b"b" * 4096,
    ],
)
def test_another_message_is_malformed(message: bytes):
    with pytest.raises(SaslError) as caught:
        parse_plain(message)
    assert caught.value.condition is SaslCondition.MALFORMED_REQUEST


def test_255_octets_of_each_part_are_accepted():
    part = "é" * 127
    assert parse_plain(f"{part}\0{part}\0{part}".encode()) == PlainMessage(part, part, part)


def test_messages_in_base64():
    assert decode_base64("=") == decode_base64("") == b""
    assert encode_base64(b"") == b""
    assert encode_base64(b"abc" * 200).isalnum()
    assert decode_base64(encode_base64(b"\0ann\0x").decode()) == b"\0ann\0x"
    assert len(decode_base64("A" * PAYLOAD_LIMIT)) >= MESSAGE_LIMIT


@pytest.mark.parametrize("text", ["a", "====", "YQ", "YQ==\n", " YQ==", "YQ==YQ==", "Y-_=", "é"])
def test_what_is_no_base64_is_an_incorrect_encoding(text: str):
    with pytest.raises(SaslError) as caught:
        decode_base64(text)
    assert caught.value.condition is SaslCondition.INCORRECT_ENCODING


def test_base64_that_is_too_long_is_not_even_decoded():
    with pytest.raises(SaslError, match=str(MESSAGE_LIMIT)):
        decode_base64("A" * (PAYLOAD_LIMIT + 4))
