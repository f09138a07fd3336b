"""How a client's stream logs in: SASL exchanges, message by message.

In the profile of RFC 6120 section 6, and in that of SASL2 (XEP-0388), which
differ in how they are written (``sasl2.py``) and in what comes behind.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

from clarion.wire.sasl import (
    Candidate,
    Mechanism,
    SaslCondition,
    SaslError,
    ScramServer,
    binding_of,
    decode_base64,
    downgrade_input,
    encode_base64,
    offered,
    offered_ht,
    parse_ht,
    parse_plain,
)
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp import sasl2
from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.names import CLIENT, SASL
from clarion.wire.xmpp.sasl2 import ABORT2, AUTHENTICATE, Request, Wishes, read_request
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream_events import (
    KeysWanted,
    PasswordGiven,
    Phase,
    ProofGiven,
    StreamRules,
    TokenGiven,
    WishesMade,
)

AUTH: Final = f"{{{SASL}}}auth"
RESPONSE: Final = f"{{{SASL}}}response"
ABORT: Final = f"{{{SASL}}}abort"

Verdict = KeysWanted | PasswordGiven | ProofGiven | TokenGiven
"""What the driver has to look at before an exchange goes on."""


def mechanism_names(rules: StreamRules, bindings: Collection[str], *, secure: bool) -> list[str]:
    """Return what a stream is offered, once no STARTTLS is to come any more."""
    return offered(tls=secure, plain=secure or rules.without_tls, bindings=bindings)


class Ground(Protocol):
    """What of its stream a log-in stands on; ``stream_header.Greeting`` has it."""

    @property
    def peer(self) -> str:
        """What the client said in the header's ``from``; ``""``: nothing."""
        ...

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """Channel bindings of the TLS below, by type."""
        ...

    @property
    def secure(self) -> bool:
        """Whether there is TLS below."""
        ...


