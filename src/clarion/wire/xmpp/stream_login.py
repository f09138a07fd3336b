"""How a client's stream logs in: SASL exchanges, message by message (RFC 6120, section 6)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from clarion.wire.sasl import (
    Candidate,
    Mechanism,
    SaslCondition,
    SaslError,
    ScramServer,
    decode_base64,
    encode_base64,
    offered,
    parse_plain,
)
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.names import CLIENT, SASL
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream_events import KeysWanted, PasswordGiven, ProofGiven, StreamRules

AUTH: Final = f"{{{SASL}}}auth"
RESPONSE: Final = f"{{{SASL}}}response"
ABORT: Final = f"{{{SASL}}}abort"


def mechanism_names(rules: StreamRules, bindings: Collection[str], *, secure: bool) -> list[str]:
    """Return what a stream is offered, once no STARTTLS is to come any more."""
    return offered(tls=secure, plain=secure or rules.without_tls, bindings=bindings)


class Exchange:
    """One exchange, from ``<auth/>`` to the driver's verdict.

    Args:
        mechanism: One of those offered.
        token: Makes a fresh unguessable text, for the nonce of SCRAM.
        bindings: Channel bindings of the TLS below, by type; where there are
            any, -PLUS was offered.

    Attributes:
        success: What goes into ``<success/>``: the proof that we know the
            password too (SCRAM), or nothing.

    """

    def __init__(
        self, mechanism: str, token: Callable[[], str], bindings: Mapping[str, bytes]
    ) -> None:
        self.success = b""
        self._candidates: Sequence[Candidate] = ()
        self._scram: ScramServer | None = None
        if mechanism != Mechanism.PLAIN:
            self._scram = ScramServer(
                mechanism, nonce=token(), bindings=bindings, plus_offered=bool(bindings)
            )

    def step(self, message: bytes) -> KeysWanted | PasswordGiven | ProofGiven:
        """Read the client's next message; the driver has the word after each.

        Raises:
            SaslError: The exchange is over.

        """
        scram = self._scram
        if scram is None:
            plain = parse_plain(message)
            return PasswordGiven(plain.authcid, plain.authzid, plain.password)
        if not scram.username:
            return KeysWanted(scram.first(message), scram.hash_name)
        return ProofGiven(scram.username, scram.authzid, self._prove(scram, message))

    def challenge(self, salt: bytes, iterations: int, candidates: Sequence[Candidate]) -> bytes:
        """Return the challenge that follows ``KeysWanted``."""
        assert self._scram is not None, "keys() without KeysWanted"
        self._candidates = candidates
        return self._scram.challenge(salt, iterations)

    def _prove(self, scram: ScramServer, message: bytes) -> str | None:
        """Return the label of the password that was proved, ``None`` for none."""
        try:
            result = scram.final(message, self._candidates)
        except SaslError as error:
            if error.condition is not SaslCondition.NOT_AUTHORIZED:
                raise
            return None
        self.success = result.message
        return result.label


class Login:
    """A stream's attempts to log in, one exchange after the other.

    Args:
        rules: Whether STARTTLS comes first, and what is offered.
        token: Makes a fresh unguessable text.

    Attributes:
        failures: Attempts that came to nothing.

    """

    __slots__ = ("_exchange", "_rules", "_token", "failures")

    def __init__(self, rules: StreamRules, token: Callable[[], str]) -> None:
        self._rules = rules
        self._token = token
        self._exchange: Exchange | None = None
        self.failures = 0

    def take(
        self, element: Stanza, bindings: Mapping[str, bytes], *, secure: bool
    ) -> bytes | KeysWanted | PasswordGiven | ProofGiven:
        """Read one of ``AUTH``, ``RESPONSE`` and ``ABORT``.

        Args:
            element: An abort or a response only within an exchange.
            bindings: Channel bindings of the TLS below, by type.
            secure: There is TLS below.

        Returns:
            What the driver is to answer, or bytes for the client, which has
            not said anything yet.

        Raises:
            SaslError: The attempt has failed; ``fail`` says so to the client.

        """
        if element.tag == ABORT:
            raise SaslError(SaslCondition.ABORTED, "")
        if element.tag == AUTH:
            exchange = self._begin(element.attributes.get("mechanism", ""), bindings, secure=secure)
        else:
            assert self._exchange is not None, "a response comes within an exchange"
            exchange = self._exchange
        text = parse(element.raw, CLIENT).text or ""
        if not text and element.tag == AUTH:
            return _challenge(b"")
        return exchange.step(decode_base64(text))

    def challenge(self, salt: bytes, iterations: int, candidates: Sequence[Candidate]) -> bytes:
        """Return the challenge that follows ``KeysWanted``; without candidates all proofs fail."""
        assert self._exchange is not None, "keys() without KeysWanted"
        return _challenge(self._exchange.challenge(salt, iterations, candidates))

    def succeed(self) -> bytes:
        """End the exchange well; return what tells the client."""
        assert self._exchange is not None, "admit() without PasswordGiven or ProofGiven"
        success, self._exchange = self._exchange.success, None
        return _success(success)

    def fail(self, condition: SaslCondition, text: str) -> bytes:
        """End the attempt, whether or not an exchange began; return what tells the client."""
        self._exchange = None
        self.failures += 1
        return _failure(condition, text)

    def _begin(self, mechanism: str, bindings: Mapping[str, bytes], *, secure: bool) -> Exchange:
        if self._rules.starttls and not secure:
            raise SaslError(SaslCondition.ENCRYPTION_REQUIRED, "STARTTLS comes first")
        if mechanism not in mechanism_names(self._rules, bindings, secure=secure):
            raise SaslError(SaslCondition.INVALID_MECHANISM, "not one of those offered")
        self._exchange = Exchange(mechanism, self._token, bindings)
        return self._exchange


def _challenge(data: bytes) -> bytes:
    """Write a challenge; an empty one asks for the first message (section 6.4.3)."""
    return f"<challenge xmlns='{SASL}'>{encode_base64(data).decode()}</challenge>".encode()


def _success(data: bytes) -> bytes:
    """Write the success, with additional data if there is any (section 6.4.6)."""
    return f"<success xmlns='{SASL}'>{encode_base64(data).decode()}</success>".encode()


def _failure(condition: SaslCondition, text: str) -> bytes:
    """Write a failure (section 6.4.5)."""
    said = f"<text xml:lang='en'>{escape(text)}</text>" if text else ""
    return f"<failure xmlns='{SASL}'><{condition}/>{said}</failure>".encode()
