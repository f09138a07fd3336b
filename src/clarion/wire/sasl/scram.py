"""SASL SCRAM, the server's side, with channel binding (RFC 5802, 7677, 5929).

What the client was offered goes into the challenge as a hash, so that a client
can tell whether somebody changed the offer on the way (XEP-0474).
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from clarion.lib.errors import UsageError
from clarion.wire.sasl.mechanisms import hash_of
from clarion.wire.sasl.payload import MESSAGE_LIMIT, decode_base64, encode_base64
from clarion.wire.sasl.refusal import (
    SaslCondition,
    SaslError,
    malformed,
    not_authorized,
)

NONCE_LIMIT: Final = 256
"""Characters of the client's nonce; 24 are usual."""
NONCE_MINIMUM: Final = 16
"""Characters of our own nonce; must be random and used once (RFC 5802 section 5.1)."""
USERNAME_LIMIT: Final = 1023
"""Octets of a user name, as long as a JID's local part (RFC 7622 section 3.3)."""
RESERVED: Final = frozenset("anmrcsipve")
"""Attributes with a meaning of their own; as an extension they are out of place."""

_PRINTABLE: Final = re.compile(r"[!-+\--~]+")
_EXTENSION: Final = re.compile(r"([A-Za-z])=[^\0,]+")
_QUOTED: Final = re.compile(r"=(?!2C|3D)")
_BINDING: Final = re.compile(r"p=([A-Za-z0-9.-]+)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """The keys of one password that would let the person in.

    Attributes:
        label: Which password it is; comes back in ``Success``.
        stored_key: H(ClientKey).
        server_key: HMAC(SaltedPassword, "Server Key").

    """

    label: str
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Success:
    """The client knows a password.

    Attributes:
        message: The server's final message, which proves us to the client.
        label: Whose password it was, of the candidates.
        index: The same, as its place among the candidates.

    """

    message: bytes
    label: str
    index: int


def downgrade_input(mechanisms: Iterable[str], bindings: Iterable[str]) -> bytes:
    """Write what was offered as XEP-0474 section 5.1 wants it hashed.

    Args:
        mechanisms: Of the SASL profile that the client uses, in any order.
        bindings: Types of channel binding, where they were offered (XEP-0440).

    """
    text = "\x1e".join(sorted(mechanisms))
    kinds = "\x1e".join(sorted(bindings))
    return (f"{text}\x1f{kinds}" if kinds else text).encode()


class _Step(Enum):
    FIRST = auto()
    CHALLENGE = auto()
    FINAL = auto()
    OVER = auto()


class ScramServer:
    """One exchange: ``first``, then ``challenge``, then ``final``; each once.

    For a name that is unknown, go on with a salt that is always the same
    for that name and with no candidates: then nobody learns which names exist.

    Args:
        mechanism: The name of a SCRAM mechanism.
        nonce: Our part of the nonce: printable ASCII without a comma, fresh
            and random, at least ``NONCE_MINIMUM`` characters.
        bindings: What binds this connection: type (RFC 5929) to data.
        plus_offered: Whether the client was offered a -PLUS mechanism; then
            a client that says it was not has been lied to on the way.
        advertised: What ``downgrade_input`` made of the offer; empty: the
            challenge does not tell.

    Attributes:
        hash_name: ``"sha1"`` or ``"sha256"``.
        username: From ``first`` on: as sent, quoting undone, not prepared.
        authzid: From ``first`` on: whom the client wants to act as; ``""``:
            itself. Policy compares it.

    Raises:
        SaslError: ``invalid-mechanism``.
        UsageError: The nonce is not fit.

    """

    def __init__(
        self,
        mechanism: str,
        *,
        nonce: str,
        bindings: Mapping[str, bytes],
        plus_offered: bool,
        advertised: bytes = b"",
    ) -> None:
        self.hash_name = hash_of(mechanism)
        if len(nonce) < NONCE_MINIMUM or not _PRINTABLE.fullmatch(nonce):
            raise UsageError(f"a nonce is {NONCE_MINIMUM} or more printable characters, no comma")
        self.username = ""
        self.authzid = ""
        self._binds = mechanism.endswith("-PLUS")
        self._nonce = nonce
        self._bindings = bindings
        self._plus_offered = plus_offered
        self._advertised = advertised
        self._step = _Step.FIRST
        self._binding_input = b""
        self._first_bare = b""
        self._challenge = b""

    def first(self, message: bytes) -> str:
        """Read the client's first message and return the user name in it.

        Raises:
            SaslError: The exchange is over.
            UsageError: Not the time for it.

        """
        self._enter(_Step.FIRST, _Step.OVER)
        flag, comma, rest = _text(message).partition(",")
        authzid, second_comma, bare = rest.partition(",")
        if not comma or not second_comma:
            raise malformed("the first SCRAM message lacks its header")
        binding = self._judge_flag(flag)
        if authzid:
            self.authzid = _name(authzid, "a")
        attributes = bare.split(",")
        if len(attributes) < 2:
            raise malformed("the first SCRAM message needs a name and a nonce")
        _refuse_mandatory(attributes[0])
        self.username = _name(attributes[0], "n")
        nonce = attributes[1].removeprefix("r=")
        if nonce == attributes[1] or not _PRINTABLE.fullmatch(nonce) or len(nonce) > NONCE_LIMIT:
            raise malformed(
                f"the nonce must be 1 to {NONCE_LIMIT} printable ASCII characters, no comma"
            )
        _check_extensions(attributes[2:])
        self._nonce = nonce + self._nonce
        self._binding_input = f"{flag},{authzid},".encode() + binding
        self._first_bare = bare.encode()
        self._step = _Step.CHALLENGE
        return self.username

    def challenge(self, salt: bytes, iterations: int) -> bytes:
        """Return the server's first message.

        Args:
            salt: Of the person's keys.
            iterations: PBKDF2 rounds of these keys.

        Raises:
            UsageError: Not the time for it, or an argument cannot be sent.

        """
        if not salt or iterations < 1:
            raise UsageError("a SCRAM challenge needs a salt and at least one iteration")
        self._enter(_Step.CHALLENGE, _Step.FINAL)
        nonce = self._nonce.encode()
        self._challenge = b"r=%b,s=%b,i=%d" % (nonce, encode_base64(salt), iterations)
        if self._advertised:
            told = hashlib.new(self.hash_name, self._advertised).digest()
            self._challenge += b",h=" + encode_base64(told)
        return self._challenge

    def final(self, message: bytes, candidates: Sequence[Candidate]) -> Success:
        """Read the client's proof and find the password that it proves.

        Every candidate is tried, so the time tells nothing about which.

        Raises:
            SaslError: ``not-authorized``, or the message is malformed.
            UsageError: Not the time for it.

        """
        self._enter(_Step.FINAL, _Step.OVER)
        without_proof, mark, encoded = _text(message).rpartition(",p=")
        attributes = without_proof.split(",")
        if not mark or len(attributes) < 2:
            raise malformed("the last SCRAM message needs a channel binding, a nonce and a proof")
        self._check_binding(attributes[0])
        if attributes[1] != f"r={self._nonce}":
            raise malformed("the nonce in the last SCRAM message is not the one agreed on")
        _check_extensions(attributes[2:])
        proof = _base64(encoded, "the proof")
        signed = b",".join((self._first_bare, self._challenge, without_proof.encode()))
        found = -1
        for index, candidate in enumerate(candidates):
            if self._proves(proof, candidate, signed) and found < 0:
                found = index
        if found < 0:
            raise not_authorized()
        signature = hmac.digest(candidates[found].server_key, signed, self.hash_name)
        return Success(b"v=" + encode_base64(signature), candidates[found].label, found)

    def _enter(self, due: _Step, following: _Step) -> None:
        if self._step is not due:
            raise UsageError(f"SCRAM stands at {self._step.name}, not at {due.name}")
        self._step = following

    def _judge_flag(self, flag: str) -> bytes:
        """Return the data to bind to, by the rules of RFC 5802 section 6."""
        if flag in {"n", "y"}:
            if self._binds:
                raise malformed("a -PLUS mechanism needs channel binding, and there is none")
            if flag == "y" and self._plus_offered:
                raise SaslError(
                    SaslCondition.NOT_AUTHORIZED,
                    "channel binding was offered, and the client did not see the offer:"
                    " somebody may have changed the list of mechanisms on the way",
                )
            return b""
        match = _BINDING.fullmatch(flag)
        if match is None:
            raise malformed("the first SCRAM message must begin with n, y or p=")
        if not self._binds:
            raise malformed("channel binding needs a -PLUS mechanism")
        data = self._bindings.get(match[1])
        if data is None:
            raise malformed("this type of channel binding is not available on this connection")
        return data

    def _check_binding(self, attribute: str) -> None:
        encoded = attribute.removeprefix("c=")
        if encoded == attribute:
            raise malformed("the last SCRAM message must begin with its channel binding")
        if not hmac.compare_digest(_base64(encoded, "the binding"), self._binding_input):
            raise SaslError(
                SaslCondition.NOT_AUTHORIZED,
                "the channel binding does not match this connection:"
                " somebody may stand between client and server",
            )

    def _proves(self, proof: bytes, candidate: Candidate, signed: bytes) -> bool:
        signature = hmac.digest(candidate.stored_key, signed, self.hash_name)
        if len(proof) != len(signature):
            return False
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        stored_key = hashlib.new(self.hash_name, client_key).digest()
        return hmac.compare_digest(stored_key, candidate.stored_key)


def _text(message: bytes) -> str:
    if len(message) > MESSAGE_LIMIT:
        raise malformed(f"the SCRAM message is longer than {MESSAGE_LIMIT} octets")
    try:
        text = message.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("the SCRAM message is not UTF-8") from None
    if "\0" in text:
        raise malformed("the SCRAM message holds a NUL")
    return text


def _name(attribute: str, letter: str) -> str:
    """Return the value of ``a=`` or ``n=`` with its quoting undone."""
    value = attribute.removeprefix(f"{letter}=")
    if value == attribute or not value or _QUOTED.search(value):
        raise malformed(f"the SCRAM message has no valid name after {letter}=")
    name = value.replace("=2C", ",").replace("=3D", "=")
    if len(name.encode()) > USERNAME_LIMIT:
        raise malformed(f"the name is longer than {USERNAME_LIMIT} octets")
    return name


def _check_extensions(attributes: Sequence[str]) -> None:
    """Refuse what is no extension or must be understood; ignore the others (section 5.1)."""
    for attribute in attributes:
        _refuse_mandatory(attribute)
        match = _EXTENSION.fullmatch(attribute)
        if match is None or match[1] in RESERVED:
            raise malformed("the SCRAM message holds an attribute that is out of place")


def _refuse_mandatory(attribute: str) -> None:
    if attribute.startswith("m="):
        raise malformed("the SCRAM message asks for an extension that is not supported")


def _base64(text: str, what: str) -> bytes:
    try:
        return decode_base64(text)
    except SaslError:
        raise malformed(f"{what} in the SCRAM message is not valid base64") from None
