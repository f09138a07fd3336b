"""What of XML a stream may not hold, and which stream error says so (RFC 6120, section 11)."""

from typing import Final, NoReturn
from xml.parsers import expat

from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import DIALBACK, STREAMS

_PREFIX: Final = "stream"
_DIALBACK_PREFIX: Final = "db"

_C = StreamCondition
# By number, since pyexpat has no name for the last three.
_CODES: Final = {
    11: _C.RESTRICTED_XML,  # undefined entity: without a DTD nobody can define one
    18: _C.UNSUPPORTED_ENCODING,
    19: _C.UNSUPPORTED_ENCODING,
    27: _C.BAD_NAMESPACE_PREFIX,  # unbound
    28: _C.BAD_NAMESPACE_PREFIX,  # bound to nothing
    38: _C.BAD_NAMESPACE_PREFIX,  # "xml" bound to something else
    39: _C.BAD_NAMESPACE_PREFIX,  # "xmlns" bound
    40: _C.BAD_NAMESPACE_PREFIX,  # something else bound to their namespaces
}


def explain(code: int) -> StreamError:
    """Turn expat's error code into a stream error."""
    return StreamError(_CODES.get(code, _C.NOT_WELL_FORMED), expat.ErrorString(code))


def refuse(*_: object) -> NoReturn:
    """Refuse a comment, processing instruction or DTD; a handler of expat (11.1).

    Raises:
        StreamError: Always.

    """
    raise StreamError(_C.RESTRICTED_XML, "no comments, processing instructions, DTDs or entities")


def only_utf_8() -> StreamError:
    """Return the refusal of another encoding (section 11.6)."""
    return StreamError(_C.UNSUPPORTED_ENCODING, "only UTF-8 is spoken here")


def check_declaration(version: str, encoding: str | None, _standalone: int) -> None:
    """Check ``<?xml ... ?>``; a handler of expat.

    Raises:
        StreamError: It is not XML 1.0 (``not-well-formed``: this stream is to
            hold XML 1.0) or not in UTF-8.

    """
    if version != "1.0":
        raise StreamError(_C.NOT_WELL_FORMED, "only XML 1.0 is spoken here")
    if encoding is not None and encoding.upper() != "UTF-8":
        raise only_utf_8()


def check_root_prefix(prefix: str, uri: str | None, *, dialback: bool = False) -> None:
    """Refuse what would make a stanza lean on the root's start tag.

    A prefix declared there could be used in any stanza, and the stanza would
    mean nothing to whoever it is relayed to.

    Args:
        prefix: What is declared.
        uri: For which namespace.
        dialback: Whether ``db`` may be declared (XEP-0220 section 2).

    Raises:
        StreamError: It is neither ``stream`` nor ``xml``: "a namespace prefix
            that is unsupported" is what ``bad-namespace-prefix`` says (section
            4.9.3.2); or ``stream`` is declared to be something else.

    """
    if prefix == _PREFIX:
        if uri != STREAMS:
            raise StreamError(_C.INVALID_NAMESPACE, f"'{_PREFIX}' is for {STREAMS}")
    elif dialback and prefix == _DIALBACK_PREFIX and uri == DIALBACK:
        pass
    elif prefix != "xml":
        raise StreamError(_C.BAD_NAMESPACE_PREFIX, "declare prefixes in the stanzas that use them")


def check_self_contained(raw: bytes) -> None:
    """Refuse a stanza that leans on the ``stream`` prefix of the root.

    "stream:" in a text is no prefix, and a stanza may declare the prefix
    itself; so a parser that does not know the prefix has to say.

    Raises:
        StreamError: ``bad-namespace-prefix``.

    """
    try:
        expat.ParserCreate("UTF-8", "}").Parse(raw)
    except expat.ExpatError:
        raise StreamError(
            _C.BAD_NAMESPACE_PREFIX, "a stanza must declare the prefixes that it uses"
        ) from None
