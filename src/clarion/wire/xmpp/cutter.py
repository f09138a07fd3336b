"""Drives expat with whole tags, and cuts the raw stanzas out of what it was fed.

Namespace processing by expat costs 0.2 us a message and finds undeclared
prefixes, so nobody can break the stream of whoever a stanza is relayed to. See
``Slicer`` for the cost of it all.
"""

from collections.abc import Mapping
from typing import Final, NoReturn
from xml.parsers import expat

from clarion.wire.xml import ATTRIBUTE_LIMIT, DEPTH_LIMIT, clark
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import DIALBACK, STREAMS
from clarion.wire.xmpp.restrictions import (
    check_declaration,
    check_root_prefix,
    check_self_contained,
    explain,
    only_utf_8,
    refuse,
)
from clarion.wire.xmpp.seams import BLANK, element_end, start_tag_end
from clarion.wire.xmpp.slices import Slice, StreamEnd, StreamStart
from clarion.wire.xmpp.stanza import Stanza

# LIMIT: bytes after which expat is made anew between two stanzas, since it
# keeps every name and its largest buffer for life. Making one costs about 8 us.
PARSER_BUDGET: Final = 32 * 1024

_NO_PARSER: Final = expat.ParserCreate("UTF-8", "}")  # in the place of one that was let go
_LESS: Final = 0x3C
_STREAM_TAG: Final = f"{STREAMS}}}"
_DIALBACK_TAG: Final = f"{DIALBACK}}}"

_C = StreamCondition


