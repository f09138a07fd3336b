"""Who is named in a message: by a word of its body, or by a reference (XEP-0372)."""

from urllib.parse import unquote
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.names import BODY

_REFERENCE = "{urn:xmpp:reference:0}reference"
_SCHEME = "xmpp:"


class Mentions:
    """What a message says of whom; a value.

    Args:
        message: The whole stanza.

    """

    __slots__ = ("_body", "_jids")

    def __init__(self, message: Element) -> None:
        self._body = "\n".join(one.text or "" for one in message.iter(BODY)).casefold()
        self._jids = frozenset(
            jid
            for one in message.iter(_REFERENCE)
            if one.get("type") == "mention" and (jid := _jid(one.get("uri", "")))
        )

    def refer_to(self, jid: str) -> bool:
        """Whether a reference of type ``mention`` leads to a JID (XEP-0372 section 3.2)."""
        return jid in self._jids

    def name(self, name: str) -> bool:
        """Whether the body has a name, not as a part of a longer word; case is no matter."""
        wanted, body = name.casefold(), self._body
        start = body.find(wanted) if wanted else -1
        while start >= 0:
            end = start + len(wanted)
            if not (_in_word(body, start - 1) or _in_word(body, end)):
                return True
            start = body.find(wanted, start + 1)
        return False


def _in_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and (text[at].isalnum() or text[at] == "_")


def _jid(uri: str) -> str:
    """Return the normalised JID of an XMPP URI; ``""``: it is none."""
    if not uri.startswith(_SCHEME):
        return ""
    try:
        return parse_jid(unquote(uri[len(_SCHEME) :].partition("?")[0])).full
    except JidError:
        return ""
