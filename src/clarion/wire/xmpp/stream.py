"""A client's stream from the first byte to binding, and its stanzas after (RFC 6120).

The rules of this file:

1. ``ServerStream.ORDER`` says which first-level element is lawful in which phase and who
   takes it. What is not in the table ends the stream (section 4.9.3).
2. Whatever needs a policy (TLS, passwords, resources) is an event; the stream
   then reads no further until the driver has answered, so a client that
   pipelines cannot slip a byte past a change of rules.
3. Until log-in the limits are small and one element is read at a time; after
   binding a chunk of bytes becomes a list of stanzas.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, Final
from xml.etree.ElementTree import Element

from clarion.wire.sasl import (
    Candidate,
    PlainMessage,
    SaslCondition,
    SaslError,
    ScramServer,
    decode_base64,
    encode_base64,
    offered,
    parse_plain,
)
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.errors import (
    StanzaCondition,
    StanzaError,
    StreamCondition,
    StreamError,
    error_reply,
)
from clarion.wire.xmpp.names import BIND, CLIENT, IQ, SASL, STANZAS, STREAMS, TLS, XML_LANG
from clarion.wire.xmpp.slicer import Slicer, StreamEnd, StreamStart
from clarion.wire.xmpp.stanza import Stanza

_CLOSE: Final = b"</stream:stream>"
_BIND_TAG: Final = f"{{{BIND}}}bind"
_ERROR_TAG: Final = f"{{{STREAMS}}}error"
_TLS_RECORD: Final = 0x16  # how a TLS handshake begins (RFC 8446 section 5.1); never XML


class Phase(Enum):
    """Where the negotiation stands."""

    HEADER = auto()  # a stream header must come
    SECURE_OR_AUTHENTICATE = auto()  # features without bind were sent
    SECURING = auto()  # the driver does the TLS handshake
    AUTHENTICATING = auto()  # a SASL exchange waits for the client
    VERIFYING = auto()  # a SASL exchange waits for the driver
    BIND = auto()  # features with bind were sent
    BINDING = auto()  # the driver chooses the resource, or resumes
    BOUND = auto()
    CLOSED = auto()


WAITING: Final = frozenset({Phase.SECURING, Phase.VERIFYING, Phase.BINDING, Phase.CLOSED})
"""Phases in which the driver has the word and nothing is read."""


@dataclass(frozen=True, slots=True)
class SecureWanted:
    """Do the TLS handshake, then call ``secured``.

    What is received until then must have come through TLS; it is read after
    ``secured``.
    """


@dataclass(frozen=True, slots=True)
class KeysWanted:
    """Answer with ``keys``: the client wants to prove that it is ``username`` (SCRAM)."""

    username: str
    hash_name: str


@dataclass(frozen=True, slots=True)
class PasswordGiven:
    """Check the password (PLAIN), then call ``admit`` or ``reject``."""

    username: str
    authzid: str
    password: str


@dataclass(frozen=True, slots=True)
class ProofGiven:
    """SCRAM has its result; call ``admit`` or ``reject`` when it may be told.

    Attributes:
        label: Which password it was (``""``: the main one), or ``None`` when
            the proof is wrong.

    """

    username: str
    authzid: str
    label: str | None


@dataclass(frozen=True, slots=True)
class BindWanted:
    """Choose a resource, then call ``bound`` or ``bind_refused``.

    Attributes:
        resource: What the client asks for; ``""`` leaves it to the server.

    """

    resource: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A feature's element came after log-in and before binding (XEP-0198 resumption).

    Answer with ``bound`` or ``not_taken``.
    """

    element: Stanza


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream has ended; nothing more will come.

    Attributes:
        error: Why, when it was not the client's orderly close.
        clean: Whether the client closed its stream with an end tag.

    """

    error: StreamError | None
    clean: bool


Event = (
    SecureWanted | KeysWanted | PasswordGiven | ProofGiven | BindWanted | Offered | Stanza | Closed
)


@dataclass(frozen=True, slots=True)
class StreamRules:
    """What one listener's streams must keep to.

    Attributes:
        domain: The only host served here.
        starttls: STARTTLS is offered and required before anything else.
        without_tls: Log-in is offered without TLS (``listen_plain``, loopback only).
        login_attempts: LIMIT of failed log-ins; section 6.4.5 asks for 2 to 5.
        early_stanza_bytes: LIMIT of one element before log-in.
        early_total_bytes: LIMIT of all bytes before log-in.
        stanza_bytes: LIMIT of one stanza after log-in.
        negotiation_seconds: LIMIT from the first byte to binding.
        features: Further elements offered with bind, as bytes.
        early_tags: First-level tags of such features, handed out as ``Offered``.
        late_tags: First-level tags handed out after binding beside stanzas.

    """

    domain: str
    starttls: bool
    without_tls: bool = False
    login_attempts: int = 5
    early_stanza_bytes: int = 10 * 1024
    early_total_bytes: int = 256 * 1024
    stanza_bytes: int = 256 * 1024
    negotiation_seconds: float = 60.0
    features: bytes = b""
    early_tags: frozenset[str] = frozenset()
    late_tags: frozenset[str] = frozenset()


class ServerStream:
    """The server's end of one client's stream; an ``Engine``.

    Args:
        rules: What this stream keeps to.
        token: Makes a fresh unguessable text, for stream ids and nonces.
        now: Monotonic seconds.
        secure: The bytes come through TLS already (XEP-0368).
        bindings: Channel bindings of that TLS by type (RFC 5929).

    """

    def __init__(
        self,
        rules: StreamRules,
        *,
        token: Callable[[], str],
        now: float,
        secure: bool = False,
        bindings: Mapping[str, bytes] | None = None,
    ) -> None:
        self.phase = Phase.HEADER
        self.lang = ""  # the stream's xml:lang, which its stanzas inherit (section 4.7.4)
        self.username = ""
        self._rules = rules
        self._token = token
        self._secure = secure
        self._bindings = dict(bindings or {})
        self._deadline: float | None = now + rules.negotiation_seconds
        self._slicer = Slicer(
            stanza_limit=rules.early_stanza_bytes, total_limit=rules.early_total_bytes, step=True
        )
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._fresh = True  # nothing has come yet
        self._working = False
        self._opened = False  # our header of the current stream has been sent
        self._authenticated = False
        self._failures = 0
        self._scram: ScramServer | None = None
        self._success = b""
        self._bind_id = ""
        self._bind_stanza: Stanza | None = None
        self._candidates: Sequence[Candidate] = ()
        self._peer = ""  # the 'from' of the client's header

    # -- the five verbs -------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """See ``Engine``."""
        if self.phase is Phase.BOUND:
            if data:
                self._stanzas(data)
            else:
                self._close(None, clean=False)
            return
        if self.phase is Phase.CLOSED:
            return
        if not data:
            self._close(None, clean=False)
            return
        if self._fresh and data[0] == _TLS_RECORD and not self._secure:
            self.fail(
                StreamError(
                    StreamCondition.POLICY_VIOLATION,
                    "this port begins in the clear; for TLS at once use the direct TLS port",
                )
            )
            return
        self._fresh = False
        self._slicer.hold(data)
        self._work()

    def wake(self, now: float) -> None:
        """End a negotiation that takes too long (section 4.9.3.4)."""
        if self._deadline is not None and now >= self._deadline:
            self.fail(StreamError(StreamCondition.CONNECTION_TIMEOUT, "log-in took too long"))

    def events(self) -> Sequence[Event]:
        """See ``Engine``."""
        events, self._events = self._events, []
        return events

    def outbox(self) -> bytes:
        """See ``Engine``."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def deadline(self) -> float | None:
        """See ``Engine``."""
        return self._deadline

    # -- what the driver answers; a stream that has ended meanwhile does not listen --

    def secured(self, bindings: Mapping[str, bytes]) -> None:
        """Go on after the TLS handshake with a new stream (section 5.4.3.3)."""
        if self.phase is Phase.CLOSED:
            return
        self._secure = True
        self._bindings = dict(bindings)
        self._restart()

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[Candidate]) -> None:
        """Go on with a SCRAM exchange; no candidates lets every proof fail."""
        if self.phase is Phase.CLOSED:
            return
        assert self._scram is not None, "keys() without KeysWanted"
        self._candidates = candidates
        self.phase = Phase.AUTHENTICATING
        self._challenge(self._scram.challenge(salt, iterations))
        self._work()

    def admit(self, username: str) -> None:
        """Tell the client that it is logged in as the local part ``username``."""
        if self.phase is Phase.CLOSED:
            return
        self.username = username
        self._authenticated = True
        data = encode_base64(self._success).decode() if self._success else ""
        self._out.append(f"<success xmlns='{SASL}'>{data}</success>".encode())
        self._scram = None
        self._restart()

    def reject(self, condition: SaslCondition, text: str = "") -> None:
        """Refuse the log-in; after ``login_attempts`` of them the stream ends."""
        if self.phase is Phase.CLOSED:
            return
        self._scram = None
        self._success = b""
        self.phase = Phase.SECURE_OR_AUTHENTICATE
        said = f"<text xml:lang='en'>{escape(text)}</text>" if text else ""
        self._out.append(f"<failure xmlns='{SASL}'><{condition}/>{said}</failure>".encode())
        self._failures += 1
        if self._failures >= self._rules.login_attempts:
            self.fail(StreamError(StreamCondition.POLICY_VIOLATION, "too many failed log-ins"))
        else:
            self._work()

    def bound(self, full_jid: str) -> None:
        """Tell the client its full JID, unless it resumed; stanzas flow from here on."""
        if self.phase is Phase.CLOSED:
            return
        if self._bind_id:
            self._out.append(
                f"<iq type='result' id='{escape(self._bind_id)}'><bind xmlns='{BIND}'>"
                f"<jid>{escape(full_jid)}</jid></bind></iq>".encode()
            )
        self._bind_id = ""
        self._deadline = None
        self.phase = Phase.BOUND
        self._slicer.relax(self._rules.stanza_bytes)

    def pump(self) -> None:
        """Read what had come before ``bound`` or ``resume``; call it when ready for stanzas."""
        if self.phase is Phase.BOUND:
            self._stanzas(b"")

    def bind_refused(self, error: StanzaError) -> None:
        """Refuse the resource; the client may ask again (section 7.7.3)."""
        if self.phase is Phase.CLOSED:
            return
        assert self._bind_stanza is not None, "bind_refused() without BindWanted"
        self._out.append(error_reply(self._bind_stanza, error, None, None))
        self._bind_id = ""
        self.phase = Phase.BIND
        self._work()

    def not_taken(self, answer: bytes) -> None:
        """Answer an ``Offered`` element; the client may still bind."""
        if self.phase is Phase.CLOSED:
            return
        self._out.append(answer)
        self.phase = Phase.BIND
        self._work()

    def let_go(self) -> None:
        """Free the parser; the connection is gone."""
        self._slicer.close()

    def send(self, data: bytes) -> None:
        """Queue bytes for the client behind what the stream itself says."""
        self._out.append(data)

    def fail(self, error: StreamError) -> None:
        """End the stream with an error (section 4.9.1)."""
        if self.phase is Phase.CLOSED:
            return
        self._open()
        self._out.append(error.to_bytes())
        self._close(error, clean=False)

    def close(self) -> None:
        """End the stream in an orderly way (section 4.4)."""
        if self.phase is not Phase.CLOSED:
            self._close(None, clean=True)

    # -- reading --------------------------------------------------------------

    def _work(self) -> None:
        """Take elements one at a time until the driver has the word or bytes run out."""
        if self._working:
            return  # an answer from within; the loop below goes on
        self._working = True
        while self.phase not in WAITING:
            events = self._slicer.feed(b"")
            for event in events:
                self._element(event)
            if not events:
                if self._slicer.failure is not None:
                    self.fail(self._slicer.failure)
                break
        self._working = False

    def _stanzas(self, data: bytes) -> None:
        allowed = self._rules.late_tags
        for event in self._slicer.feed(data):
            if type(event) is Stanza and (event.tag in STANZAS or event.tag in allowed):
                self._events.append(event)
            else:
                self._element(event)
            if self.phase is Phase.CLOSED:
                return
        if self._slicer.failure is not None:
            self.fail(self._slicer.failure)

    def _element(self, event: StreamStart | Stanza | StreamEnd) -> None:
        if isinstance(event, StreamStart):
            self._header(event)
        elif isinstance(event, StreamEnd):
            self._close(None, clean=True)
        else:
            self._order(event)

    def _order(self, element: Stanza) -> None:
        handler = self.ORDER.get((self.phase, element.tag))
        if handler is not None:
            handler(self, element)
        elif element.tag == _ERROR_TAG:
            self._close(None, clean=False)  # section 4.9.1.1; an error is not answered with one
        elif self.phase is Phase.BIND and element.tag in self._rules.early_tags:
            self.phase = Phase.BINDING
            self._events.append(Offered(element))
        elif self.phase is Phase.BOUND or element.tag not in STANZAS:
            self.fail(
                StreamError(StreamCondition.UNSUPPORTED_STANZA_TYPE, "not expected at this point")
            )
        else:
            self.fail(StreamError(StreamCondition.NOT_AUTHORIZED, "log in and bind first"))

    # -- the header (sections 4.2, 4.3 and 4.7) --------------------------------

    def _header(self, start: StreamStart) -> None:
        attributes = start.attributes
        self.lang = attributes.get(XML_LANG, "")
        self._peer = attributes.get("from", "")
        wrong = self._wrong_header(start)
        if wrong is not None:
            self.fail(wrong)
            return
        self._open()
        self._out.append(self._features())
        self.phase = Phase.BIND if self._authenticated else Phase.SECURE_OR_AUTHENTICATE

    def _wrong_header(self, start: StreamStart) -> StreamError | None:
        to = start.attributes.get("to")
        version = start.attributes.get("version", "0.9")
        major = version.partition(".")[0]
        if not start.tag.startswith(f"{{{STREAMS}}}"):
            return StreamError(
                StreamCondition.INVALID_NAMESPACE, f"the stream must be in {STREAMS}"
            )
        if start.tag != f"{{{STREAMS}}}stream":
            return StreamError(StreamCondition.BAD_FORMAT, "a stream begins with <stream:stream>")
        if start.default_namespace != CLIENT:
            return StreamError(StreamCondition.INVALID_NAMESPACE, f"content must be in {CLIENT}")
        if to is None:
            return StreamError(StreamCondition.IMPROPER_ADDRESSING, "the header needs a 'to'")
        if to.lower().rstrip(".") != self._rules.domain:
            return StreamError(StreamCondition.HOST_UNKNOWN, f"{self._rules.domain} is served here")
        # Of any length and with leading zeros (section 4.7.5), so it is no case for int().
        if not (major.isascii() and major.isdigit() and major.strip("0")):
            return StreamError(StreamCondition.UNSUPPORTED_VERSION, "version 1.0 is spoken here")
        return None

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        to = f" to='{escape(self._peer)}'" if self._peer else ""
        self._out.append(
            f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'"
            f" from='{self._rules.domain}'{to} id='{self._token()}' version='1.0'"
            f" xml:lang='en'>".encode()
        )

    def _features(self) -> bytes:
        if self._authenticated:
            # COMPAT(clients of RFC 3921): a session element that asks for nothing.
            inner = (
                f"<bind xmlns='{BIND}'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'>"
                "<optional/></session>".encode()
                + self._rules.features
            )
        elif self._rules.starttls and not self._secure:
            inner = f"<starttls xmlns='{TLS}'><required/></starttls>".encode()
        else:
            inner = self._mechanisms()
        return b"<stream:features>%b</stream:features>" % inner

    def _mechanism_names(self) -> list[str]:
        return offered(
            tls=self._secure,
            plain=self._secure or self._rules.without_tls,
            bindings=self._bindings,
        )

    def _mechanisms(self) -> bytes:
        names = "".join(f"<mechanism>{name}</mechanism>" for name in self._mechanism_names())
        kinds = "".join(f"<channel-binding type='{kind}'/>" for kind in sorted(self._bindings))
        # XEP-0440 section 3: the binding types beside the mechanisms.
        told = f"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{kinds}</sasl-channel-binding>"
        return f"<mechanisms xmlns='{SASL}'>{names}</mechanisms>{told if kinds else ''}".encode()

    def _restart(self) -> None:
        self._slicer.restart()
        self._opened = False
        self.phase = Phase.HEADER
        self._work()

    # -- TLS (section 5) --------------------------------------------------------

    def _starttls(self, element: Stanza) -> None:
        if not self._rules.starttls or self._secure:
            self._out.append(f"<failure xmlns='{TLS}'/>".encode())
            self._close(None, clean=False)
        elif self._slicer.leftover():
            # Bytes behind <starttls/> were sent in the clear and would be taken for secured ones.
            self.fail(StreamError(StreamCondition.POLICY_VIOLATION, "data before the handshake"))
        else:
            self._out.append(f"<proceed xmlns='{TLS}'/>".encode())
            self.phase = Phase.SECURING
            self._events.append(SecureWanted())

    # -- SASL (section 6) --------------------------------------------------------

    def _auth(self, element: Stanza) -> None:
        mechanism = element.attributes.get("mechanism", "")
        if self._rules.starttls and not self._secure:
            self.reject(SaslCondition.ENCRYPTION_REQUIRED, "STARTTLS comes first")
            return
        if mechanism not in self._mechanism_names():
            self.reject(SaslCondition.INVALID_MECHANISM, "not one of those offered")
            return
        if mechanism != "PLAIN":
            self._scram = ScramServer(
                mechanism,
                nonce=self._token(),
                bindings=self._bindings,
                plus_offered=bool(self._bindings),
            )
        self.phase = Phase.AUTHENTICATING
        text = parse(element.raw, CLIENT).text or ""
        if text:
            self._step(text)
        else:
            self._challenge(b"")

    def _response(self, element: Stanza) -> None:
        self._step(parse(element.raw, CLIENT).text or "")

    def _abort(self, element: Stanza) -> None:
        self.reject(SaslCondition.ABORTED)

    def _challenge(self, data: bytes) -> None:
        text = encode_base64(data).decode() if data else ""
        self._out.append(f"<challenge xmlns='{SASL}'>{text}</challenge>".encode())

    def _step(self, text: str) -> None:
        try:
            self._exchange(decode_base64(text))
        except SaslError as error:
            self.reject(error.condition, str(error))

    def _exchange(self, message: bytes) -> None:
        scram = self._scram
        if scram is None:
            self._plain(parse_plain(message))
        elif not scram.username:
            username = scram.first(message)
            self.phase = Phase.VERIFYING
            self._events.append(KeysWanted(username, scram.hash_name))
        else:
            self._events.append(ProofGiven(scram.username, scram.authzid, self._proof(message)))
            self.phase = Phase.VERIFYING

    def _proof(self, message: bytes) -> str | None:
        """Return the label of the password that was proved, ``None`` for none."""
        assert self._scram is not None, "a proof comes within an exchange"
        try:
            result = self._scram.final(message, self._candidates)
        except SaslError as error:
            if error.condition is not SaslCondition.NOT_AUTHORIZED:
                raise
            return None
        self._success = result.message
        return result.label

    def _plain(self, message: PlainMessage) -> None:
        self.phase = Phase.VERIFYING
        self._success = b""
        self._events.append(PasswordGiven(message.authcid, message.authzid, message.password))

    # -- binding (section 7) ------------------------------------------------------

    def _bind(self, element: Stanza) -> None:
        if element.attributes.get("type") != "set" or _BIND_TAG not in element.children:
            self.fail(StreamError(StreamCondition.NOT_AUTHORIZED, "bind a resource first"))
            return
        self._bind_stanza = element
        if not element.attributes.get("id"):
            self.bind_refused(StanzaError(StanzaCondition.BAD_REQUEST, "an iq needs an id"))
            return
        self._bind_id = element.attributes["id"]
        tree: Element = parse(element.raw, CLIENT)
        resource = tree.findtext(f"{_BIND_TAG}/{{{BIND}}}resource", "")
        self.phase = Phase.BINDING
        self._events.append(BindWanted(resource))

    def _close(self, error: StreamError | None, *, clean: bool) -> None:
        if self._opened:
            self._out.append(_CLOSE)
        self.phase = Phase.CLOSED
        self._deadline = None
        self._events.append(Closed(error, clean))

    ORDER: ClassVar[Mapping[tuple[Phase, str], Callable[["ServerStream", Stanza], None]]] = {
        (Phase.SECURE_OR_AUTHENTICATE, f"{{{TLS}}}starttls"): _starttls,
        (Phase.SECURE_OR_AUTHENTICATE, f"{{{SASL}}}auth"): _auth,
        (Phase.AUTHENTICATING, f"{{{SASL}}}response"): _response,
        (Phase.AUTHENTICATING, f"{{{SASL}}}abort"): _abort,
        (Phase.BIND, IQ): _bind,
    }
    """Which first-level element is lawful in which phase, and who takes it."""
