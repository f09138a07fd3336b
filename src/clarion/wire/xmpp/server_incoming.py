"""A stream that another server opened to us (RFC 6120 sections 4 to 6, XEP-0178, XEP-0220).

It only brings stanzas; what we have to say goes over a stream of our own.
Several domains may be proven on one stream (XEP-0220 section 2.6): whoever is,
may send to the domain that it was proven for.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from clarion.wire.xmpp.dialback import (
    FEATURE_BYTES,
    RESULT,
    VERIFY,
    Dialback,
    read_dialback,
    write_dialback,
)
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.names import SASL, TLS
from clarion.wire.xmpp.server_events import (
    DialbackWanted,
    PeerProven,
    PeerRules,
    PeerSecureWanted,
)
from clarion.wire.xmpp.server_stream import PeerHeader, PeerStream, domain_of
from clarion.wire.xmpp.splice import content
from clarion.wire.xmpp.stanza import Stanza

PAIRS_LIMIT: Final = 100  # LIMIT: domain pairs that are proven on one stream
ASKED_LIMIT: Final = 10  # LIMIT: dialback questions of one stream under way
FAILURES_LIMIT: Final = 3  # LIMIT: failed log-ins of one stream

_STARTTLS: Final = f"{{{TLS}}}starttls"
_AUTH: Final = f"{{{SASL}}}auth"


class IncomingStream(PeerStream):
    """Our end of it.

    Args:
        rules: What it keeps to.
        token: Makes a fresh unguessable text, for stream ids.
        now: Monotonic seconds.
        secure: The bytes come through TLS already (XEP-0368).
        certifies: Whether the certificate that the other side showed proves
            that it is a domain's; nobody's without one.

    Attributes:
        peer: The domain in the other side's header, for what is logged of it.

    """

    def __init__(
        self,
        rules: PeerRules,
        *,
        token: Callable[[], str],
        now: float,
        secure: bool = False,
        certifies: Callable[[str], bool] = lambda domain: False,
    ) -> None:
        super().__init__(rules, now=now, secure=secure)
        self.peer = ""
        self._token = token
        self._certifies = certifies
        self._stream = ""
        self._to = ""
        self._pairs: set[tuple[str, str]] = set()
        self._asked: set[tuple[str, str]] = set()
        self._failures = 0

    # -- what the driver answers ------------------------------------------------------

    def secured(self, certifies: Callable[[str], bool]) -> None:
        """Go on after the TLS handshake with a new stream (section 5.4.3.3)."""
        if self.closed:
            return
        self._secure = True
        self._certifies = certifies
        self.waiting = False
        self._restart()
        self._work()

    def verified(self, asked: Dialback, *, valid: bool, error: StanzaError | None = None) -> None:
        """Answer a ``DialbackWanted``.

        Args:
            asked: What was wanted.
            valid: Whether the domain's own server knows the key.
            error: Why that cannot be said (section 2.5).

        """
        pair = (asked.sender, asked.recipient)
        self._asked.discard(pair)
        if self.closed:
            return
        kind = "error" if error is not None else "valid" if valid else "invalid"
        self._say_result(asked, kind, error)
        if kind == "valid":
            self._join(pair, "dialback")
            self._work()
        elif kind == "invalid" and not self._pairs:
            self.close()  # section 2.2.1

    # -- reading ------------------------------------------------------------------------

    def _header(self, said: PeerHeader) -> None:
        self.peer = said.sender
        self._to = said.recipient
        if not said.recipient:
            raise StreamError(StreamCondition.IMPROPER_ADDRESSING, "the header needs a 'to'")
        if not self._rules.serves(said.recipient):
            raise StreamError(StreamCondition.HOST_UNKNOWN, "this domain is not served here")
        if said.sender and not self._rules.admits(said.sender):
            raise StreamError(StreamCondition.POLICY_VIOLATION, "this server does not talk to you")
        self._open()
        self._out.append(b"<stream:features>%b</stream:features>" % self._features())

    def _open(self) -> None:
        if not self._opened:
            self._stream = self._token()
            self._write_header(self._to, self.peer, self._stream)

    def _features(self) -> bytes:
        if not self._secure:
            return f"<starttls xmlns='{TLS}'><required/></starttls>".encode()
        inner = FEATURE_BYTES
        if not self._pairs and self.peer and self._certifies(self.peer):
            inner = (
                f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>".encode()
                + inner
            )
        return inner

    def _element(self, element: Stanza) -> None:
        if element.tag == _STARTTLS:
            self._starttls()
        elif not self._secure:
            raise StreamError(StreamCondition.POLICY_VIOLATION, "TLS comes first")
        elif element.tag == RESULT:
            self._result(read_dialback(element))
        elif element.tag == VERIFY:
            self._verify(read_dialback(element))
        elif element.tag == _AUTH and not self._pairs:
            self._auth(element)
        else:
            raise StreamError(StreamCondition.UNSUPPORTED_STANZA_TYPE, "not expected at this point")

    def _stanza(self, stanza: Stanza) -> None:
        sender = stanza.attributes.get("from", "")
        recipient = stanza.attributes.get("to", "")
        if not self._pairs:
            raise StreamError(StreamCondition.NOT_AUTHORIZED, "prove who you are first")
        if not sender or not recipient:  # section 8.1.1.2 and 8.1.2.2
            raise StreamError(StreamCondition.IMPROPER_ADDRESSING, "a stanza has 'from' and 'to'")
        pair = (_domain(sender), _domain(recipient))
        if pair not in self._pairs:
            if not self._rules.serves(pair[1]):
                raise StreamError(StreamCondition.HOST_UNKNOWN, "this domain is not served here")
            raise StreamError(StreamCondition.INVALID_FROM, "that is not who you proved to be")
        self._events.append(stanza)

    # -- TLS -----------------------------------------------------------------------------

    def _starttls(self) -> None:
        if self._secure:
            self._out.append(f"<failure xmlns='{TLS}'/>".encode())
            self.close()
        elif self._slicer.leftover():
            # Bytes behind <starttls/> were sent in the clear and would be taken for secured ones.
            raise StreamError(StreamCondition.POLICY_VIOLATION, "data before the handshake")
        else:
            self._out.append(f"<proceed xmlns='{TLS}'/>".encode())
            self._opened = False
            self.waiting = True
            self._events.append(PeerSecureWanted())

    # -- SASL EXTERNAL (XEP-0178 section 3) -------------------------------------------------

    def _auth(self, element: Stanza) -> None:
        if element.attributes.get("mechanism") != "EXTERNAL":
            self._fail_auth("invalid-mechanism")
            return
        domain = self._claimed(content(element.raw).strip())
        if domain is None:
            self._fail_auth("incorrect-encoding")
        elif not domain or not self._rules.admits(domain) or not self._certifies(domain):
            self._fail_auth("not-authorized")
        else:
            self._out.append(f"<success xmlns='{SASL}'/>".encode())
            to = self._to
            self._restart()
            self._join((domain, to), "certificate")

    def _claimed(self, initial: bytes) -> str | None:
        """Return the domain that is claimed; ``None``: what came is no base64."""
        if initial in {b"", b"="}:
            return self.peer
        try:
            return domain_of(base64.b64decode(initial, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            return None

    def _fail_auth(self, condition: str) -> None:
        self._failures += 1
        self._out.append(f"<failure xmlns='{SASL}'><{condition}/></failure>".encode())
        if self._failures >= FAILURES_LIMIT:
            raise StreamError(StreamCondition.POLICY_VIOLATION, "too many failed log-ins")

    # -- dialback (XEP-0220 section 2.2) -----------------------------------------------------

    def _result(self, asked: Dialback) -> None:
        pair = (asked.sender, asked.recipient)
        if asked.kind:
            raise StreamError(StreamCondition.BAD_FORMAT, "nothing was asked here")
        if not self._rules.serves(asked.recipient):
            self._say_result(asked, "error", StanzaError(StanzaCondition.ITEM_NOT_FOUND))
        elif not self._rules.admits(asked.sender):
            self._say_result(asked, "error", StanzaError(StanzaCondition.NOT_ALLOWED))
        elif pair in self._pairs:
            self._say_result(asked, "valid")
        elif len(self._pairs) + len(self._asked) >= PAIRS_LIMIT or len(self._asked) >= ASKED_LIMIT:
            self._say_result(asked, "error", StanzaError(StanzaCondition.RESOURCE_CONSTRAINT))
        elif pair not in self._asked:
            self._asked.add(pair)
            self._events.append(DialbackWanted(replace(asked, stream=self._stream)))

    def _verify(self, asked: Dialback) -> None:
        """Say whether a key is ours: we are the authoritative server (section 2.3)."""
        answer = Dialback(asked.recipient, asked.sender, asked.stream)
        if not self._rules.serves(asked.recipient):
            error = StanzaError(StanzaCondition.ITEM_NOT_FOUND)
            self._out.append(write_dialback("verify", replace(answer, kind="error"), error))
            return
        ours = self._rules.key(asked.sender, asked.recipient, asked.stream)
        valid = hmac.compare_digest(ours.encode(), asked.key.encode())
        answer = replace(answer, kind="valid" if valid else "invalid")
        self._out.append(write_dialback("verify", answer))

    def _say_result(self, asked: Dialback, kind: str, error: StanzaError | None = None) -> None:
        answer = Dialback(asked.recipient, asked.sender, "", kind)
        self._out.append(write_dialback("result", answer, error))

    def _join(self, pair: tuple[str, str], how: str) -> None:
        self._pairs.add(pair)
        self._events.append(PeerProven(*pair, how))
        self._prove()


def _domain(address: str) -> str:
    bare = address.partition("/")[0]
    return domain_of(bare.rpartition("@")[2])
