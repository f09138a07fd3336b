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
from typing import ClassVar, Final

from clarion.wire.sasl import Candidate, SaslCondition, SaslError
from clarion.wire.xmpp.errors import StanzaError, StreamCondition, StreamError, error_reply
from clarion.wire.xmpp.names import IQ, STANZAS, STREAMS, TLS
from clarion.wire.xmpp.registration import early_refusal, is_early_request
from clarion.wire.xmpp.sasl2 import ABORT2, AUTHENTICATE, RESPONSE2
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.slices import StreamEnd, StreamStart
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream_binding import bind_result, wanted_resource
from clarion.wire.xmpp.stream_events import (
    WAITING,
    BindWanted,
    Closed,
    Event,
    Offered,
    Phase,
    RegistrationWanted,
    SecureWanted,
    StreamRules,
    WishesMade,
)
from clarion.wire.xmpp.stream_header import Greeting
from clarion.wire.xmpp.stream_login import ABORT, AUTH, RESPONSE, Login

_CLOSE: Final = b"</stream:stream>"
_ERROR_TAG: Final = f"{{{STREAMS}}}error"
_TLS_RECORD: Final = 0x16  # how a TLS handshake begins (RFC 8446 section 5.1); never XML


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
        self.username = ""
        self._rules = rules
        self._deadline: float | None = now + rules.negotiation_seconds
        self._slicer = Slicer(
            stanza_limit=rules.early_stanza_bytes, total_limit=rules.early_total_bytes, step=True
        )
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._fresh = True  # nothing has come yet
        self._working = False
        self.greeting = Greeting(rules, token, dict(bindings or {}), secure=secure)
        self._login = Login(rules, token)
        self._binding: Stanza | None = None  # the request the driver thinks about

    @property
    def untouched(self) -> bool:
        """Whether nothing has come yet, so that it may be something else than XMPP."""
        return self._fresh and self.phase is Phase.HEADER

    # -- the five verbs -------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """See ``Engine``."""
        if self.phase is Phase.CLOSED:
            return
        if not data:
            self._close(None, clean=False)
        elif self.phase is Phase.BOUND:
            self._stanzas(data)
        elif self._fresh and data[0] == _TLS_RECORD and not self.greeting.secure:
            self._refuse(
                StreamCondition.POLICY_VIOLATION,
                "this port begins in the clear; for TLS at once use the direct TLS port",
            )
        else:
            self._fresh = False
            self._slicer.hold(data)
            self._work()

    def wake(self, now: float) -> None:
        """End a negotiation that takes too long (section 4.9.3.4)."""
        if self._deadline is not None and now >= self._deadline:
            self._refuse(StreamCondition.CONNECTION_TIMEOUT, "log-in took too long")

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
        if self.phase is not Phase.CLOSED:
            self.greeting.secure, self.greeting.bindings = True, dict(bindings)
            self._restart()

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[Candidate]) -> None:
        """Go on with a SCRAM exchange; no candidates lets every proof fail."""
        if self.phase is not Phase.CLOSED:
            challenge = self._login.challenge(salt, iterations, candidates)
            self._answer(challenge, self._login.phase)

    def admit(self, username: str, answer: bytes = b"") -> None:
        """Tell the client that it is logged in as the local part ``username``.

        One of SASL2 is told by ``welcome``, when what it wants is done.
        ``answer`` proves us to who gave a token.
        """
        if self.phase is Phase.CLOSED:
            return
        self.username = username
        outcome = self._login.succeed(answer)
        if isinstance(outcome, WishesMade):
            self.phase = Phase.WELCOMING
            self._events.append(outcome)
        else:
            self.greeting.authenticated = True
            self._out.append(outcome)
            self._restart()

    def welcome(self, identifier: str, inner: bytes, *, bound: bool, resumed: bool = False) -> None:
        """Tell the client that it is in as ``identifier``, and what came of its wishes.

        Where it is ``bound`` now, stanzas flow from here on (XEP-0388 section 2.6.1).
        """
        if self.phase is Phase.CLOSED:
            return
        self.greeting.authenticated = True
        said = self._login.welcome(identifier, inner)
        if not resumed:  # XEP-0198 section 9.2
            said += self.greeting.features(bound=bound)
        self._answer(said, Phase.WELCOMING if bound else Phase.BIND)
        if bound:
            self.bound("")

    def reject(self, condition: SaslCondition, text: str = "") -> None:
        """Refuse the log-in; after ``login_attempts`` of them the stream ends."""
        if self.phase is Phase.CLOSED:
            return
        self._out.append(self._login.fail(condition, text))
        self.phase = Phase.SECURE_OR_AUTHENTICATE
        if self._login.failures >= self._rules.login_attempts:
            self._refuse(StreamCondition.POLICY_VIOLATION, "too many failed log-ins")
        else:
            self._work()

    def registered(self, answer: bytes) -> None:
        """Answer a ``RegistrationWanted``; the client may log in then, or ask again."""
        self._answer(answer, Phase.SECURE_OR_AUTHENTICATE)

    def bound(self, full_jid: str) -> None:
        """Tell the client its full JID, unless it resumed; stanzas flow from here on."""
        if self.phase is Phase.CLOSED:
            return
        if self._binding is not None:
            self._out.append(bind_result(self._binding, full_jid))
            self._binding = None
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
        assert self._binding is not None, "bind_refused() without BindWanted"
        answer = error_reply(self._binding, error)
        self._binding = None
        self._answer(answer, Phase.BIND)

    def not_taken(self, answer: bytes) -> None:
        """Answer an ``Offered`` element; the client may still bind."""
        self._answer(answer, Phase.BIND)

    def rest(self) -> None:
        """Take less memory until the next bytes come."""
        self._slicer.rest()

    def let_go(self) -> None:
        """Free the parser; the connection is gone."""
        self._slicer.close()

    def send(self, data: bytes) -> None:
        """Queue bytes for the client behind what the stream itself says."""
        if self.phase is not Phase.CLOSED:
            self._out.append(data)

    def fail(self, error: StreamError) -> None:
        """End the stream with an error (section 4.9.1)."""
        if self.phase is Phase.CLOSED:
            return
        if self.phase is not Phase.SECURING:  # nothing but TLS may go out then (section 5.4.3.2)
            self._out += (self.greeting.open(), error.to_bytes())
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
                if self.phase is not Phase.CLOSED:  # a root that ends at once is two events
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

    def _answer(self, answer: bytes, phase: Phase) -> None:
        """Say what the driver decided, and read on."""
        if self.phase is not Phase.CLOSED:
            self._out.append(answer)
            self.phase = phase
            self._work()

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
            self._refuse(StreamCondition.UNSUPPORTED_STANZA_TYPE, "not expected at this point")
        else:
            self._refuse(StreamCondition.NOT_AUTHORIZED, "log in and bind first")

    # -- the header (sections 4.2, 4.3 and 4.7) --------------------------------

    def _header(self, start: StreamStart) -> None:
        try:
            self.greeting.take(start)
        except StreamError as error:
            self.fail(error)
            return
        self._out += (self.greeting.open(), self.greeting.features())
        done = self.greeting.authenticated
        self.phase = Phase.BIND if done else Phase.SECURE_OR_AUTHENTICATE

    def _restart(self) -> None:
        self._slicer.restart()
        self.greeting.renew()
        self.phase = Phase.HEADER
        self._work()

    # -- TLS (section 5) --------------------------------------------------------

    def _starttls(self, element: Stanza) -> None:
        if not self._rules.starttls or self.greeting.secure:
            self._out.append(f"<failure xmlns='{TLS}'/>".encode())
            self._close(None, clean=False)
        elif self._slicer.leftover():
            # Bytes behind <starttls/> were sent in the clear and would be taken for secured ones.
            self._refuse(StreamCondition.POLICY_VIOLATION, "data before the handshake")
        else:
            self._out.append(f"<proceed xmlns='{TLS}'/>".encode())
            self.greeting.opened = False  # with TLS a new stream begins; this one gets no end tag
            self.phase = Phase.SECURING
            self._events.append(SecureWanted())

    # -- SASL (section 6) --------------------------------------------------------

    def _sasl(self, element: Stanza) -> None:
        try:
            event = self._login.take(element, self.greeting)
        except SaslError as error:
            self.reject(error.condition, str(error))
            return
        if isinstance(event, bytes):
            self._out.append(event)
            self.phase = self._login.phase
        else:
            self._events.append(event)
            self.phase = Phase.VERIFYING

    # -- in-band registration (XEP-0077 section 3.1) --------------------------------

    def _register(self, element: Stanza) -> None:
        if not is_early_request(element):
            self._refuse(StreamCondition.NOT_AUTHORIZED, "log in and bind first")
        elif refusal := early_refusal(element, self._rules, secure=self.greeting.secure):
            self._out.append(refusal)
        else:
            self.phase = Phase.REGISTERING
            self._events.append(RegistrationWanted(element))

    # -- binding (section 7) ------------------------------------------------------

    def _bind(self, element: Stanza) -> None:
        self._binding = element
        try:
            event = BindWanted(wanted_resource(element))
        except StreamError as error:
            self.fail(error)
        except StanzaError as error:
            self.bind_refused(error)
        else:
            self.phase = Phase.BINDING
            self._events.append(event)

    # -- the end (sections 4.4 and 4.9) -------------------------------------------

    def _refuse(self, condition: StreamCondition, text: str) -> None:
        self.fail(StreamError(condition, text))

    def _close(self, error: StreamError | None, *, clean: bool) -> None:
        if self.greeting.opened:
            self._out.append(_CLOSE)
        self.phase = Phase.CLOSED
        self._deadline = None
        self._events.append(Closed(error, clean))

    ORDER: ClassVar[Mapping[tuple[Phase, str], Callable[["ServerStream", Stanza], None]]] = {
        (Phase.SECURE_OR_AUTHENTICATE, f"{{{TLS}}}starttls"): _starttls,
        (Phase.SECURE_OR_AUTHENTICATE, AUTH): _sasl,
        (Phase.SECURE_OR_AUTHENTICATE, AUTHENTICATE): _sasl,
        (Phase.SECURE_OR_AUTHENTICATE, IQ): _register,
        (Phase.AUTHENTICATING, RESPONSE): _sasl,
        (Phase.AUTHENTICATING, ABORT): _sasl,
        (Phase.AUTHENTICATING_2, RESPONSE2): _sasl,
        (Phase.AUTHENTICATING_2, ABORT2): _sasl,
        (Phase.BIND, IQ): _bind,
    }
    """Which first-level element is lawful in which phase, and who takes it."""
