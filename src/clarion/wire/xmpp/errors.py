"""Stream errors and stanza errors (RFC 6120, sections 4.9 and 8.3)."""

from enum import StrEnum
from typing import Final

from clarion.lib.errors import PeerError
from clarion.wire.xml import escape
from clarion.wire.xmpp.stanza import Stanza

STREAM_ERRORS: Final = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS: Final = "urn:ietf:params:xml:ns:xmpp-stanzas"


class StreamCondition(StrEnum):
    """Why a stream ends (RFC 6120, section 4.9.3)."""

    BAD_FORMAT = "bad-format"
    BAD_NAMESPACE_PREFIX = "bad-namespace-prefix"
    CONFLICT = "conflict"
    CONNECTION_TIMEOUT = "connection-timeout"
    HOST_GONE = "host-gone"
    HOST_UNKNOWN = "host-unknown"
    IMPROPER_ADDRESSING = "improper-addressing"
    INTERNAL_SERVER_ERROR = "internal-server-error"
    INVALID_FROM = "invalid-from"
    INVALID_NAMESPACE = "invalid-namespace"
    INVALID_XML = "invalid-xml"
    NOT_AUTHORIZED = "not-authorized"
    NOT_WELL_FORMED = "not-well-formed"
    POLICY_VIOLATION = "policy-violation"
    REMOTE_CONNECTION_FAILED = "remote-connection-failed"
    RESET = "reset"
    RESOURCE_CONSTRAINT = "resource-constraint"
    RESTRICTED_XML = "restricted-xml"
    SEE_OTHER_HOST = "see-other-host"
    SYSTEM_SHUTDOWN = "system-shutdown"
    UNDEFINED_CONDITION = "undefined-condition"
    UNSUPPORTED_ENCODING = "unsupported-encoding"
    UNSUPPORTED_FEATURE = "unsupported-feature"
    UNSUPPORTED_STANZA_TYPE = "unsupported-stanza-type"
    UNSUPPORTED_VERSION = "unsupported-version"


class StanzaCondition(StrEnum):
    """Why a stanza was refused (RFC 6120, section 8.3.3)."""

    BAD_REQUEST = "bad-request"
    CONFLICT = "conflict"
    FEATURE_NOT_IMPLEMENTED = "feature-not-implemented"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    INTERNAL_SERVER_ERROR = "internal-server-error"
    ITEM_NOT_FOUND = "item-not-found"
    JID_MALFORMED = "jid-malformed"
    NOT_ACCEPTABLE = "not-acceptable"
    NOT_ALLOWED = "not-allowed"
    NOT_AUTHORIZED = "not-authorized"
    POLICY_VIOLATION = "policy-violation"
    RECIPIENT_UNAVAILABLE = "recipient-unavailable"
    REDIRECT = "redirect"
    REGISTRATION_REQUIRED = "registration-required"
    REMOTE_SERVER_NOT_FOUND = "remote-server-not-found"
    REMOTE_SERVER_TIMEOUT = "remote-server-timeout"
    RESOURCE_CONSTRAINT = "resource-constraint"
    SERVICE_UNAVAILABLE = "service-unavailable"
    SUBSCRIPTION_REQUIRED = "subscription-required"
    UNDEFINED_CONDITION = "undefined-condition"
    UNEXPECTED_REQUEST = "unexpected-request"


class ErrorType(StrEnum):
    """What the sender can do about it (RFC 6120, section 8.3.2)."""

    AUTH = "auth"
    CANCEL = "cancel"
    CONTINUE = "continue"
    MODIFY = "modify"
    WAIT = "wait"


_C = StanzaCondition
# Where section 8.3.3 leaves a choice, the first type that it names; everything
# that is not here is "cancel".
_TYPES: Final = {
    _C.BAD_REQUEST: ErrorType.MODIFY,
    _C.FORBIDDEN: ErrorType.AUTH,
    _C.JID_MALFORMED: ErrorType.MODIFY,
    _C.NOT_ACCEPTABLE: ErrorType.MODIFY,
    _C.NOT_AUTHORIZED: ErrorType.AUTH,
    _C.POLICY_VIOLATION: ErrorType.MODIFY,
    _C.RECIPIENT_UNAVAILABLE: ErrorType.WAIT,
    _C.REDIRECT: ErrorType.MODIFY,
    _C.REGISTRATION_REQUIRED: ErrorType.AUTH,
    _C.REMOTE_SERVER_TIMEOUT: ErrorType.WAIT,
    _C.RESOURCE_CONSTRAINT: ErrorType.WAIT,
    _C.SUBSCRIPTION_REQUIRED: ErrorType.AUTH,
    _C.UNEXPECTED_REQUEST: ErrorType.WAIT,
}


