"""SASL2 on the wire: what a client asks for while it logs in, and what it is told (XEP-0388).

Beside the SASL exchange itself an ``<authenticate/>`` says who the client is
and what is to be done at once when it is in: resume (XEP-0198), bind
(XEP-0386), give a token (XEP-0484). All of that is ``Wishes`` here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.sasl import SaslCondition, SaslError, encode_base64
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.names import CLIENT, SASL
from clarion.wire.xmpp.stanza import Stanza

SASL2: Final = "urn:xmpp:sasl:2"
BIND2: Final = "urn:xmpp:bind:0"
FAST: Final = "urn:xmpp:fast:0"
SM: Final = "urn:xmpp:sm:3"

AUTHENTICATE: Final = f"{{{SASL2}}}authenticate"
RESPONSE2: Final = f"{{{SASL2}}}response"
ABORT2: Final = f"{{{SASL2}}}abort"

CLIENT_ID_LIMIT: Final = 64
"""LIMIT: characters of a client's id; a UUID has 36. A longer one counts as none."""
AGENT_LIMIT: Final = 64
"""LIMIT: characters that are kept of the names of a client's software and device."""
TAG_LIMIT: Final = 64
"""LIMIT: characters of the tag in a resource; a longer one is left out."""
FEATURES_LIMIT: Final = 16
"""LIMIT: features that a client may ask for while it binds; we know four."""
COUNT_LIMIT: Final = 2**31 - 1
"""The highest replay counter: ``xs:int`` (XEP-0484 section 9)."""

_TRUE: Final = frozenset({"true", "1"})
_BIND: Final = f"{{{BIND2}}}bind"
_TAG: Final = f"{{{BIND2}}}tag"


