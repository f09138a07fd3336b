"""The headers of a stream, the client's and ours, and the features behind ours (RFC 6120).

Sections 4.2, 4.3 and 4.7.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from clarion.wire.sasl import offered_ht
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.invitations import FEATURE as INVITED_FEATURE
from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.names import BIND, CLIENT, REGISTER_FEATURE, SASL, STREAMS, TLS, XML_LANG
from clarion.wire.xmpp.sasl2 import authentication
from clarion.wire.xmpp.slices import StreamStart
from clarion.wire.xmpp.stream_events import StreamRules
from clarion.wire.xmpp.stream_login import mechanism_names

LIMITS: Final = "urn:xmpp:stream-limits:0"

# COMPAT(clients of RFC 3921): a session element that asks for nothing.
_BIND: Final = (
    f"<bind xmlns='{BIND}'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'>"
    "<optional/></session>"
).encode()


class Greeting:
    """How each side of a stream begins: the client's header, ours, and our features.

    Args:
        rules: Of the listener.
        token: Makes a fresh unguessable text, for stream ids.
        secure: There is TLS below.
        bindings: Channel bindings of that TLS by type.

    Attributes:
        authenticated: The client has logged in.
        opened: Our header of the current stream has been sent.
        lang: The stream's ``xml:lang``, which its stanzas inherit (section 4.7.4).
        peer: The ``from`` of the client's header.

    """

    __slots__ = (
        "_rules",
        "_token",
        "authenticated",
        "bindings",
        "lang",
        "opened",
        "peer",
        "secure",
    )

    def __init__(
        self,
        rules: StreamRules,
        token: Callable[[], str],
        bindings: Mapping[str, bytes],
        *,
        secure: bool,
    ) -> None:
        self._rules = rules
        self._token = token
        self.secure = secure
        self.bindings = bindings
        self.authenticated = False
        self.opened = False
        self.lang = ""
        self.peer = ""

    def take(self, start: StreamStart) -> None:
        """Take the client's header.

        Raises:
            StreamError: It is no header of a client's stream to us.

        """
        self.lang = start.attributes.get(XML_LANG, "")
        self.peer = start.attributes.get("from", "")
        check_header(start, self._rules.domain)

    def open(self) -> bytes:
        """Return our header, unless it has been sent."""
        if self.opened:
            return b""
        self.opened = True
        return header(self._rules.domain, self.peer, self._token())

    def features(self, *, bound: bool = False) -> bytes:
        """Return what the client may do next; ``bound``: it has a resource already."""
        done, secure = self.authenticated, self.secure
        return features(self._rules, self.bindings, authenticated=done, secure=secure, bound=bound)

    def renew(self) -> None:
        """Begin anew, after TLS or log-in."""
        self.opened = False
        self.peer = ""


def check_header(start: StreamStart, domain: str) -> None:
    """Check what the client says first.

    Raises:
        StreamError: It is no header of a client's stream to ``domain``.

    """
    to = start.attributes.get("to")
    major = start.attributes.get("version", "0.9").partition(".")[0]
    if not start.tag.startswith(f"{{{STREAMS}}}"):
        raise StreamError(StreamCondition.INVALID_NAMESPACE, f"the stream must be in {STREAMS}")
    if start.tag != f"{{{STREAMS}}}stream":
        raise StreamError(StreamCondition.BAD_FORMAT, "a stream begins with <stream:stream>")
    if start.default_namespace != CLIENT:
        raise StreamError(StreamCondition.INVALID_NAMESPACE, f"content must be in {CLIENT}")
    if to is None:
        raise StreamError(StreamCondition.IMPROPER_ADDRESSING, "the header needs a 'to'")
    if to.lower().removesuffix(".") != domain:
        raise StreamError(StreamCondition.HOST_UNKNOWN, f"{domain} is served here")
    _check_sender(start.attributes.get("from", ""), domain)
    # Of any length and with leading zeros (section 4.7.5), so it is no case for int().
    if not (major.isascii() and major.isdigit() and major.strip("0")):
        raise StreamError(StreamCondition.UNSUPPORTED_VERSION, "version 1.0 is spoken here")


def _check_sender(sender: str, domain: str) -> None:
    """Refuse who comes from elsewhere (section 4.9.3.9, XEP-0388 section 2.1)."""
    try:
        if not sender or parse_jid(sender).domain == domain:
            return
    except JidError:
        pass
    raise StreamError(StreamCondition.INVALID_FROM, f"only accounts of {domain} are served here")


def header(domain: str, peer: str, stream_id: str) -> bytes:
    """Write our header.

    Args:
        domain: Who speaks.
        peer: What the client's header said in ``from``; ``""``: nothing.
        stream_id: Fresh and unguessable (section 4.7.3).

    """
    to = f" to='{escape(peer)}'" if peer else ""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'"
        f" from='{domain}'{to} id='{stream_id}' version='1.0' xml:lang='en'>"
    ).encode()


def features(
    rules: StreamRules,
    bindings: Collection[str],
    *,
    authenticated: bool,
    secure: bool,
    bound: bool = False,
) -> bytes:
    """Write what the client may do next (section 4.3.2).

    Args:
        rules: Of the listener.
        bindings: Types of channel binding of the TLS below.
        authenticated: The client has logged in.
        secure: There is TLS below.
        bound: It has a resource already (XEP-0386).

    """
    if authenticated:
        limits = _limits(rules.stanza_bytes, rules.idle_seconds)
        inner = (b"" if bound else _BIND) + rules.features + limits
    elif rules.starttls and not secure:
        # Nothing else beside it, where it must come first (section 5.3.1).
        inner = f"<starttls xmlns='{TLS}'><required/></starttls>".encode()
    else:
        inner = _mechanisms(rules, bindings, secure=secure)
        if rules.invitations:
            inner += f"<register xmlns='{INVITED_FEATURE}'/>".encode()
        if rules.registration:
            inner += f"<register xmlns='{REGISTER_FEATURE}'/>".encode()
        inner += _limits(rules.early_stanza_bytes)
    return b"<stream:features>%b</stream:features>" % inner


def _limits(largest: int, idle: int = 0) -> bytes:
    """Write the limits of what the client may send (XEP-0478 section 3.1).

    Before log-in there is no rule about silence, only one about the whole time.
    """
    silence = f"<idle-seconds>{idle}</idle-seconds>" if idle else ""
    return f"<limits xmlns='{LIMITS}'><max-bytes>{largest}</max-bytes>{silence}</limits>".encode()


def _mechanisms(rules: StreamRules, bindings: Collection[str], *, secure: bool) -> bytes:
    """Write how to log in: SASL as in RFC 6120, and SASL2 to everybody, ``from`` or not."""
    names = mechanism_names(rules, bindings, secure=secure)
    listed = "".join(f"<mechanism>{name}</mechanism>" for name in names)
    written = f"<mechanisms xmlns='{SASL}'>{listed}</mechanisms>".encode()
    if names:
        tokens: Iterable[str] = offered_ht(bindings) if rules.tokens else ()
        written += authentication(names, tokens, rules.inline)
    if bindings:  # XEP-0440 section 3: their types beside the mechanisms
        kinds = "".join(f"<channel-binding type='{kind}'/>" for kind in sorted(bindings))
        written += (
            f"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{kinds}</sasl-channel-binding>"
        ).encode()
    return written
