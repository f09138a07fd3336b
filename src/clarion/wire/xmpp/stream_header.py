"""The headers of a stream, the client's and ours, and the features behind ours (RFC 6120).

Sections 4.2, 4.3 and 4.7.
"""

from collections.abc import Collection, Iterable
from typing import Final

from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.invitations import FEATURE as INVITED_FEATURE
from clarion.wire.xmpp.names import BIND, CLIENT, REGISTER_FEATURE, SASL, STREAMS, TLS
from clarion.wire.xmpp.slices import StreamStart
from clarion.wire.xmpp.stream_events import StreamRules
from clarion.wire.xmpp.stream_login import mechanism_names

LIMITS: Final = "urn:xmpp:stream-limits:0"

# COMPAT(clients of RFC 3921): a session element that asks for nothing.
_BIND: Final = (
    f"<bind xmlns='{BIND}'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'>"
    "<optional/></session>"
).encode()


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
    # Of any length and with leading zeros (section 4.7.5), so it is no case for int().
    if not (major.isascii() and major.isdigit() and major.strip("0")):
        raise StreamError(StreamCondition.UNSUPPORTED_VERSION, "version 1.0 is spoken here")


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
    rules: StreamRules, bindings: Collection[str], *, authenticated: bool, secure: bool
) -> bytes:
    """Write what the client may do next (section 4.3.2).

    Args:
        rules: Of the listener.
        bindings: Types of channel binding of the TLS below.
        authenticated: The client has logged in.
        secure: There is TLS below.

    """
    if authenticated:
        limits = _limits(rules.stanza_bytes, rules.idle_seconds)
        inner = _BIND + rules.features + limits
    elif rules.starttls and not secure:
        # Nothing else beside it, where it must come first (section 5.3.1).
        inner = f"<starttls xmlns='{TLS}'><required/></starttls>".encode()
    else:
        inner = _mechanisms(mechanism_names(rules, bindings, secure=secure), bindings)
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


def _mechanisms(names: Iterable[str], bindings: Collection[str]) -> bytes:
    listed = "".join(f"<mechanism>{name}</mechanism>" for name in names)
    written = f"<mechanisms xmlns='{SASL}'>{listed}</mechanisms>"
    if bindings:  # XEP-0440 section 3: their types beside the mechanisms
        kinds = "".join(f"<channel-binding type='{kind}'/>" for kind in sorted(bindings))
        written += (
            f"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{kinds}</sasl-channel-binding>"
        )
    return written.encode()
