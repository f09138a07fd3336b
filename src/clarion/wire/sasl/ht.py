"""SASL HT: a token proved in one message (draft-schmaus-kitten-sasl-ht-09, for XEP-0484).

The client sends its name and an HMAC under the token, of which the channel
binding is a part; the answer is another HMAC under the same token, so each
side sees that the other knows it.
"""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from clarion.wire.sasl.payload import MESSAGE_LIMIT
from clarion.wire.sasl.refusal import SaslCondition, SaslError, malformed

PROOF_BYTES: Final = 32
"""Octets of a proof: those of SHA-256."""
TOKEN_MINIMUM: Final = 65
"""Octets of a token. HMAC takes a key longer than 64 as its SHA-256, so that is all we keep."""

_BINDINGS: Final = {
    "HT-SHA-256-EXPR": "tls-exporter",
    "HT-SHA-256-UNIQ": "tls-unique",
    "HT-SHA-256-ENDP": "tls-server-end-point",
    "HT-SHA-256-NONE": "",
}


@dataclass(frozen=True, slots=True)
class HtMessage:
    """What the client says it is.

    Attributes:
        authcid: Whose token it is.
        proof: HMAC(token, "Initiator" and the channel binding).

    """

    authcid: str
    proof: bytes = field(repr=False)


def offered_ht(bindings: Collection[str]) -> list[str]:
    """Return the mechanisms of a connection with these channel bindings, strongest first."""
    return [name for name, kind in _BINDINGS.items() if not kind or kind in bindings]


def binding_of(mechanism: str) -> str:
    """Return the type of channel binding that a mechanism needs; ``""``: none.

    Raises:
        SaslError: ``invalid-mechanism``.

    """
    try:
        return _BINDINGS[mechanism]
    except KeyError:
        raise SaslError(SaslCondition.INVALID_MECHANISM, "this is not a mechanism of HT") from None


def parse_ht(message: bytes) -> HtMessage:
    """Read the client's one message (section 3.1).

    Raises:
        SaslError: ``malformed-request``.

    """
    if len(message) > MESSAGE_LIMIT:
        raise malformed(f"the HT message is longer than {MESSAGE_LIMIT} octets")
    name, mark, proof = message.partition(b"\0")
    if not name or not mark or len(proof) != PROOF_BYTES:
        raise malformed("an HT message is a name, a NUL and 32 octets")
    try:
        return HtMessage(name.decode("utf-8"), proof)
    except UnicodeDecodeError:
        raise malformed("the name in the HT message is not UTF-8") from None


def hashed_token(token: str) -> bytes:
    """Return what is kept of a token of at least ``TOKEN_MINIMUM`` octets."""
    secret = token.encode()
    assert len(secret) >= TOKEN_MINIMUM, "HMAC would take a shorter one as it is"
    return hashlib.sha256(secret).digest()


def prove(hashed: bytes, channel: bytes, proof: bytes) -> bytes | None:
    """Check a proof; return the answer that proves us (section 3.2), ``None`` if it is wrong.

    Args:
        hashed: Of ``hashed_token``.
        channel: Data of the channel binding; empty for ``-NONE``.
        proof: Of the client's message.

    """
    expected = hmac.digest(hashed, b"Initiator" + channel, "sha256")
    if not hmac.compare_digest(expected, proof):
        return None
    return hmac.digest(hashed, b"Responder" + channel, "sha256")
