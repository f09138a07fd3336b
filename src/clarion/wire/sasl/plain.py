"""SASL PLAIN (RFC 4616): name and password in one message, for protected connections only."""

from dataclasses import dataclass, field

from clarion.wire.sasl.payload import MESSAGE_LIMIT
from clarion.wire.sasl.refusal import malformed


@dataclass(frozen=True, slots=True)
class PlainMessage:
    """What the client says it is.

    Attributes:
        authzid: Whom it wants to act as; ``""``: itself.
        authcid: Whose password it gives.
        password: As sent, not prepared; never shown.

    """

    authzid: str
    authcid: str
    password: str = field(repr=False)


def parse_plain(message: bytes) -> PlainMessage:
    """Read the one message of PLAIN (RFC 4616 section 2).

    Raises:
        SaslError: ``malformed-request``; not three parts of UTF-8 with NUL
            between them, an empty name or password, or above ``MESSAGE_LIMIT``.

    """
    if len(message) > MESSAGE_LIMIT:
        raise malformed(f"the PLAIN message is longer than {MESSAGE_LIMIT} octets")
    try:
        parts = message.decode("utf-8").split("\0")
    except UnicodeDecodeError:
        raise malformed("the PLAIN message is not UTF-8") from None
    if len(parts) != 3:
        raise malformed("a PLAIN message has three parts with a NUL between them")
    authzid, authcid, password = parts
    if not authcid or not password:
        raise malformed("the name or the password in the PLAIN message is empty")
    return PlainMessage(authzid, authcid, password)
