"""The stream of a component: a service that is a part of this server (XEP-0114 1.6)."""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import CLIENT, COMPONENT, STANZAS, STREAMS
from clarion.wire.xmpp.renaming import as_client
from clarion.wire.xmpp.server_stream import CLOSE, ERROR_TAG, domain_of
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.slices import StreamEnd, StreamStart
from clarion.wire.xmpp.splice import content
from clarion.wire.xmpp.stanza import Stanza

_ROOT: Final = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>".encode()
_HANDSHAKE: Final = frozenset({f"{{{CLIENT}}}handshake", f"{{{COMPONENT}}}handshake"})
_DIGEST: Final = re.compile(rb"[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Joined:
    """The component has proved that it knows the secret.

    Attributes:
        domain: Which it is.

    """

    domain: str


@dataclass(frozen=True, slots=True)
class Parted:
    """The stream has ended."""

    error: StreamError | None
    clean: bool


ComponentEvent = Joined | Parted | Stanza


class ComponentStream:
    """Our end of it; an ``Engine``.

    Args:
        secret: Of a component's domain; ``None``: there is no such component.
        token: Makes a fresh unguessable text, for stream ids.
        now: Monotonic seconds.
        early_bytes: LIMIT of all bytes before the handshake is done.
        stanza_bytes: LIMIT of one stanza.
        negotiation_seconds: LIMIT until the handshake is done.

    Attributes:
        closed: It has ended.
        waiting: Never: there is no TLS.
        domain: The component's, once its header has come.

    """

    def __init__(
        self,
        secret: Callable[[str], str | None],
        *,
        token: Callable[[], str],
        now: float,
        early_bytes: int = 10 * 1024,
        stanza_bytes: int = 256 * 1024,
        negotiation_seconds: float = 60.0,
    ) -> None:
        self.closed = self.waiting = False
        self.domain = ""
        self._secret = secret
        self._token = token
        self._stanza_bytes = stanza_bytes
        self._deadline: float | None = now + negotiation_seconds
        self._slicer = Slicer(stanza_limit=early_bytes, total_limit=early_bytes, step=True)
        self._events: list[ComponentEvent] = []
        self._out: list[bytes] = []
        self._stream = ""
        self._joined = False

    # -- the verbs of every engine ------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """See ``Engine``."""
        if self.closed:
            return
        if self._joined:
            self._take(self._slicer.feed(data))
            return
        self._slicer.hold(data)
        while not self.closed:
            events = self._slicer.feed(b"")
            self._take(events)
            if not events:
                break

    def wake(self, now: float) -> None:
        """End a handshake that takes too long."""
        if self._deadline is not None and now >= self._deadline:
            self.fail(StreamError(StreamCondition.CONNECTION_TIMEOUT, "the handshake took long"))

    def events(self) -> Sequence[ComponentEvent]:
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

    def let_go(self) -> None:
        """Free the parser."""
        self._slicer.close()

    def send(self, stanza: bytes) -> None:
        """Queue a stanza for the component."""
        if not self.closed:
            self._out.append(stanza)

    def fail(self, error: StreamError) -> None:
        """End the stream with an error."""
        if not self.closed:
            self._open()
            self._out.append(error.to_bytes())
            self._end(error, clean=False)

    def close(self) -> None:
        """End the stream in an orderly way."""
        if not self.closed:
            self._end(None, clean=True)

    # -- reading ----------------------------------------------------------------------------

    def _take(self, events: Sequence[StreamStart | Stanza | StreamEnd]) -> None:
        for event in events:
            if self.closed:
                return
            try:
                self._one(event)
            except StreamError as error:
                self.fail(error)
        if self._slicer.failure is not None:
            self.fail(self._slicer.failure)

    def _one(self, event: StreamStart | Stanza | StreamEnd) -> None:
        if isinstance(event, StreamStart):
            self._start(event)
        elif isinstance(event, StreamEnd):
            self._end(None, clean=True)
        elif event.tag == ERROR_TAG:
            self._end(None, clean=False)
        elif event.tag in _HANDSHAKE and not self._joined:
            self._handshake(event)
        else:
            stanza = as_client(event, COMPONENT)
            if stanza.tag not in STANZAS:
                raise StreamError(StreamCondition.UNSUPPORTED_STANZA_TYPE, "not expected here")
            self._stanza(stanza)

    def _start(self, start: StreamStart) -> None:
        if start.tag != f"{{{STREAMS}}}stream" or start.default_namespace != COMPONENT:
            raise StreamError(
                StreamCondition.INVALID_NAMESPACE, f"a component's stream is in {COMPONENT}"
            )
        self._slicer.assume(_ROOT)
        self.domain = domain_of(start.attributes.get("to", ""))
        if self._secret(self.domain) is None:
            raise StreamError(StreamCondition.HOST_UNKNOWN, "there is no such component")
        self._open()

    def _open(self) -> None:
        if not self._stream:
            self._stream = self._token()
            self._out.append(
                f"<?xml version='1.0'?><stream:stream xmlns='{COMPONENT}'"
                f" xmlns:stream='{STREAMS}' from='{escape(self.domain)}'"
                f" id='{escape(self._stream)}'>".encode()
            )

    def _handshake(self, element: Stanza) -> None:
        """Check the digest of stream id and secret (section 3, step 3)."""
        secret = self._secret(self.domain) or ""
        # SHA-1 is what XEP-0114 asks for.
        right = hashlib.sha1((self._stream + secret).encode(), usedforsecurity=False).hexdigest()
        given = content(element.raw).strip()
        known = _DIGEST.fullmatch(given) is not None
        if not secret or not known or not hmac.compare_digest(given.lower(), right.encode()):
            raise StreamError(StreamCondition.NOT_AUTHORIZED, "the handshake is wrong")
        self._joined = True
        self._deadline = None
        self._slicer.relax(self._stanza_bytes)
        self._out.append(b"<handshake/>")
        self._events.append(Joined(self.domain))

    def _stanza(self, stanza: Stanza) -> None:
        if not self._joined:
            raise StreamError(StreamCondition.NOT_AUTHORIZED, "the handshake comes first")
        sender, recipient = stanza.attributes.get("from", ""), stanza.attributes.get("to", "")
        if not sender or not recipient:
            raise StreamError(StreamCondition.IMPROPER_ADDRESSING, "a stanza has 'from' and 'to'")
        if domain_of(sender.partition("/")[0].rpartition("@")[2]) != self.domain:
            raise StreamError(StreamCondition.INVALID_FROM, "a component speaks for its own domain")
        self._events.append(stanza)

    def _end(self, error: StreamError | None, *, clean: bool) -> None:
        if self._stream:
            self._out.append(CLOSE)
        self.closed = True
        self._deadline = None
        self._events.append(Parted(error, clean))
