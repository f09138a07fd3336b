"""SASL messages as text protocols carry them: in base64 (RFC 4648 section 4)."""

import binascii
from typing import Final

from clarion.wire.sasl.refusal import SaslCondition, SaslError

MESSAGE_LIMIT: Final = 4096
"""Octets of one message; a PLAIN message or a SCRAM step needs a tenth of it."""
PAYLOAD_LIMIT: Final = -(-MESSAGE_LIMIT // 3) * 4
"""Characters of base64 that hold ``MESSAGE_LIMIT`` octets."""


def decode_base64(text: str) -> bytes:
    """Return the octets of a message; ``"="`` is an empty one, as ``""`` is (RFC 6120 6.4.2).

    Raises:
        SaslError: ``incorrect-encoding``: not base64, or with white space in
            it; ``malformed-request``: above ``MESSAGE_LIMIT``.

    """
    if text in {"", "="}:
        return b""
    if len(text) > PAYLOAD_LIMIT:
        raise SaslError(
            SaslCondition.MALFORMED_REQUEST,
            f"the SASL message is longer than {MESSAGE_LIMIT} octets",
        )
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:  # UnicodeError and binascii.Error are such
        raise SaslError(
            SaslCondition.INCORRECT_ENCODING, "the SASL message is not valid base64"
        ) from None


def encode_base64(message: bytes) -> bytes:
    """Return a message in base64, without line ends; an empty one stays empty."""
    return binascii.b2a_base64(message, newline=False)
