"""A client of the stream engine, and the driver between them; with the texts both speak."""

import base64
from collections.abc import Mapping
from itertools import count
from typing import Any

from clarion.wire.sasl import Candidate, SaslCondition, derive_keys
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition
from clarion.wire.xmpp.names import BIND, CLIENT, SASL, STREAMS, TLS
from clarion.wire.xmpp.sasl2 import SASL2
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream import ServerStream
from clarion.wire.xmpp.stream_events import (
    BindWanted,
    Closed,
    KeysWanted,
    Offered,
    PasswordGiven,
    Phase,
    ProofGiven,
    SecureWanted,
    StreamRules,
    TokenGiven,
    WishesMade,
)

DOMAIN = "corp.example"
SM = "urn:xmpp:sm:3"
PLAIN_PORT = StreamRules(
    DOMAIN,
    starttls=False,
    without_tls=True,
    features=b"<sm xmlns='urn:xmpp:sm:3'/>",
    early_tags=frozenset({f"{{{SM}}}resume"}),
    late_tags=frozenset({f"{{{SM}}}r"}),
)
STARTTLS_PORT = StreamRules(DOMAIN, starttls=True)
DIRECT_PORT = StreamRules(DOMAIN, starttls=False)
HEADER = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='{CLIENT}'"
    f" xmlns:stream='{STREAMS}'>"
)
END = "</stream:stream>"
STARTTLS = f"<starttls xmlns='{TLS}'/>"
RESUME = f"<resume xmlns='{SM}' previd='x' h='0'/>"
SALT, ITERATIONS = b"salt", 16


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def auth(message: str | None = "\0ann\0secret", mechanism: str = "PLAIN"):
    inner = encoded(message) if message is not None else ""
    return f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{inner}</auth>"


def authenticate(message: str | None = "\0ann\0secret", mechanism: str = "PLAIN", more: str = ""):
    """The same in the profile of SASL2."""
    inner = "" if message is None else f"<initial-response>{encoded(message)}</initial-response>"
    return f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>{inner}{more}</authenticate>"


def response(message: str):
    return f"<response xmlns='{SASL}'>{encoded(message)}</response>"


def bind(resource: str = "", name: str = "id='b'"):
    inner = f"<resource>{resource}</resource>" if resource else ""
    return f"<iq type='set' {name}><bind xmlns='{BIND}'>{inner}</bind></iq>"


class Peer:
    """A client and the driver between it and the engine; the password is ``secret``.

    Args:
        rules: Of the listener.
        chunk: Bytes handed in at a time.
        answers: Whether the driver answers what the engine asks.
        bindings: Of the TLS connection, once there is one.
        secure: TLS from the first byte on.

    """

    def __init__(
        self,
        rules: StreamRules = PLAIN_PORT,
        *,
        chunk: int = 4096,
        answers: bool = True,
        bindings: Mapping[str, bytes] | None = None,
        secure: bool = False,
    ) -> None:
        tokens = count(1)
        self.answers = answers
        self.events: list[Any] = []
        self.all_said = b""
        self._chunk = chunk
        self._bindings = bindings or {}
        self._unread = b""
        self.stream = ServerStream(
            rules,
            token=lambda: f"token{next(tokens):020d}",
            now=0.0,
            secure=secure,
            bindings=self._bindings if secure else None,
        )

    def say(self, *what: str | bytes) -> str:
        """Hand in what the client sends; returns what it is told."""
        data = b"".join(piece.encode() if isinstance(piece, str) else piece for piece in what)
        for start in range(0, len(data), self._chunk):
            self.stream.receive(data[start : start + self._chunk], 1.0)
            self.pump()
        return self.told()

    def pump(self) -> None:
        while True:
            said = self.stream.outbox()
            self._unread += said
            self.all_said += said
            events = self.stream.events()
            if not events:
                return
            for event in events:
                self.events.append(event)
                if self.answers:
                    self.answer(event)

    def told(self) -> str:
        self.pump()
        said, self._unread = self._unread, b""
        return said.decode()

    def answer(self, event: Any) -> None:
        stream = self.stream
        match event:
            case SecureWanted():
                stream.secured(self._bindings)
            case KeysWanted(username, hash_name):
                keys = derive_keys("secret", SALT, ITERATIONS, hash_name)
                known = [Candidate("main", *keys)] if username == "ann" else []
                stream.keys(SALT, ITERATIONS, known)
            case PasswordGiven(username, _, password):
                self._judge(username, good=password == "secret")
            case ProofGiven(username, _, label):
                self._judge(username, good=label is not None)
            case TokenGiven(username, _, proof):
                good = proof == b"p" * 32
                stream.admit("ann", b"answer") if good and username == "ann" else self._judge(
                    username, good=False
                )
            case WishesMade(wishes):
                stream.welcome(f"ann@{DOMAIN}", b"<done/>", bound=wishes.bind is not None)
                stream.pump()
            case BindWanted(resource) if resource == "bad":
                stream.bind_refused(StanzaError(StanzaCondition.JID_MALFORMED))
            case BindWanted(resource):
                stream.bound(f"ann@{DOMAIN}/{resource or 'made-up'}")
                stream.pump()
            case Offered():
                stream.not_taken(b"<failed/>")

    def _judge(self, username: str, *, good: bool) -> None:
        if good:
            self.stream.admit(username)
        else:
            self.stream.reject(SaslCondition.NOT_AUTHORIZED)

    @property
    def end(self) -> StreamCondition | None:
        """Why the stream ended."""
        closed = self.events[-1]
        assert isinstance(closed, Closed)
        return closed.error.condition if closed.error is not None else None

    def summary(self) -> list[object]:
        """Everything that happened, comparable."""
        return [_shown(event) for event in self.events]


def _shown(event: Any) -> object:
    match event:
        case Stanza():
            return event.tag, event.raw
        case Offered(element):
            return "offered", element.raw
        case Closed(error, clean):
            return error.condition if error else None, clean
    return event


def logged_in(chunk: int = 4096, rules: StreamRules = PLAIN_PORT):
    peer = Peer(rules, chunk=chunk)
    peer.say(HEADER, auth(), HEADER, bind("phone"))
    assert peer.stream.phase is Phase.BOUND
    peer.told()
    return peer
