"""What a stream between servers tells its driver, and its rules (RFC 6120, XEP-0220)."""

from collections.abc import Callable
from dataclasses import dataclass

from clarion.wire.xmpp.dialback import Dialback
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.stanza import Stanza


@dataclass(frozen=True, slots=True)
class PeerSecureWanted:
    """Do the TLS handshake, then call ``secured``; as the server where the stream came in."""


@dataclass(frozen=True, slots=True)
class PeerProven:
    """Stanzas may pass.

    Attributes:
        sender: The domain whose stanzas they are.
        recipient: For whom.
        how: ``certificate`` (SASL EXTERNAL) or ``dialback``.

    """

    sender: str
    recipient: str
    how: str


@dataclass(frozen=True, slots=True)
class DialbackWanted:
    """Ask the server of ``asked.sender`` whether the key is its own, then call ``verified``.

    Attributes:
        asked: With the id of the stream that it came through.

    """

    asked: Dialback


@dataclass(frozen=True, slots=True)
class DialbackTold:
    """The answer to a ``verify`` of ours."""

    told: Dialback


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """The stream has ended.

    Attributes:
        error: Why, when it was no orderly close.
        clean: Whether it was an orderly end.

    """

    error: StreamError | None
    clean: bool


PeerEvent = PeerSecureWanted | PeerProven | DialbackWanted | DialbackTold | PeerClosed | Stanza


@dataclass(frozen=True, slots=True)
class PeerRules:
    """What the streams between servers must keep to.

    Attributes:
        serves: Whether a domain is one of ours.
        admits: Whether the operator lets us talk to a domain.
        key: Our dialback key for receiving domain, originating domain and stream id.
        early_stanza_bytes: LIMIT of one element before stanzas may pass.
        early_total_bytes: LIMIT of all bytes before.
        stanza_bytes: LIMIT of one stanza.
        negotiation_seconds: LIMIT from the first byte until stanzas may pass.

    """

    serves: Callable[[str], bool]
    admits: Callable[[str], bool]
    key: Callable[[str, str, str], str]
    early_stanza_bytes: int = 10 * 1024
    early_total_bytes: int = 256 * 1024
    stanza_bytes: int = 256 * 1024
    negotiation_seconds: float = 60.0