class StreamError(PeerError):
    """The stream cannot go on.

    Args:
        condition: Goes on the wire and says what kind of wrong it is.
        text: For the person who reads the log of the other side.
        application: A self-contained element of an application's own
            namespace (section 4.9.4), or nothing.
        other_host: Address for ``see-other-host`` (section 4.9.3.19).

    """

    def __init__(
        self,
        condition: StreamCondition,
        text: str = "",
        *,
        application: bytes = b"",
        other_host: str = "",
    ) -> None:
        super().__init__(text or condition.value)
        self.condition = condition
        self.text = text
        self.application = application
        self.other_host = other_host

    def to_bytes(self) -> bytes:
        """Write the error; the prefix ``stream`` must be declared around it."""
        return b"<stream:error>%s%s%s</stream:error>" % (
            _condition(self.condition, STREAM_ERRORS, self.other_host),
            _text(self.text, STREAM_ERRORS),
            self.application,
        )


class StanzaError(PeerError):
    """One stanza is refused; the stream goes on.

    Args:
        condition: Goes on the wire and says what kind of no it is.
        text: For the person who sent the stanza.
        kind: What the sender can do; by default what section 8.3.3 says.
        application: A self-contained element of an application's own
            namespace (section 8.3.4), or nothing.
        uri: Where to turn, for ``gone`` and ``redirect``.

    """

    def __init__(
        self,
        condition: StanzaCondition,
        text: str = "",
        *,
        kind: ErrorType | None = None,
        application: bytes = b"",
        uri: str = "",
    ) -> None:
        super().__init__(text or condition.value)
        self.condition = condition
        self.text = text
        self.kind = kind or _TYPES.get(condition, ErrorType.CANCEL)
        self.application = application
        self.uri = uri

    def to_bytes(self, by: str | None = None) -> bytes:
        """Write the ``<error/>`` element, in the namespace of the stream around it.

        Args:
            by: Address of who refuses, when that is not the one whom the
                stanza was sent to (section 8.3.2).

        """
        return b"<error type='%s'%s>%s%s%s</error>" % (
            self.kind.encode(),
            b"" if by is None else b" by='%s'" % escape(by).encode(),
            _condition(self.condition, STANZA_ERRORS, self.uri),
            _text(self.text, STANZA_ERRORS),
            self.application,
        )


def may_answer(stanza: Stanza) -> bool:
    """Say whether an error may be sent back for ``stanza``.

    An error is never answered with an error, nor a result with anything, or
    two servers would talk for ever (RFC 6120, sections 8.2.3 and 8.3.1); and
    what is not a message, presence or iq has no error form.
    """
    name = stanza.tag.rpartition("}")[2]
    kind = stanza.attributes.get("type")
    if name == "iq":
        return kind not in {"error", "result"}
    return name in {"message", "presence"} and kind != "error"


def error_reply(
    stanza: Stanza,
    error: StanzaError,
    sender: str | None = None,
    recipient: str | None = None,
    *,
    by: str | None = None,
) -> bytes:
    """Write the answer that refuses ``stanza``; ask ``may_answer`` first.

    The content that was refused is not sent back (section 8.3.1 leaves it
    open): it may be large, and the sender has it.

    Args:
        stanza: What is refused; its ``id`` is kept.
        error: Why.
        sender: Who answers; ``None`` takes the ``to`` of the stanza, and
            without one there is no ``from``: the server speaks for the account.
        recipient: Who is answered; ``None`` takes the ``from`` of the stanza.
        by: See ``StanzaError.to_bytes``.

    Raises:
        ValueError: The stanza may not be answered.

    """
    if not may_answer(stanza):
        raise ValueError(f"{stanza!r} may not be answered with an error")
    given = stanza.attributes
    attributes = {
        "type": "error",
        "id": given.get("id"),
        "from": given.get("to") if sender is None else sender,
        "to": given.get("from") if recipient is None else recipient,
    }
    written = "".join(f" {k}='{escape(v)}'" for k, v in attributes.items() if v is not None)
    name = stanza.tag.rpartition("}")[2]
    return b"<%s%s>%s</%s>" % (name.encode(), written.encode(), error.to_bytes(by), name.encode())


def _condition(name: str, namespace: str, content: str) -> bytes:
    start = f"<{name} xmlns='{namespace}'"
    return (f"{start}>{escape(content)}</{name}>" if content else f"{start}/>").encode()


def _text(text: str, namespace: str) -> bytes:
    return f"<text xmlns='{namespace}'>{escape(text)}</text>".encode() if text else b""
