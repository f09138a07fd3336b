"""From a password to SCRAM keys and back to yes or no (RFC 5802 section 3, RFC 7677, RFC 8265).

Everything here that takes iterations costs milliseconds of CPU on purpose:
call it in a thread.
"""

import hashlib
import hmac
import stringprep
import unicodedata
from typing import Final, Protocol

from precis_i18n import get_profile

from clarion.lib.errors import UsageError

PASSWORD_LIMIT: Final = 1024
"""Octets of a password; RFC 4616 asks for 255, a passphrase in CJK may need more."""
ITERATIONS_MINIMUM: Final = 4096
"""PBKDF2 rounds that a server should at least ask for, RFC 5802 section 5.1."""
ITERATIONS_LIMIT: Final = 10_000_000
"""PBKDF2 rounds that no one asks for by intent: seconds of CPU a log-in, on both sides."""
HASHES: Final = frozenset({"sha1", "sha256"})
"""Hashes of SCRAM here, as hashlib names them."""

_OPAQUE: Final = get_profile("OpaqueString")


class PasswordError(UsageError):
    """This text cannot be a password."""


class StoredKey(Protocol):
    """What ``verify_password`` needs of the keys of one password."""

    @property
    def hash_name(self) -> str:
        """One of ``HASHES``."""
        ...

    @property
    def salt(self) -> bytes:
        """The salt the keys were made with."""
        ...

    @property
    def iterations(self) -> int:
        """The PBKDF2 rounds they were made with."""
        ...

    @property
    def stored_key(self) -> bytes:
        """H(ClientKey)."""
        ...


def prepare_password(password: str) -> str:
    """Return the form of a password that is hashed (OpaqueString, RFC 8265 section 4.2).

    Raises:
        PasswordError: Empty, above ``PASSWORD_LIMIT``, or it holds a
            character that is not allowed (control characters, and those
            that cannot be seen).

    """
    if len(password) > PASSWORD_LIMIT:
        raise PasswordError(f"the password is longer than {PASSWORD_LIMIT} octets")
    if password.isascii() and password.isprintable() and password:
        return password
    try:
        prepared: str = _OPAQUE.enforce(password)
    except UnicodeEncodeError:
        # Which character it is stays unsaid: it is part of a secret.
        problem = "holds a character that is not allowed" if password else "is empty"
        raise PasswordError(f"the password {problem}") from None
    if len(prepared.encode()) > PASSWORD_LIMIT:
        raise PasswordError(f"the password is longer than {PASSWORD_LIMIT} octets")
    return prepared


def password_forms(password: str) -> tuple[str, ...]:
    """Return each form in which clients hash this password, the first always.

    COMPAT(slixmpp 1.17, Gajim 1.x): RFC 5802 asks clients for SASLprep
    (RFC 4013), which some apply and some do not. For nearly every password
    both give the same. Where they do not (for example with the superscript
    two of a German keyboard) a server that keeps keys of both forms lets
    both kinds of client in.

    Raises:
        PasswordError: As ``prepare_password``.

    """
    prepared = prepare_password(password)
    if prepared.isascii():
        return (prepared,)
    # SASLprep sections 2.1 and 2.2; what 2.3 and 2.4 forbid, no client can send.
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    try:
        other = prepare_password(unicodedata.normalize("NFKC", mapped))
    except PasswordError:
        return (prepared,)
    return (prepared,) if other == prepared else (prepared, other)


def derive_keys(password: str, salt: bytes, iterations: int, hash_name: str) -> tuple[bytes, bytes]:
    """Return (StoredKey, ServerKey) of a password; slow by design.

    Args:
        password: Prepared here.
        salt: Random, one for all of a person's passwords.
        iterations: PBKDF2 rounds, up to ``ITERATIONS_LIMIT``.
        hash_name: One of ``HASHES``.

    Raises:
        PasswordError: As ``prepare_password``.
        UsageError: Another argument is out of range.

    Complexity:
        Two HMACs per round: about 3 ms for 10,000 rounds of SHA-256.

    """
    if hash_name not in HASHES:
        raise UsageError(f"no such SCRAM hash: {hash_name}")
    if not salt:
        raise UsageError("the salt is empty")
    if not 1 <= iterations <= ITERATIONS_LIMIT:
        raise UsageError(f"iterations must be 1 to {ITERATIONS_LIMIT}, got {iterations}")
    secret = prepare_password(password).encode()
    salted = hashlib.pbkdf2_hmac(hash_name, secret, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    stored_key = hashlib.new(hash_name, client_key).digest()
    return stored_key, hmac.digest(salted, b"Server Key", hash_name)


def verify_password(password: str, stored: StoredKey) -> bool:
    """Whether ``password`` is the one these keys were made of; slow by design.

    A text that cannot be a password is simply not it.

    Raises:
        UsageError: The stored values are out of range.

    """
    try:
        stored_key, _ = derive_keys(password, stored.salt, stored.iterations, stored.hash_name)
    except PasswordError:
        return False
    return hmac.compare_digest(stored_key, stored.stored_key)
