"""Cuts a stream into stanzas, byte-exact (RFC 6120, sections 4 and 11).

``Seams`` decides how many of the waiting bytes may go to expat, and ``Slicer``
drives expat and cuts the raw slices out of what it was fed.

Expat never sees an unfinished tag. A token that it sees in part is looked at
again with the next bytes: with reparse deferral (expat 2.6, and some patched
2.5 whose Python has no switch for it) that holds a stanza back until the peer
says more, and without it, it costs quadratic time. So every piece ends after a
tag, and expat must have used all of it; what it left is no XML that a stream
may hold.

Namespace processing by expat costs 0.2 us a message and finds undeclared
prefixes, so nobody can break the stream of whoever a stanza is relayed to. See
``Slicer`` for the cost of it all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn
from xml.parsers import expat

from clarion.wire.xml import ATTRIBUTE_LIMIT, DEPTH_LIMIT, clark
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import STREAMS
from clarion.wire.xmpp.restrictions import (
    check_declaration,
    check_root_prefix,
    check_self_contained,
    explain,
    only_utf_8,
    refuse,
)
from clarion.wire.xmpp.seams import BLANK, Seams, element_end, ends_whole, start_tag_end
from clarion.wire.xmpp.stanza import Stanza

# LIMIT: bytes after which expat is made anew between two stanzas, since it
# keeps every name and its largest buffer for life. Making one costs about 8 us.
PARSER_BUDGET: Final = 32 * 1024

_NO_PARSER: Final = expat.ParserCreate("UTF-8", "}")  # in the place of one that was let go
# What silent clients go on sending, each packet by itself (XEP-0198 section 4).
_ANSWER: Final = re.compile(
    rb"<a xmlns=(?:'urn:xmpp:sm:3'|\"urn:xmpp:sm:3\") h=(?:'([0-9]{1,10})'|\"([0-9]{1,10})\") ?/>"
)
_ANSWER_TAG: Final = "{urn:xmpp:sm:3}a"
_LESS: Final = 0x3C
_STREAM_TAG: Final = f"{STREAMS}}}"

_C = StreamCondition


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The root opened.

    Attributes:
        tag: ``"{namespace}name"``; a client should have said
            ``"{http://etherx.jabber.org/streams}stream"``.
        attributes: Named like those of a stanza; ``xml:lang`` is
            ``"{http://www.w3.org/XML/1998/namespace}lang"``.
        default_namespace: What ``xmlns`` says, for example ``"jabber:client"``;
            ``""`` without one.

    """

    tag: str
    attributes: Mapping[str, str]
    default_namespace: str


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The root closed; nothing comes after it."""


Event = StreamStart | Stanza | StreamEnd


class Slicer:
    """Turns the bytes of one stream into events.

    ``feed`` never raises. What was complete before an error is handed out, and
    ``failure`` is set; after that everything is ignored. White space between
    stanzas is free and leaves no trace.

    Before log-in the meaning of the bytes may change after any element (TLS,
    SASL), so there ``step`` is on: ``feed`` returns at most one event and keeps
    the rest unread; ``feed(b"")`` goes on, and is to be called until it returns
    nothing; ``restart`` makes the unread bytes the start of a new document.
    After ``relax`` one ``feed`` returns all events.

    Cost, CPython 3.11: a message of 180 bytes 4.6 us alone, 3.6 us in a batch;
    one of 371 bytes with five children 8.9 and 7.9 us.

    Args:
        stanza_limit: Bytes of one stanza, or of the root's start tag; counted
            while it is still incomplete.
        total_limit: Bytes in all until ``relax``, restarts included; ``None``
            for no limit.
        step: Whether ``feed`` stops after one event.

    """

    __slots__ = (
        "_attributes",
        "_base",
        "_begin",
        "_child_attributes",
        "_children",
        "_default",
        "_depth",
        "_ended",
        "_events",
        "_held",
        "_left",
        "_mark",
        "_overflow",
        "_parser",
        "_piece",
        "_resting",
        "_root",
        "_seams",
        "_spent",
        "_stanza_limit",
        "_step",
        "_tag",
        "failure",
    )

    def __init__(
        self, *, stanza_limit: int, total_limit: int | None = None, step: bool = False
    ) -> None:
        self.failure: StreamError | None = None
        self._stanza_limit = stanza_limit
        self._left = total_limit
        self._overflow = False
        self._step = step
        self._seams = Seams()
        self._events: list[Event] = []
        self._depth = 0
        self._resting = False  # there is no expat
        self._attributes: dict[str, str] = {}
        self._children: list[str] = []
        self._child_attributes: list[Mapping[str, str]] = []
        self._parser = _NO_PARSER
        self._held = bytearray()  # of the open stanza, what expat was fed before this piece
        self._begin_document()

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes and return what became complete, in order.

        What one feed returns depends on how the bytes were cut; the events in
        all do not. A stanza above the limit and an error inside of it compete:
        whichever is met first becomes the ``failure``.
        """
        events: list[Event] = []
        self._events = events
        if self.failure is not None or self._ended:
            return events
        if self._resting:
            answer = _ANSWER.fullmatch(data)
            if answer is not None:  # not worth making expat for
                handled = (answer[1] or answer[2]).decode()
                return [Stanza(_ANSWER_TAG, {"h": handled}, (), data)]
            self._resting = False
            self._make_parser()
        if self._left is not None:
            data = self._count(data, self._left)
        try:
            if self._is_whole(data):
                self._parse(data)
            else:
                self._gather(data)
            self._settle()
            self._end_of_turn()
        except StreamError as error:
            self._fail(error)
        return events

    def hold(self, data: bytes) -> None:
        """Take bytes and keep them unread until the next ``feed``; the total limit counts them."""
        if self.failure is None and not self._ended:
            if self._left is not None:
                data = self._count(data, self._left)
            self._seams.waiting += data

    def relax(self, stanza_limit: int) -> None:
        """Log-in is done: a new stanza limit, no total limit, no more single steps.

        Bytes may be waiting unread: call ``feed(b"")`` after it.
        """
        self._stanza_limit = stanza_limit
        self._left = None  # what was cut off already still ends the stream
        self._step = False

    def restart(self) -> None:
        """Begin a new document with whatever was not read yet (section 4.3.3).

        Call ``feed(b"")`` after it.
        """
        self._seams.rewind(bytes(self._held))
        self._held.clear()
        self._begin_document()

    def leftover(self) -> bytes:
        """Return what came after the last event.

        White space between stanzas is not counted. If there is anything after
        ``<starttls/>``, somebody injected it or the peer did not wait.
        """
        unread = bytes(self._held + self._seams.waiting)
        return unread if self._depth > 1 else unread.lstrip(BLANK)

    def rest(self) -> None:
        """Let go of expat between two stanzas; the next ``feed`` makes it anew.

        For streams that have been silent: expat takes 13 KiB. An ``<a/>``
        (XEP-0198) is read without it. Does nothing within a stanza or before
        log-in.
        """
        idle = self._depth == 1 and not self._seams.waiting and not self._held
        if idle and not self._step and not self._ended and not self._resting:
            self._drop_parser()
            self._resting = True
            self._piece = b""
            self._attributes = {}
            self._children, self._child_attributes, self._events = [], [], []

    def close(self) -> None:
        """Let go of expat, whose handlers point back here; nothing is read any more."""
        self._ended = True
        self._drop_parser()
        self._seams = Seams()
        self._held.clear()
        self._piece = b""

    def _drop_parser(self) -> None:
        for name in _HANDLERS:
            setattr(self._parser, name, None)
        self._parser = _NO_PARSER

    def _begin_document(self) -> None:
        self._ended = False
        self._resting = False
        self._depth = 0
        self._default = ""
        self._root = b""
        self._tag = ""
        self._attributes = {}
        self._children = []
        self._child_attributes = []
        self._begin = -1  # offset of the open stanza in the piece; -1: in an earlier one
        self._mark = 0  # offset after the last stanza in the piece
        self._piece = b""
        self._make_parser()
        self._parser.XmlDeclHandler = check_declaration
        self._parser.StartNamespaceDeclHandler = self._on_root_namespace

    def _make_parser(self) -> None:
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
        self._spent = 0

    def _count(self, data: bytes, left: int) -> bytes:
        if len(data) > left:
            data = data[:left]
            self._overflow = True
        self._left = left - len(data)
        return data

    def _is_whole(self, data: bytes) -> bool:
        """Say whether ``data`` may go to expat as it is: the usual case, made fast."""
        return (
            not self._step
            and not self._seams.waiting
            and self._spent <= PARSER_BUDGET
            and ends_whole(data)
            and (self._depth > 1 or data[0] == _LESS)
        )

    def _gather(self, data: bytes) -> None:
        """Feed expat what is ripe of the waiting bytes and ``data``."""
        seams = self._seams
        seams.waiting += data
        while not self._ended:
            if self._depth <= 1:
                self._trim()
            # Above the budget in single tags, so that a peer whose packets
            # always end inside a stanza cannot put off the new parser.
            fine = self._step or self._spent > PARSER_BUDGET
            piece = seams.first() if fine else seams.last()
            if not piece:
                break
            self._parse(piece)
            self._settle()
            if self._step and self._events:
                break

    def _trim(self) -> None:
        """Drop white space between stanzas; refuse text there (section 4.9.3.1)."""
        waiting = self._seams.waiting
        if not waiting or waiting[0] == _LESS:
            return
        self._seams.drop(len(waiting) - len(waiting.lstrip(BLANK)))
        if waiting and waiting[0] != _LESS:
            if self._depth:
                raise StreamError(_C.BAD_FORMAT, "text between stanzas")
            if waiting[0] in {0x00, 0xFE, 0xFF}:  # UTF-16 or UTF-32
                raise only_utf_8()
            raise StreamError(_C.NOT_WELL_FORMED, "text before the stream header")

    def _parse(self, piece: bytes) -> None:
        """Feed expat a piece that ends after a tag."""
        self._piece = piece
        self._mark = 0
        if self._base == 0 and piece[1] == 0:
            raise only_utf_8()  # expat would guess UTF-16, whatever it was told
        parser = self._parser
        try:
            parser.Parse(piece)
        except expat.ExpatError as error:
            if self._ended:
                return  # whatever follows the end of the stream is nobody's
            raise self._explain(error) from None
        if self._ended:
            return
        size = len(piece)
        if parser.CurrentByteIndex != self._base + size:
            rest = piece[max(0, parser.CurrentByteIndex - self._base) :]
            if rest.startswith((b"<!", b"<?")):
                refuse()
            raise StreamError(_C.NOT_WELL_FORMED, "a tag in a tag")
        self._base += size
        self._spent += size
        if self._depth > 1:
            self._held += piece[self._begin :] if self._begin >= 0 else piece
            self._begin = -1
        elif self._mark != size and self._depth:
            self._gap(size)

    def _settle(self) -> None:
        """Check what expat was fed of an open stanza, or renew expat if that is due."""
        if self._depth > 1:
            if len(self._held) > self._stanza_limit:
                self._too_large()
        elif self._spent > PARSER_BUDGET and self._depth == 1:
            self._make_parser()

    def _end_of_turn(self) -> None:
        """Check what is left once no whole tag waits any more."""
        if self._ended:
            self.close()
            return
        if self._step and self._events:
            return  # more than one stanza may wait
        if len(self._held) + len(self._seams.waiting) > self._stanza_limit:
            self._too_large()
        if self._overflow:
            raise StreamError(_C.POLICY_VIOLATION, "too many bytes before log-in")

    def _on_start(self, tag: str, attributes: dict[str, str]) -> None:
        depth = self._depth
        self._depth = depth + 1
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
        self._depth = depth = self._depth - 1
        if depth == 1:
            piece, begin, children = self._piece, self._begin, self._children
            index = self._parser.CurrentByteIndex - self._base
            if children:
                end = piece.find(b">", index) + 1
            else:
                end = element_end(piece, begin, index, bare=True)
            if self._held:
                raw = bytes(self._held + piece[:end])
                self._held.clear()
            else:
                raw = piece[begin:end]
            if len(raw) > self._stanza_limit:
                self._too_large()
            if b"stream:" in raw and not self._tag.startswith(_STREAM_TAG):
                check_self_contained(raw)
            self._mark = end
            attributes = self._attributes
            for name in attributes:
                if "}" in name:
                    attributes = _named(attributes)
                    break
            tag = self._tag
            tag = "{" + tag if "}" in tag else tag
            self._events.append(
                Stanza(tag, attributes, tuple(children), raw, tuple(self._child_attributes))
            )
        elif depth == 0:
            self._on_root_end()

    def _on_root(self, tag: str, attributes: dict[str, str]) -> None:
        begin = self._parser.CurrentByteIndex - self._base
        self._mark = start_tag_end(self._piece, begin)
        self._root = self._piece[begin : self._mark]
        if len(self._root) > self._stanza_limit:
            self._too_large()
        self._parser.StartNamespaceDeclHandler = None
        self._events.append(StreamStart(clark(tag), _named(attributes), self._default))

    def _on_root_end(self) -> None:
        index = self._parser.CurrentByteIndex - self._base
        if self._mark < index:
            self._gap(index)
        self._ended = True
        self._events.append(StreamEnd())

    def _on_root_namespace(self, prefix: str | None, uri: str | None) -> None:
        if prefix is None:
            self._default = uri or ""
        else:
            check_root_prefix(prefix, uri)

    def _gap(self, end: int) -> None:
        if self._piece[self._mark : end].strip(BLANK):
            raise StreamError(_C.BAD_FORMAT, "text between stanzas")

    def _too_large(self) -> NoReturn:
        raise StreamError(
            _C.POLICY_VIOLATION, f"a stanza may have at most {self._stanza_limit} bytes"
        )

    def _explain(self, error: expat.ExpatError) -> StreamError:
        """Say in the words of section 4.9.3 what expat met."""
        if self._depth == 1:
            rest = self._piece[self._mark :].lstrip(BLANK)
            if rest and rest[0] != _LESS:
                return StreamError(_C.BAD_FORMAT, "text between stanzas")
        return explain(error.code)

    def _fail(self, error: StreamError) -> None:
        self.close()
        self.failure = error


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