class Cutter:
    """Turns pieces of one stream, each of which ends after a tag, into events.

    Args:
        stanza_limit: Bytes of one stanza, or of the root's start tag.
        dialback: Whether the root may declare the prefix of XEP-0220, and
            elements of that specification may use it.

    Attributes:
        stanza_limit: The same; it may change between two pieces.
        events: Takes what became complete. Whoever feeds a piece puts a list here.
        depth: Elements that are open; 1: between two stanzas.
        ended: The root closed, or nothing is read any more.
        held: Of the open stanza, what expat was fed before this piece.
        spent: Bytes that this expat was fed.

    """

    __slots__ = (
        "_attributes",
        "_base",
        "_begin",
        "_child_attributes",
        "_children",
        "_default",
        "_dialback",
        "_mark",
        "_parser",
        "_piece",
        "_root",
        "_tag",
        "depth",
        "ended",
        "events",
        "held",
        "spent",
        "stanza_limit",
    )

    def __init__(self, stanza_limit: int, *, dialback: bool = False) -> None:
        self.stanza_limit = stanza_limit
        self._dialback = dialback
        self.events: list[Slice] = []
        self.held = bytearray()
        self._attributes: dict[str, str] = {}
        self._children: list[str] = []
        self._child_attributes: list[Mapping[str, str]] = []
        self._parser = _NO_PARSER
        self.begin()

    def begin(self) -> None:
        """Begin a new document; what is held of the one before is the caller's to keep."""
        self.held.clear()
        self.ended = False
        self.depth = 0
        self._default = ""
        self._root = b""
        self._tag = ""
        self._attributes = {}
        self._children = []
        self._child_attributes = []
        self._begin = -1  # offset of the open stanza in the piece; -1: in an earlier one
        self._mark = 0  # offset after the last stanza in the piece
        self._piece = b""
        self.renew()
        self._parser.XmlDeclHandler = check_declaration
        self._parser.StartNamespaceDeclHandler = self._on_root_namespace

    def assume(self, root: bytes) -> None:
        """Go on as if the root's start tag had been ``root``; between two stanzas only.

        So the stanzas of a server or component are seen as a client's would
        be: they inherit another namespace, and mean the same (RFC 6120 section 4.8.3).
        """
        self._root = root
        self.renew()

    def renew(self) -> None:
        """Make expat, as if it had read the root's start tag if there was one."""
        parser = expat.ParserCreate("UTF-8", "}")
        if hasattr(parser, "SetReparseDeferralEnabled"):  # Python 3.11.9, 3.12.3, 3.13
            parser.SetReparseDeferralEnabled(False)  # noqa: FBT003 - takes no keyword
        if self._root:
            parser.Parse(self._root)
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CommentHandler = refuse
        parser.ProcessingInstructionHandler = refuse
        parser.StartDoctypeDeclHandler = refuse
        self._parser = parser
        self._base = len(self._root)  # bytes fed to expat before this piece
        self.spent = 0

    def parse(self, piece: bytes) -> None:
        """Feed expat a piece that ends after a tag.

        Raises:
            StreamError: It is no XML that a stream may hold, or a stanza is too large.

        """
        self._piece = piece
        self._mark = 0
        if self._base == 0 and piece[1] == 0:
            raise only_utf_8()  # expat would guess UTF-16, whatever it was told
        parser = self._parser
        try:
            parser.Parse(piece)
        except expat.ExpatError as error:
            if self.ended:
                return  # whatever follows the end of the stream is nobody's
            raise self._explain(error) from None
        if self.ended:
            return
        size = len(piece)
        if parser.CurrentByteIndex != self._base + size:
            rest = piece[max(0, parser.CurrentByteIndex - self._base) :]
            if rest.startswith((b"<!", b"<?")):
                refuse()
            raise StreamError(_C.NOT_WELL_FORMED, "a tag in a tag")
        self._base += size
        self.spent += size
        if self.depth > 1:
            self.held += piece[self._begin :] if self._begin >= 0 else piece
            self._begin = -1
            if len(self.held) > self.stanza_limit:
                self.too_large()
        elif self.depth:
            if self._mark != size:
                self._gap(size)
            if self.spent > PARSER_BUDGET:
                self.renew()

    def too_large(self) -> NoReturn:
        """Refuse a stanza above the limit.

        Raises:
            StreamError: Always.

        """
        raise StreamError(
            _C.POLICY_VIOLATION, f"a stanza may have at most {self.stanza_limit} bytes"
        )

    def rest(self) -> None:
        """Let go of expat between two stanzas; ``renew`` comes before the next piece."""
        self._drop_parser()
        self._piece = b""
        self._attributes = {}
        self._children, self._child_attributes, self.events = [], [], []

    def close(self) -> None:
        """Let go of expat, whose handlers point back here; nothing is read any more."""
        self.ended = True
        self._drop_parser()
        self.held.clear()
        self._piece = b""

    def _drop_parser(self) -> None:
        for name in _HANDLERS:
            setattr(self._parser, name, None)
        self._parser = _NO_PARSER

    def _on_start(self, tag: str, attributes: dict[str, str]) -> None:
        depth = self.depth
        self.depth = depth + 1
        if len(attributes) > ATTRIBUTE_LIMIT:
            raise StreamError(_C.POLICY_VIOLATION, f"more than {ATTRIBUTE_LIMIT} attributes")
        if depth == 1:
            self._begin = begin = self._parser.CurrentByteIndex - self._base
            if begin != self._mark:
                self._gap(begin)
            self._tag = tag
            self._attributes = attributes
            self._children = []
            self._child_attributes = []
        elif depth == 2:
            self._children.append("{" + tag if "}" in tag else tag)
            for name in attributes:
                if "}" in name:
                    attributes = _named(attributes)
                    break
            self._child_attributes.append(attributes)
        elif depth == 0:
            self._on_root(tag, attributes)
        elif depth > DEPTH_LIMIT:
            raise StreamError(_C.POLICY_VIOLATION, f"more than {DEPTH_LIMIT} levels")

    def _on_end(self, _tag: str) -> None:
        self.depth = depth = self.depth - 1
        if depth == 1:
            piece, begin, children = self._piece, self._begin, self._children
            index = self._parser.CurrentByteIndex - self._base
            if children:
                end = piece.find(b">", index) + 1
            else:
                end = element_end(piece, begin, index, bare=True)
            if self.held:
                raw = bytes(self.held + piece[:end])
                self.held.clear()
            else:
                raw = piece[begin:end]
            if len(raw) > self.stanza_limit:
                self.too_large()
            if b"stream:" in raw and not self._tag.startswith(_STREAM_TAG):
                check_self_contained(raw)
            if self._dialback and b"db:" in raw and not self._tag.startswith(_DIALBACK_TAG):
                check_self_contained(raw)
            self._mark = end
            attributes = self._attributes
            for name in attributes:
                if "}" in name:
                    attributes = _named(attributes)
                    break
            tag = self._tag
            tag = "{" + tag if "}" in tag else tag
            self.events.append(
                Stanza(tag, attributes, tuple(children), raw, tuple(self._child_attributes))
            )
        elif depth == 0:
            self._on_root_end()

    def _on_root(self, tag: str, attributes: dict[str, str]) -> None:
        begin = self._parser.CurrentByteIndex - self._base
        self._mark = start_tag_end(self._piece, begin)
        self._root = self._piece[begin : self._mark]
        if len(self._root) > self.stanza_limit:
            self.too_large()
        self._parser.StartNamespaceDeclHandler = None
        self.events.append(StreamStart(clark(tag), _named(attributes), self._default))

    def _on_root_end(self) -> None:
        index = self._parser.CurrentByteIndex - self._base
        if self._mark < index:
            self._gap(index)
        self.ended = True
        self.events.append(StreamEnd())

    def _on_root_namespace(self, prefix: str | None, uri: str | None) -> None:
        if prefix is None:
            self._default = uri or ""
        else:
            check_root_prefix(prefix, uri, dialback=self._dialback)

    def _gap(self, end: int) -> None:
        if self._piece[self._mark : end].strip(BLANK):
            raise StreamError(_C.BAD_FORMAT, "text between stanzas")

    def _explain(self, error: expat.ExpatError) -> StreamError:
        """Say in the words of section 4.9.3 what expat met."""
        if self.depth == 1:
            rest = self._piece[self._mark :].lstrip(BLANK)
            if rest and rest[0] != _LESS:
                return StreamError(_C.BAD_FORMAT, "text between stanzas")
        return explain(error.code)


_HANDLERS: Final = (
    "StartElementHandler",
    "EndElementHandler",
    "CommentHandler",
    "ProcessingInstructionHandler",
    "StartDoctypeDeclHandler",
    "XmlDeclHandler",
    "StartNamespaceDeclHandler",
)


def _named(attributes: dict[str, str]) -> dict[str, str]:
    return {clark(name): value for name, value in attributes.items()}