class Exchange:
    """One exchange, from ``<auth/>`` to the driver's verdict.

    Args:
        mechanism: One of those offered.
        token: Makes a fresh unguessable text, for the nonce of SCRAM.
        bindings: Channel bindings of the TLS below, by type; where there are
            any, -PLUS was offered.
        advertised: The offer, as ``downgrade_input`` writes it.

    Attributes:
        success: What goes into ``<success/>``: the proof that we know the
            password too (SCRAM), or nothing.

    """

    def __init__(
        self,
        mechanism: str,
        token: Callable[[], str],
        bindings: Mapping[str, bytes],
        advertised: bytes,
    ) -> None:
        self.success = b""
        self._candidates: Sequence[Candidate] = ()
        self._scram: ScramServer | None = None
        if mechanism != Mechanism.PLAIN:
            self._scram = ScramServer(
                mechanism,
                nonce=token(),
                bindings=bindings,
                plus_offered=bool(bindings),
                advertised=advertised,
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
        wishes: What the attempt asks for beside the log-in; ``None``: it is not of SASL2.

    """

    __slots__ = ("_exchange", "_proved", "_rules", "_token", "failures", "wishes")

    def __init__(self, rules: StreamRules, token: Callable[[], str]) -> None:
        self._rules = rules
        self._token = token
        self._exchange: Exchange | None = None
        self._proved = b""  # what the mechanism says last (section 6.4.6)
        self.failures = 0
        self.wishes: Wishes | None = None

    def take(self, element: Stanza, stream: Ground) -> bytes | Verdict:
        """Read an element of an exchange, in either profile.

        Args:
            element: An abort or a response only within an exchange, and of its profile.
            stream: Where it stands.

        Returns:
            What the driver is to answer, or bytes for the client, which has
            not said anything yet.

        Raises:
            SaslError: The attempt has failed; ``fail`` says so to the client.

        """
        if element.tag in {ABORT, ABORT2}:
            raise SaslError(SaslCondition.ABORTED, "")
        if element.tag in {AUTH, AUTHENTICATE}:
            request = self._request(element)
            if self.wishes is not None and self.wishes.token_use is not None:
                return self._token_given(request, self.wishes, stream)
            exchange = self._begin(request.mechanism, stream)
            if request.initial is None:
                return self._challenge(b"")
            text = request.initial
        else:
            assert self._exchange is not None, "a response comes within an exchange"
            exchange = self._exchange
            text = parse(element.raw, CLIENT).text or ""
        event = exchange.step(decode_base64(text))
        if self.wishes is not None and not isinstance(event, KeysWanted):
            _check_authzid(event.authzid, stream.peer)
        return event

    def challenge(self, salt: bytes, iterations: int, candidates: Sequence[Candidate]) -> bytes:
        """Return the challenge that follows ``KeysWanted``; without candidates all proofs fail."""
        assert self._exchange is not None, "keys() without KeysWanted"
        return self._challenge(self._exchange.challenge(salt, iterations, candidates))

    @property
    def phase(self) -> Phase:
        """Which one it is while an exchange waits for the client."""
        return Phase.AUTHENTICATING if self.wishes is None else Phase.AUTHENTICATING_2

    def succeed(self, answer: bytes = b"") -> bytes | WishesMade:
        """End the exchange well.

        Args:
            answer: What proves us to who gave a token.

        Returns:
            What tells the client, or what the driver is to do first (SASL2).

        """
        self._proved = answer if self._exchange is None else self._exchange.success
        self._exchange = None
        return _success(self._proved) if self.wishes is None else WishesMade(self.wishes)

    def welcome(self, identifier: str, inner: bytes) -> bytes:
        """Return what tells the client of SASL2 that it is in; see ``sasl2.success``."""
        return sasl2.success(self._proved, identifier, inner)

    def fail(self, condition: SaslCondition, text: str) -> bytes:
        """End the attempt, whether or not an exchange began; return what tells the client."""
        self._exchange = None
        self.failures += 1
        if self.wishes is not None:
            return sasl2.failure(condition, text)
        return _failure(condition, text)

    def _request(self, element: Stanza) -> Request:
        """Begin an attempt; from here on it is answered in its own profile."""
        if element.tag == AUTHENTICATE:
            self.wishes = Wishes()
            request = read_request(element)
            self.wishes = request.wishes
            return request
        self.wishes = None
        text = parse(element.raw, CLIENT).text
        return Request(element.attributes.get("mechanism", ""), text or None, Wishes())

    def _challenge(self, data: bytes) -> bytes:
        return _challenge(data) if self.wishes is None else sasl2.challenge(data)

    def _check_secure(self, stream: Ground) -> None:
        if self._rules.starttls and not stream.secure:
            raise SaslError(SaslCondition.ENCRYPTION_REQUIRED, "STARTTLS comes first")

    def _begin(self, mechanism: str, stream: Ground) -> Exchange:
        self._check_secure(stream)
        bindings = stream.bindings
        names = mechanism_names(self._rules, bindings, secure=stream.secure)
        if mechanism not in names:
            raise SaslError(SaslCondition.INVALID_MECHANISM, "not one of those offered")
        advertised = downgrade_input(names, bindings)
        self._exchange = Exchange(mechanism, self._token, bindings, advertised)
        return self._exchange

    def _token_given(self, request: Request, wishes: Wishes, stream: Ground) -> TokenGiven:
        """Read a log-in with a token, which is one message (XEP-0484 section 3.4)."""
        self._check_secure(stream)
        if not self._rules.tokens or request.mechanism not in offered_ht(stream.bindings):
            raise SaslError(SaslCondition.INVALID_MECHANISM, "not one of those offered for tokens")
        if not wishes.agent.id:
            raise SaslError(SaslCondition.MALFORMED_REQUEST, "a token is its client's: who is it?")
        assert wishes.token_use is not None, "or it would be another log-in"
        message = parse_ht(decode_base64(request.initial or ""))
        return TokenGiven(
            message.authcid,
            request.mechanism,
            message.proof,
            stream.bindings.get(binding_of(request.mechanism), b""),
            wishes.agent.id,
            wishes.token_use,
        )


def _check_authzid(authzid: str, peer: str) -> None:
    """Refuse to act for somebody else than the header's ``from`` says (XEP-0388 section 5.5)."""
    if not authzid or not peer:
        return
    try:
        same = parse_jid(authzid).bare == parse_jid(peer).bare
    except JidError:
        same = False
    if not same:
        raise SaslError(SaslCondition.INVALID_AUTHZID, "the stream's 'from' says something else")


def _success(data: bytes) -> bytes:
    """Write the success, with additional data if there is any (section 6.4.6)."""
    return f"<success xmlns='{SASL}'>{encode_base64(data).decode()}</success>".encode()


def _challenge(data: bytes) -> bytes:
    """Write a challenge; an empty one asks for the first message (section 6.4.3)."""
    return f"<challenge xmlns='{SASL}'>{encode_base64(data).decode()}</challenge>".encode()


def _failure(condition: SaslCondition, text: str) -> bytes:
    """Write a failure (section 6.4.5)."""
    said = f"<text xml:lang='en'>{escape(text)}</text>" if text else ""
    return f"<failure xmlns='{SASL}'><{condition}/>{said}</failure>".encode()
