"""What both ends of a stream between two servers have in common (RFC 6120, ``jabber:server``).

A stanza of such a stream means what one of a client's stream means, in another
namespace (section 4.8.3). The slicer is told that the root had been a
client's, so everything behind this file knows one namespace only; what names
``jabber:server`` itself is rewritten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clarion.wire.address import AddressError, normalise_domain
from clarion.wire.xml import MalformedError, escape
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import CLIENT, DIALBACK, SERVER, STANZAS, STREAMS
from clarion.wire.xmpp.renaming import as_client
from clarion.wire.xmpp.server_events import PeerClosed, PeerEvent, PeerRules
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.slices import StreamEnd, StreamStart
from clarion.wire.xmpp.stanza import Stanza

CLOSE: Final = b"</stream:stream>"
ERROR_TAG: Final = f"{{{STREAMS}}}error"
_DIALBACK: Final = f"{{{DIALBACK}}}"
FEATURES_TAG: Final = f"{{{STREAMS}}}features"
_ROOT: Final = (
    f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' xmlns:db='{DIALBACK}'>".encode()
)


@dataclass(frozen=True, slots=True)
class PeerHeader:
    """What the other server's header says.

    Attributes:
        sender: Its domain, normalised; ``""`` where it gives none or a wrong one.
        recipient: Whom it speaks to, normalised; ``""`` likewise.
        stream: The id of the stream, ``""`` without one.

    """

    sender: str
    recipient: str
    stream: str


class PeerStream:
    """One end of a stream between servers; an ``Engine``.

    Subclasses say what elements mean. Nothing is read while ``waiting``.

    Args:
        rules: What this stream keeps to.
        now: Monotonic seconds.
        secure: The bytes come through TLS.

    Attributes:
        closed: It has ended.
        proven: Stanzas may pass.
        waiting: The driver has the word, and nothing is read (a TLS handshake).

    """

    def __init__(self, rules: PeerRules, *, now: float, secure: bool) -> None:
        self.closed = self.proven = self.waiting = False
        self._rules = rules
        self._secure = secure
        self._deadline: float | None = now + rules.negotiation_seconds
        self._slicer = Slicer(
            stanza_limit=rules.early_stanza_bytes,
            total_limit=rules.early_total_bytes,
            step=True,
            dialback=True,
        )
        self._events: list[PeerEvent] = []
        self._out: list[bytes] = []
        self._opened = False
        self._headed = False  # the other side's header of the current stream has come
        self._working = False

    # -- the verbs of every engine --------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """See ``Engine``."""
        if self.closed:
            return
        if not data:
            self._end(None, clean=False)
        elif self.proven and not self.waiting:
            self._take(self._slicer.feed(data))
        else:
            self._slicer.hold(data)
            self._work()

    def wake(self, now: float) -> None:
        """End a negotiation that takes too long (section 4.9.3.4)."""
        if self._deadline is not None and now >= self._deadline:
            self._refuse(StreamCondition.CONNECTION_TIMEOUT, "the negotiation took too long")

    def events(self) -> Sequence[PeerEvent]:
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
        """Free the parser; the connection is gone."""
        self._slicer.close()

    def fail(self, error: StreamError) -> None:
        """End the stream with an error (section 4.9.1)."""
        if self.closed:
            return
        if not self.waiting:
            self._open()
            self._out.append(error.to_bytes())
        self._end(error, clean=False)

    def close(self) -> None:
        """End the stream in an orderly way (section 4.4)."""
        if not self.closed:
            self._end(None, clean=True)

    # -- for subclasses ---------------------------------------------------------------

    def _header(self, said: PeerHeader) -> None:
        raise NotImplementedError

    def _open(self) -> None:
        raise NotImplementedError

    def _element(self, element: Stanza) -> None:
        raise NotImplementedError

    def _stanza(self, stanza: Stanza) -> None:
        raise NotImplementedError

    def _write_header(self, sender: str, recipient: str, stream: str) -> None:
        self._opened = True
        to = f" to='{escape(recipient)}'" if recipient else ""
        name = f" id='{escape(stream)}'" if stream else ""
        self._out.append(
            f"<?xml version='1.0'?><stream:stream xmlns='{SERVER}' xmlns:stream='{STREAMS}'"
            f" xmlns:db='{DIALBACK}' from='{escape(sender)}'{to}{name}"
            " version='1.0' xml:lang='en'>".encode()
        )

    def _restart(self) -> None:
        """Begin anew, after TLS or log-in (section 4.3.3)."""
        self._slicer.restart()
        self._opened = self._headed = False

    def _prove(self) -> None:
        """Let stanzas pass, with larger limits; the stream may stay open as long as it likes."""
        if not self.proven:
            self.proven = True
            self._deadline = None
            self._slicer.relax(self._rules.stanza_bytes)

    def _work(self) -> None:
        """Take elements one at a time until the driver has the word or bytes run out."""
        if self._working:
            return
        self._working = True
        try:
            while not (self.closed or self.waiting):
                events = self._slicer.feed(b"")
                self._take(events)
                if not events:
                    break
        finally:
            self._working = False

    def _take(self, events: Sequence[StreamStart | Stanza | StreamEnd]) -> None:
        for event in events:
            if self.closed:
                return
            try:
                self._one(event)
            except StreamError as error:
                self.fail(error)
            except MalformedError as error:
                self._refuse(StreamCondition.BAD_FORMAT, str(error))
        if self._slicer.failure is not None and not self.closed:
            self.fail(self._slicer.failure)

    def _one(self, event: StreamStart | Stanza | StreamEnd) -> None:
        if isinstance(event, StreamStart):
            self._start(event)
        elif isinstance(event, StreamEnd):
            self._end(None, clean=True)
        elif event.tag == ERROR_TAG:
            self._end(_told(event), clean=False)  # section 4.9.1.1: not answered with one
        elif event.tag.startswith(_DIALBACK):
            self._element(event)  # it leans on a prefix of the root, and goes no further than here
        else:
            stanza = as_client(event, SERVER)
            if stanza.tag in STANZAS:
                self._stanza(stanza)
            else:
                self._element(stanza)

    def _start(self, start: StreamStart) -> None:
        if start.tag != f"{{{STREAMS}}}stream":
            raise StreamError(StreamCondition.INVALID_NAMESPACE, f"the stream must be in {STREAMS}")
        if start.default_namespace != SERVER:
            raise StreamError(StreamCondition.INVALID_NAMESPACE, f"content must be in {SERVER}")
        major = start.attributes.get("version", "0.9").partition(".")[0]
        if not (major.isascii() and major.isdigit() and major.strip("0")):
            raise StreamError(StreamCondition.UNSUPPORTED_VERSION, "version 1.0 is spoken here")
        self._headed = True
        self._slicer.assume(_ROOT)
        given = start.attributes
        self._header(
            PeerHeader(
                domain_of(given.get("from", "")),
                domain_of(given.get("to", "")),
                given.get("id", ""),
            )
        )

    def _refuse(self, condition: StreamCondition, text: str) -> None:
        self.fail(StreamError(condition, text))

    def _end(self, error: StreamError | None, *, clean: bool) -> None:
        if self._opened:
            self._out.append(CLOSE)
        self.closed = True
        self._deadline = None
        self._events.append(PeerClosed(error, clean))


def domain_of(text: str) -> str:
    """Return the domain in its normal form, ``""`` where it is none."""
    try:
        return normalise_domain(text)
    except AddressError:
        return ""


def _told(element: Stanza) -> StreamError:
    """Return the error that the other side ends its stream with."""
    for child in element.children:
        name = child.rpartition("}")[2]
        if name in frozenset(StreamCondition):
            return StreamError(StreamCondition(name), f"the other server says {name}")
    return StreamError(StreamCondition.UNDEFINED_CONDITION, "the other server ended the stream")
