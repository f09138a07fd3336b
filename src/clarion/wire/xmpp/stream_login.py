"""One log-in of a client's stream: a SASL exchange, message by message (RFC 6120, section 6)."""

from collections.abc import Callable, Collection, Mapping, Sequence

from clarion.wire.sasl import (
    Candidate,
    Mechanism,
    SaslCondition,
    SaslError,
    ScramServer,
    encode_base64,
    offered,
    parse_plain,
)
from clarion.wire.xml import escape
from clarion.wire.xmpp.names import SASL
from clarion.wire.xmpp.stream_events import KeysWanted, PasswordGiven, ProofGiven, StreamRules


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


def challenge_element(data: bytes) -> bytes:
    """Write a challenge; an empty one asks for the first message (section 6.4.3)."""
    return f"<challenge xmlns='{SASL}'>{encode_base64(data).decode()}</challenge>".encode()


def success_element(data: bytes) -> bytes:
    """Write the success, with additional data if there is any (section 6.4.6)."""
    return f"<success xmlns='{SASL}'>{encode_base64(data).decode()}</success>".encode()


def failure_element(condition: SaslCondition, text: str) -> bytes:
    """Write a failure (section 6.4.5)."""
    said = f"<text xml:lang='en'>{escape(text)}</text>" if text else ""
    return f"<failure xmlns='{SASL}'><{condition}/>{said}</failure>".encode()
