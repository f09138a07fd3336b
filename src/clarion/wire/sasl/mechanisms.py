"""The mechanisms by name, and which of them a connection is offered (RFC 6120 section 6.3)."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from clarion.wire.sasl.refusal import SaslCondition, SaslError


class Mechanism(StrEnum):
    """Every mechanism the server knows, strongest first."""

    SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS"
    SCRAM_SHA_1_PLUS = "SCRAM-SHA-1-PLUS"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_1 = "SCRAM-SHA-1"
    PLAIN = "PLAIN"

    @property
    def binds(self) -> bool:
        """Whether it is bound to the TLS connection below it (channel binding)."""
        return self.value.endswith("-PLUS")


_HASHES: Final = {
    Mechanism.SCRAM_SHA_256_PLUS: "sha256",
    Mechanism.SCRAM_SHA_1_PLUS: "sha1",
    Mechanism.SCRAM_SHA_256: "sha256",
    Mechanism.SCRAM_SHA_1: "sha1",
}


def hash_of(mechanism: str) -> str:
    """Return the hash of a SCRAM mechanism as hashlib names it.

    Raises:
        SaslError: ``invalid-mechanism``; it is none of the SCRAM family.

    """
    try:
        return _HASHES[Mechanism(mechanism)]
    except (ValueError, KeyError):
        raise SaslError(
            SaslCondition.INVALID_MECHANISM, "this is not a known mechanism of the SCRAM family"
        ) from None


def offered(
    mechanisms: Collection[str] = tuple(Mechanism),
    *,
    tls: bool,
    plain: bool,
    bindings: Collection[str],
) -> list[str]:
    """Say which of the enabled mechanisms a connection may use, strongest first.

    Args:
        mechanisms: Names of what policy enables; unknown ones are left out.
        tls: Whether the connection is encrypted.
        plain: Whether a password may be given as such on this listener; on
            one that also has no TLS (``listen_plain``) it must be, else
            nothing at all is offered: SCRAM in the clear lends itself to
            guessing at leisure.
        bindings: Channel binding types of this connection; none: no -PLUS.

    """
    if not (tls or plain):
        return []
    return [
        mechanism.value
        for mechanism in Mechanism
        if mechanism in mechanisms
        and (plain or mechanism is not Mechanism.PLAIN)
        and (bindings or not mechanism.binds)
    ]
