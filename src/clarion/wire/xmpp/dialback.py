"""Server dialback: what is said, and its keys (XEP-0220 1.1.1, XEP-0185 1.0)."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from clarion.wire.address import AddressError, normalise_domain
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.names import DIALBACK
from clarion.wire.xmpp.splice import content
from clarion.wire.xmpp.stanza import Stanza

RESULT: Final = f"{{{DIALBACK}}}result"
VERIFY: Final = f"{{{DIALBACK}}}verify"
FEATURE: Final = "urn:xmpp:features:dialback"
FEATURE_TAG: Final = f"{{{FEATURE}}}dialback"
FEATURE_BYTES: Final = f"<dialback xmlns='{FEATURE}'><errors/></dialback>".encode()
KEY_LIMIT: Final = 1024
"""LIMIT: characters of somebody's key; ours have 64, and no algorithm is prescribed."""

_KEY: Final = re.compile(rf"[!-%'-;=?-~]{{1,{KEY_LIMIT}}}")  # whatever needs no escaping


@dataclass(frozen=True, slots=True)
class Dialback:
    """A ``<db:result/>`` or ``<db:verify/>``.

    Attributes:
        sender: The domain in ``from``, normalised.
        recipient: The domain in ``to``, normalised.
        stream: The ``id`` of a ``verify``; ``""`` without one.
        kind: ``valid``, ``invalid`` or ``error``; ``""`` for a question.
        key: Its content, where it is a question.

    """

    sender: str
    recipient: str
    stream: str = ""
    kind: str = ""
    key: str = field(default="", repr=False)


def dialback_key(secret: bytes, receiving: str, originating: str, stream: str) -> str:
    """Return the key that proves the origin of a stream (XEP-0185 section 2).

    Args:
        secret: Known to the originating domain's servers only.
        receiving: The receiving domain.
        originating: The originating domain.
        stream: The id that the receiving server gave the stream.

    """
    keyed = hashlib.sha256(secret).hexdigest().encode()
    said = f"{receiving} {originating} {stream}".encode()
    return hmac.digest(keyed, said, "sha256").hex()


def read_dialback(element: Stanza) -> Dialback:
    """Read an element of this namespace.

    Raises:
        StreamError: It lacks an address, or has a wrong one, or no key
            where there must be one.

    """
    given = element.attributes
    try:
        sender = normalise_domain(given.get("from", ""))
        recipient = normalise_domain(given.get("to", ""))
    except AddressError as error:
        raise StreamError(StreamCondition.IMPROPER_ADDRESSING, str(error)) from error
    kind = given.get("type", "")
    key = "" if kind else content(element.raw).decode().strip()
    if not kind and _KEY.fullmatch(key) is None:
        raise StreamError(StreamCondition.BAD_FORMAT, "a dialback key is a short text")
    return Dialback(sender, recipient, given.get("id", ""), kind, key)


def write_dialback(name: str, said: Dialback, error: StanzaError | None = None) -> bytes:
    """Write an element.

    Args:
        name: ``result`` or ``verify``.
        said: What.
        error: Why, where the kind is ``error`` (section 2.5).

    """
    stream = f" id='{escape(said.stream)}'" if said.stream else ""
    kind = f" type='{escape(said.kind)}'" if said.kind else ""
    start = f"<db:{name} from='{escape(said.sender)}' to='{escape(said.recipient)}'{stream}{kind}"
    inner = escape(said.key).encode() if error is None else error.to_bytes()
    if not inner:
        return start.encode() + b"/>"
    return b"%s>%s</db:%s>" % (start.encode(), inner, name.encode())