@dataclass(frozen=True, slots=True)
class UserAgent:
    """The client (XEP-0388 section 2.3).

    Attributes:
        id: Of this installation, for as long as it lives; ``""``: not told.
        software: What its owner knows it as, or ``""``.
        device: Where it runs, or ``""``.

    """

    id: str = ""
    software: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class BindWish:
    """Bind a resource (XEP-0386 section 3.2).

    Attributes:
        tag: What the resource shall begin with, or ``""``.
        features: Elements of what shall be on from the start.

    """

    tag: str
    features: tuple[Stanza, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenUse:
    """The client logs in with a token (XEP-0484 section 3.4).

    Attributes:
        count: Of its attempts with this token; ``None``: it does not count.
        invalidate: The token shall be good for nothing from now on.

    """

    count: int | None = None
    invalidate: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be done when the client is in, all of it before it is told so.

    Attributes:
        agent: Who asks.
        bind: ``None``: not now.
        resume: The ``<resume/>`` of XEP-0198, which comes before ``bind``.
        token_use: ``None``: it logs in with something else.
        token_for: The mechanism that a new token is wanted for; ``""``: none is.

    """

    agent: UserAgent = field(default_factory=UserAgent)
    bind: BindWish | None = None
    resume: Stanza | None = None
    token_use: TokenUse | None = None
    token_for: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """An ``<authenticate/>``.

    Attributes:
        mechanism: As the client names it.
        initial: The initial response in base64; ``None``: there is none.
        wishes: What else it says.

    """

    mechanism: str
    initial: str | None = field(repr=False)  # holds a password
    wishes: Wishes


def read_request(element: Stanza) -> Request:
    """Read an ``<authenticate/>``; what is not known in it is ignored.

    Raises:
        SaslError: ``malformed-request``.

    """
    tree = parse(element.raw, CLIENT)
    initial = tree.find(f"{{{SASL2}}}initial-response")
    bind = tree.find(_BIND)
    resume = tree.find(f"{{{SM}}}resume")
    used = tree.find(f"{{{FAST}}}fast")
    wanted = tree.find(f"{{{FAST}}}request-token")
    return Request(
        element.attributes.get("mechanism", ""),
        None if initial is None else initial.text or "",
        Wishes(
            _agent(tree.find(f"{{{SASL2}}}user-agent")),
            None if bind is None else _bind(bind),
            None if resume is None else _stanza(resume),
            None if used is None else _token_use(used),
            "" if wanted is None else wanted.get("mechanism", ""),
        ),
    )


def _agent(element: Element | None) -> UserAgent:
    if element is None:
        return UserAgent()
    name = element.get("id", "")
    return UserAgent(
        name if len(name) <= CLIENT_ID_LIMIT else "",
        _words(element.findtext(f"{{{SASL2}}}software", "")),
        _words(element.findtext(f"{{{SASL2}}}device", "")),
    )


def _words(text: str) -> str:
    shown = "".join(character for character in text if character.isprintable())
    return " ".join(shown.split())[:AGENT_LIMIT]


def _bind(element: Element) -> BindWish:
    tag = element.findtext(_TAG, "")
    features = [child for child in element if not child.tag.startswith(f"{{{BIND2}}}")]
    if len(features) > FEATURES_LIMIT:
        raise SaslError(
            SaslCondition.MALFORMED_REQUEST, f"more than {FEATURES_LIMIT} features to bind with"
        )
    return BindWish(
        tag if len(tag) <= TAG_LIMIT else "", tuple(_stanza(child) for child in features)
    )


def _token_use(element: Element) -> TokenUse:
    text = element.get("count")
    count = None
    if text is not None:
        fits = text.isascii() and text.isdigit() and len(text) <= len(str(COUNT_LIMIT))
        if not fits or int(text) > COUNT_LIMIT:
            raise SaslError(SaslCondition.MALFORMED_REQUEST, "the count of a token is a number")
        count = int(text)
    return TokenUse(count, element.get("invalidate", "") in _TRUE)


def _stanza(element: Element) -> Stanza:
    """Return a child as what takes first-level elements knows it; without its bytes."""
    return Stanza(element.tag, element.attrib, tuple(child.tag for child in element), b"")


def challenge(data: bytes) -> bytes:
    """Write a challenge; an empty one asks for the first message."""
    return f"<challenge xmlns='{SASL2}'>{encode_base64(data).decode()}</challenge>".encode()


def success(data: bytes, identifier: str, inner: bytes) -> bytes:
    """Write the success (section 2.6.1).

    Args:
        data: What the mechanism says last; empty: nothing.
        identifier: The bare JID, or the full one of a resource that was bound.
        inner: What came of the wishes.

    """
    said = f"<additional-data>{encode_base64(data).decode()}</additional-data>" if data else ""
    return (
        f"<success xmlns='{SASL2}'>{said}<authorization-identifier>{escape(identifier)}"
        "</authorization-identifier>".encode()
        + inner
        + b"</success>"
    )


def failure(condition: SaslCondition, text: str) -> bytes:
    """Write a failure (section 2.6.2)."""
    said = f"<text>{escape(text)}</text>" if text else ""
    return f"<failure xmlns='{SASL2}'><{condition} xmlns='{SASL}'/>{said}</failure>".encode()


def inline_features(features: Iterable[str]) -> bytes:
    """Write what may be asked for in an ``<authenticate/>``: resumption and binding.

    Args:
        features: What can be on from the start (XEP-0386 section 3.1).

    """
    listed = "".join(f"<feature var='{escape(name)}'/>" for name in features)
    return (
        f"<sm xmlns='{SM}'/><bind xmlns='{BIND2}'><inline>{listed}</inline></bind>"
        if listed
        else f"<sm xmlns='{SM}'/><bind xmlns='{BIND2}'/>"
    ).encode()


def authentication(mechanisms: Iterable[str], tokens: Iterable[str], inline: bytes) -> bytes:
    """Write the feature (XEP-0388 section 2.1).

    Args:
        mechanisms: At least one.
        tokens: Mechanisms for tokens (XEP-0484 section 3.1); none: there are no tokens.
        inline: Of ``inline_features``.

    """
    names = "".join(f"<mechanism>{name}</mechanism>" for name in mechanisms)
    kinds = "".join(f"<mechanism>{name}</mechanism>" for name in tokens)
    fast = f"<fast xmlns='{FAST}'>{kinds}</fast>" if kinds else ""
    begun = f"<authentication xmlns='{SASL2}'>{names}".encode()
    offered = b"<inline>%b%b</inline>" % (inline, fast.encode()) if inline or fast else b""
    return begun + offered + b"</authentication>"


def bound(inner: bytes) -> bytes:
    """Write what came of a ``<bind/>`` (XEP-0386 section 3.2)."""
    return b"<bound xmlns='%b'>%b</bound>" % (BIND2.encode(), inner)


def token(text: str, expiry: str) -> bytes:
    """Write a token (XEP-0484 section 3.3).

    Args:
        text: The secret.
        expiry: Until when it is good, as XEP-0082 writes it.

    """
    return f"<token xmlns='{FAST}' expiry='{expiry}' token='{escape(text)}'/>".encode()
