"""A stream that we open to another server (RFC 6120 sections 4 to 6, XEP-0178, XEP-0220).

It only takes stanzas from us. TLS is required, and the driver has checked the
other side's certificate before ``secured``; so where dialback proves who we
are, nobody in between has a say.
"""

import base64
from typing import Final

from clarion.wire.xml import MalformedError
from clarion.wire.xmpp.dialback import (
    FEATURE_TAG,
    RESULT,
    VERIFY,
    Dialback,
    read_dialback,
    write_dialback,
)
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import SASL, TLS
from clarion.wire.xmpp.server_events import DialbackTold, PeerProven, PeerRules, PeerSecureWanted
from clarion.wire.xmpp.server_stream import FEATURES_TAG, PeerHeader, PeerStream
from clarion.wire.xmpp.splice import children, content
from clarion.wire.xmpp.stanza import Stanza

_STARTTLS: Final = f"{{{TLS}}}starttls"
_PROCEED: Final = f"{{{TLS}}}proceed"
_TLS_FAILURE: Final = f"{{{TLS}}}failure"
_MECHANISMS: Final = f"{{{SASL}}}mechanisms"
_SUCCESS: Final = f"{{{SASL}}}success"
_FAILURE: Final = f"{{{SASL}}}failure"


class OutgoingStream(PeerStream):
    """Our end of it; the header goes out at once.

    Args:
        rules: What it keeps to.
        local: Whose stanzas it is to take.
        remote: For whom.
        now: Monotonic seconds.
        secure: The bytes go through TLS already (XEP-0368).

    """

    def __init__(
        self, rules: PeerRules, local: str, remote: str, *, now: float, secure: bool = False
    ) -> None:
        super().__init__(rules, now=now, secure=secure)
        self._local = local
        self._remote = remote
        self._stream = ""
        self._dialback = False  # the other side offers it
        self._ready = False  # features have been answered; dialback elements may go out
        self._external_failed = False
        self._asked = ""  # what we wait for: "tls", "external", "dialback" or nothing
        self._verifies: list[bytes] = []
        self._open()

    def secured(self) -> None:
        """Go on after the TLS handshake; the certificate is the other domain's."""
        if self.closed:
            return
        self._secure = True
        self.waiting = False
        self._asked = ""
        self._restart()
        self._open()
        self._work()

    def send(self, stanza: bytes) -> None:
        """Queue a stanza; only once this stream is proven."""
        if not self.closed:
            self._out.append(stanza)

    def verify(self, asked: Dialback) -> None:
        """Ask whether a key is the other side's, as soon as that may be asked (section 2.1.2).

        Args:
            asked: As it came to us: from the other side's domain to ours.

        """
        question = Dialback(asked.recipient, asked.sender, asked.stream, "", asked.key)
        written = write_dialback("verify", question)
        if self._ready:
            self._out.append(written)
        else:
            self._verifies.append(written)

    def _header(self, said: PeerHeader) -> None:
        self._stream = said.stream

    def _open(self) -> None:
        if not self._opened:
            self._write_header(self._local, self._remote, "")

    def _stanza(self, stanza: Stanza) -> None:
        # Without XEP-0288 nothing comes this way (section 4.2: streams are unidirectional).
        raise StreamError(StreamCondition.NOT_AUTHORIZED, "stanzas come over a stream of your own")

    def _element(self, element: Stanza) -> None:
        tag = element.tag
        if tag == FEATURES_TAG:
            self._features(element)
        elif tag == _PROCEED and self._asked == "tls":
            if self._slicer.leftover():
                # Sent in the clear, it would be taken for secured.
                raise StreamError(StreamCondition.POLICY_VIOLATION, "data before the handshake")
            self._opened = False
            self.waiting = True
            self._events.append(PeerSecureWanted())
        elif tag == _TLS_FAILURE and self._asked == "tls":
            raise StreamError(StreamCondition.REMOTE_CONNECTION_FAILED, "the other side has no TLS")
        elif tag == _SUCCESS and self._asked == "external":
            self._asked = "features"
            self._restart()
            self._open()
        elif tag == _FAILURE and self._asked == "external":
            self._external_failed = True
            self._call_back()
        elif tag == RESULT:
            self._result(read_dialback(element))
        elif tag == VERIFY:
            told = read_dialback(element)
            self._events.append(DialbackTold(told))
        else:
            raise StreamError(StreamCondition.UNSUPPORTED_STANZA_TYPE, "not expected at this point")

    def _features(self, element: Stanza) -> None:
        offered = element.children
        if not self._secure:
            if _STARTTLS not in offered:
                raise StreamError(StreamCondition.POLICY_VIOLATION, "TLS is required")
            self._asked = "tls"
            self._out.append(f"<starttls xmlns='{TLS}'/>".encode())
            return
        self._dialback = self._dialback or FEATURE_TAG in offered
        if self._asked == "features":
            self._asked = ""
            self._proved("certificate")
        elif _MECHANISMS in offered and b"EXTERNAL" in _mechanisms(element):
            self._asked = "external"
            name = base64.b64encode(self._local.encode()).decode()
            self._out.append(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{name}</auth>".encode())
        else:
            self._call_back()

    def _call_back(self) -> None:
        """Prove by dialback who we are, the last way there is."""
        if not self._dialback:
            raise StreamError(
                StreamCondition.NOT_AUTHORIZED,
                "the other server takes neither our certificate nor dialback",
            )
        self._asked = "dialback"
        key = self._rules.key(self._remote, self._local, self._stream)
        question = Dialback(self._local, self._remote, "", "", key)
        self._out.append(write_dialback("result", question))
        self._release()

    def _result(self, told: Dialback) -> None:
        if (told.sender, told.recipient) != (self._remote, self._local):
            raise StreamError(StreamCondition.INVALID_FROM, "nobody asked for that")
        if self._asked != "dialback" or not told.kind:
            raise StreamError(StreamCondition.BAD_FORMAT, "nothing was asked")
        self._asked = ""
        if told.kind != "valid":
            raise StreamError(
                StreamCondition.NOT_AUTHORIZED, f"the other server calls our key {told.kind}"
            )
        self._proved("dialback")

    def _proved(self, how: str) -> None:
        self._release()
        self._events.append(PeerProven(self._local, self._remote, how))
        self._prove()

    def _release(self) -> None:
        self._ready = True
        self._out += self._verifies
        self._verifies.clear()


def _mechanisms(features: Stanza) -> bytes:
    """Return what is written inside of the mechanisms."""
    try:
        for child in children(features):
            if child.tag == _MECHANISMS:
                return content(features.raw[child.start : child.end])
    except MalformedError:  # it leans on a prefix of the root, as features may
        return features.raw
    return b""
