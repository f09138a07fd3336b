"""What is kept of a password: SCRAM keys, never the password (RFC 5802 section 3, RFC 7677)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from clarion.core.model import PersonNumber

MAIN: Final = ""
"""The label of a person's main password; every other label is an app password."""


@dataclass(frozen=True, slots=True)
class ScramKey:
    """The keys of one password for one hash.

    A person's main password and app passwords share salt and iterations, so
    that a SCRAM exchange, which names the salt before it sees a proof, can
    be checked against each of them.

    Attributes:
        label: ``MAIN``, or the name of the app password, e.g. ``"phone"``.
        hash_name: ``"sha1"`` or ``"sha256"``, as hashlib names it.
        salt: Random, 16 bytes, one for all of a person's credentials.
        iterations: PBKDF2 rounds.
        stored_key: H(ClientKey).
        server_key: HMAC(SaltedPassword, "Server Key").

    """

    label: str
    hash_name: str
    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


class CredentialStore(Protocol):
    """What identity asks of a store; raises ``UnavailableError`` like every port."""

    async def keys(self, person: PersonNumber) -> Sequence[ScramKey]:
        """Return every key of a person, all labels and hashes; empty: cannot log in."""
        ...

    async def replace(self, person: PersonNumber, label: str, keys: Sequence[ScramKey]) -> None:
        """Put ``keys`` in the place of all keys with this label; empty removes them.

        The tokens that were got with the password of this label go, too.
        """
        ...

    async def secret(self, name: str, size_bytes: int) -> bytes:
        """Return this installation's secret of that name, made at random when first asked."""
        ...
