"""What a client's stream tells its driver, and the rules it keeps to (RFC 6120)."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.sasl2 import TokenUse, Wishes
from clarion.wire.xmpp.stanza import Stanza


class Phase(Enum):
    """Where the negotiation stands."""

    HEADER = auto()  # a stream header must come
    SECURE_OR_AUTHENTICATE = auto()  # features without bind were sent
    SECURING = auto()  # the driver does the TLS handshake
    AUTHENTICATING = auto()  # a SASL exchange waits for the client
    AUTHENTICATING_2 = auto()  # the same, of SASL2
    VERIFYING = auto()  # a SASL exchange waits for the driver
    WELCOMING = auto()  # the driver does what was asked for beside a SASL2 log-in
    REGISTERING = auto()  # in-band registration waits for the driver
    BIND = auto()  # features with bind were sent
    BINDING = auto()  # the driver chooses the resource, or resumes
    BOUND = auto()
    CLOSED = auto()


WAITING: Final = frozenset(
    {
        Phase.SECURING,
        Phase.VERIFYING,
        Phase.WELCOMING,
        Phase.REGISTERING,
        Phase.BINDING,
        Phase.CLOSED,
    }
)
"""Phases in which the driver has the word and nothing is read."""


@dataclass(frozen=True, slots=True)
class SecureWanted:
    """Do the TLS handshake, then call ``secured``.

    What is received until then must have come through TLS; it is read after
    ``secured``.
    """


@dataclass(frozen=True, slots=True)
class KeysWanted:
    """Answer with ``keys``: the client wants to prove that it is ``username`` (SCRAM)."""

    username: str
    hash_name: str


@dataclass(frozen=True, slots=True)
class PasswordGiven:
    """Check the password (PLAIN), then call ``admit`` or ``reject``."""

    username: str
    authzid: str
    password: str = field(repr=False)  # never shown


@dataclass(frozen=True, slots=True)
class ProofGiven:
    """SCRAM has its result; call ``admit`` or ``reject`` when it may be told.

    Attributes:
        label: Which password it was (``""``: the main one), or ``None`` when
            the proof is wrong.

    """

    username: str
    authzid: str
    label: str | None


@dataclass(frozen=True, slots=True)
class TokenGiven:
    """Check a token (XEP-0484), then call ``admit`` with our answer to the proof, or ``reject``.

    Attributes:
        mechanism: Of the HT family; a token is good for one.
        channel: Data of its channel binding.
        client: The id of the client's installation, whose token it must be.
        use: What else the client says of it.

    """

    username: str
    mechanism: str
    proof: bytes = field(repr=False)
    channel: bytes = field(repr=False)
    client: str
    use: TokenUse


@dataclass(frozen=True, slots=True)
class WishesMade:
    """A SASL2 log-in is good: do what was asked for beside it, then ``welcome`` or ``reject``.

    The client has not been told yet that it is in (XEP-0386 section 3.2).
    """

    wishes: Wishes


@dataclass(frozen=True, slots=True)
class RegistrationWanted:
    """Somebody who has not logged in asks about an account (XEP-0077); answer with ``registered``.

    Attributes:
        request: An iq of type get or set.

    """

    request: Stanza = field(repr=False)  # holds a password


@dataclass(frozen=True, slots=True)
class BindWanted:
    """Choose a resource, then call ``bound`` or ``bind_refused``.

    Attributes:
        resource: What the client asks for; ``""`` leaves it to the server.

    """

    resource: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A feature's element came after log-in and before binding (XEP-0198 resumption).

    Answer with ``bound`` or ``not_taken``.
    """

    element: Stanza


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream has ended; nothing more will come.

    Attributes:
        error: Why, when it was not the client's orderly close.
        clean: Whether it was an orderly end: by the client's end tag, or by ``close``.

    """

    error: StreamError | None
    clean: bool


Event = (
    SecureWanted
    | KeysWanted
    | PasswordGiven
    | ProofGiven
    | TokenGiven
    | WishesMade
    | RegistrationWanted
    | BindWanted
    | Offered
    | Stanza
    | Closed
)


@dataclass(frozen=True, slots=True)
class StreamRules:
    """What one listener's streams must keep to.

    Attributes:
        domain: The only host served here.
        starttls: STARTTLS is offered and required before anything else.
        without_tls: Log-in is offered without TLS (``listen_plain``, loopback only).
        login_attempts: LIMIT of failed log-ins; section 6.4.5 asks for 2 to 5.
        early_stanza_bytes: LIMIT of one element before log-in.
        early_total_bytes: LIMIT of all bytes before log-in.
        stanza_bytes: LIMIT of one stanza after log-in.
        idle_seconds: Silence after which a client is asked whether it is there;
            0: never.
        negotiation_seconds: LIMIT from the first byte to binding.
        registration: Accounts may be made in-band, before log-in (XEP-0077).
        invitations: Who is invited may make one (XEP-0445).
        inline: What may be asked for while logging in with SASL2, as bytes.
        tokens: Tokens are given and taken (XEP-0484).
        features: Further elements offered with bind, as bytes.
        early_tags: First-level tags of such features, handed out as ``Offered``.
        late_tags: First-level tags handed out after binding beside stanzas.

    """

    domain: str
    starttls: bool
    without_tls: bool = False
    login_attempts: int = 5
    early_stanza_bytes: int = 10 * 1024
    early_total_bytes: int = 256 * 1024
    stanza_bytes: int = 256 * 1024
    idle_seconds: int = 0
    negotiation_seconds: float = 60.0
    registration: bool = False
    invitations: bool = False
    inline: bytes = b""
    tokens: bool = False
    features: bytes = b""
    early_tags: frozenset[str] = frozenset()
    late_tags: frozenset[str] = frozenset()
