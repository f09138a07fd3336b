"""XMPP in WebSocket frames: one element each, and back to the bytes of a stream (RFC 7395).

The stream engine knows nothing of this: ``<open/>`` becomes the stream's start
tag and ``<close/>`` its end tag, every other frame passes as it is. What the
engine says is cut the other way, each piece with the namespaces that a frame
does not inherit.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from clarion.wire.xml import MalformedError, escape, parse
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import CLIENT, STREAMS, XML_LANG
from clarion.wire.xmpp.restrictions import refuse
from clarion.wire.xmpp.seams import BLANK
from clarion.wire.xmpp.splice import attributes_of, with_namespace

SUBPROTOCOL: Final = "xmpp"
FRAMING: Final = "urn:ietf:params:xml:ns:xmpp-framing"
CLOSE: Final = f"<close xmlns='{FRAMING}'/>".encode()

_OPEN_TAG: Final = f"{{{FRAMING}}}open"
_CLOSE_TAG: Final = f"{{{FRAMING}}}close"
_FRAMING: Final = FRAMING.encode()
STREAM_END: Final = b"</stream:stream>"
_HEADER: Final = b"<stream:stream"
_PREFIX: Final = b"<stream:"
_ERROR: Final = b"<stream:error"
_CONDITION: Final = re.compile(rb"><([a-z-]+)")
_CLOSE_CODES: Final = {
    b"connection-timeout": 1008,
    b"internal-server-error": 1011,
    b"not-authorized": 1008,
    b"policy-violation": 1008,
    b"resource-constraint": 1013,
    b"system-shutdown": 1001,
}
"""What the others say is 1002, an error of the protocol."""
_TAG: Final = re.compile(rb"<(/?)(?:[^'\"<>]++|'[^'<]*+'|\"[^\"<]*+\")++>")
_NAME: Final = re.compile(rb"<[^\s/>]+")
_SLASH: Final = 0x2F
_TOKEN: Final = re.compile(
    rb"</[^'\"<>]*+>()"  # an end tag
    rb"|<(?![?!])(?:[^'\"<>]++|'[^'<]*+'|\"[^\"<]*+\")++>"  # a start tag, the only one unnumbered
    rb"|<!\[CDATA\[(?s:.*?)\]\]>()"
    rb"|<\?xml [^<>]*+>()"  # how our own headers begin
    rb"|<(?:\?|!(?!\[CDATA\[))()"
    rb"|<()"
)
_END, _CDATA, _DECLARATION, _UNFINISHED = 1, 2, 3, 5  # groups of it; 4 is restricted XML
"""Whatever begins with ``<``. Time is linear: where a token is unfinished, the reading ends."""
_GIVEN: Final = ("to", "from", "version", XML_LANG)  # of what the client's <open/> may say
_TAKEN: Final = frozenset({b"from", b"to", b"id", b"version", b"xml:lang"})  # of our header

_C = StreamCondition


def to_stream(frame: bytes) -> bytes:
    """Return what a client's frame says in a stream.

    COMPAT(clients that leave out xmlns='jabber:client'): such a stanza is
    taken to be in that namespace.

    Raises:
        StreamError: The frame does not hold one element and nothing else
            (section 3.3.3), or its frame element is malformed.

    """
    if not frame.startswith(b"<"):
        raise StreamError(_C.BAD_FORMAT, "a frame begins with an element")
    if next(elements(frame)) != frame:
        raise StreamError(_C.BAD_FORMAT, "a frame holds one element and nothing else")
    found = _TAG.match(frame)
    assert found is not None, "it is an element"
    if _FRAMING not in found[0]:
        return frame
    try:
        element = parse(frame)
    except MalformedError as error:
        raise StreamError(_C.NOT_WELL_FORMED, str(error)) from None
    if element.tag == _CLOSE_TAG:
        return STREAM_END
    if element.tag != _OPEN_TAG:
        return frame  # the namespace is only mentioned
    return stream_start(element.attrib)


def stream_start(said: Mapping[str, str]) -> bytes:
    """Write the client's start of a stream.

    Args:
        said: What it says of it: ``to``, ``from``, ``version``, ``xml:lang``; others are left out.

    """
    kept = "".join(
        f" {'xml:lang' if name == XML_LANG else name}='{escape(said[name])}'"
        for name in _GIVEN
        if name in said
    )
    # With a declaration, so that it can only be the start of a stream and never a stanza.
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'{kept}>"
    ).encode()


def to_frames(said: bytes) -> Iterator[bytes]:
    """Cut what a stream engine and its sessions say into frames.

    Args:
        said: Whole first-level elements, headers and end tags of streams.

    Yields:
        The payload of one text frame after the other.

    """
    for piece in elements(said, of_stream=True):
        if piece == STREAM_END:
            yield CLOSE
        elif not piece.startswith(_PREFIX):
            yield with_namespace(piece, CLIENT)
        elif piece.startswith(_HEADER):
            kept = b"".join(
                b" %s=%s" % (found[1], found[2])
                for found in attributes_of(piece, len(_HEADER))
                if found[1] in _TAKEN
            )
            yield b"<open xmlns='%s'%s/>" % (_FRAMING, kept)
        else:
            name = _NAME.match(piece)
            assert name is not None, "it begins with a name"
            yield b"%s xmlns:stream='%s'%s" % (name[0], STREAMS.encode(), piece[name.end() :])


def close_code(frame: bytes) -> int:
    """Return the status code for the end of a WebSocket (RFC 6455 section 7.4.1).

    Args:
        frame: The last one before ``<close/>``: perhaps a stream error.

    """
    if not frame.startswith(_ERROR):
        return 1000
    found = _CONDITION.search(frame)
    return _CLOSE_CODES.get(found[1], 1002) if found is not None else 1002


def elements(data: bytes, *, of_stream: bool = False) -> Iterator[bytes]:
    """Cut bytes into first-level elements, without a look at what is in them.

    Tags are counted and not compared: whether it is XML at all, the reader
    behind finds out. Time is linear in the bytes.

    Args:
        data: Begins outside of an element.
        of_stream: Headers, end tags and declarations of streams are pieces by
            themselves; only for what this server wrote.

    Yields:
        Each element, from its start tag to its end tag.

    Raises:
        StreamError: There is something else than elements and white space
            behind them, or one is unfinished.

    """
    at = begin = depth = 0
    for found in _TOKEN.finditer(data):
        start, end = found.span()
        if depth == 0:
            _check_gap(data[at:start])
            begin = start
        kind = found.lastindex
        if kind is None:
            # A header of ours has no end in the same bytes, so it counts as one by itself.
            headed = depth == 0 and of_stream and data.startswith(_HEADER, start)
            if data[end - 2] != _SLASH and not headed:
                depth += 1
            elif depth == 0:
                yield data[begin:end]
        elif kind == _END:
            depth -= 1
            if depth <= 0:
                if depth < 0 and not of_stream:
                    raise StreamError(_C.NOT_WELL_FORMED, "an end tag without its start tag")
                depth = 0
                yield data[begin:end]
        else:
            _check_odd(kind, within=depth > 0, of_stream=of_stream)
        at = end
    if depth:
        raise StreamError(_C.BAD_FORMAT, "an element is unfinished")
    _check_gap(data[at:])


def _check_odd(kind: int, *, within: bool, of_stream: bool) -> None:
    """Let a CDATA section pass in an element, and a declaration before one of our headers."""
    if (kind == _CDATA and within) or (kind == _DECLARATION and of_stream and not within):
        return
    if kind == _UNFINISHED:
        raise StreamError(_C.NOT_WELL_FORMED, "a tag is unfinished or holds a tag")
    refuse()


def _check_gap(gap: bytes) -> None:
    if gap.strip(BLANK):
        raise StreamError(_C.BAD_FORMAT, "text between elements")
