"""Where tags and elements end in raw bytes: what the slicer needs to know before expat does."""

import re
from typing import Final

BLANK: Final = b" \t\r\n"  # white space, XML 1.0 section 2.3
_LESS: Final = 0x3C
_GREATER: Final = 0x3E
_SEAM: Final = re.compile(rb"[<>'\"]")
_UNQUOTE: Final = {0x27: re.compile(rb"[<']"), 0x22: re.compile(rb'[<"]')}
_SLASH: Final = 0x2F
_START_TAG: Final = re.compile(rb"<(?:[^'\">]++|'[^']*+'|\"[^\"]*+\")*+>")


def start_tag_end(raw: bytes, at: int = 0) -> int:
    """Return the offset after the start tag that begins at ``at``, 0 if it is unfinished."""
    found = _START_TAG.match(raw, at)
    return found.end() if found else 0


def element_end(raw: bytes, start: int, index: int, *, bare: bool) -> int:
    """Return the offset after an element whose end expat reports at ``index``.

    For ``<x/>`` expat names the offset after the tag, for ``<x></x>`` that of
    the end tag. Both may look alike around ``index``: ``<x/></y>`` and
    ``<x>/></x>``.

    Args:
        raw: The bytes that hold at least the last tag of the element.
        start: Offset of the start tag; negative if it is not in ``raw``.
        index: What expat says, as an offset in ``raw``.
        bare: No element was between start and end.

    """
    if (
        bare
        and start >= 0
        and raw[max(index - 2, 0) : index] == b"/>"
        and start_tag_end(raw, start) == index
    ):
        return index
    return raw.find(b">", index) + 1


def ends_whole(data: bytes) -> bool:
    """Say whether ``data``, which begins outside of a tag, ends with one.

    The quick form of ``Seams`` for the usual case; a "no" may be wrong.
    """
    if not data or data[-1] != _GREATER:
        return False
    less = data.rfind(b"<")
    if data[less + 1] == _SLASH:
        return data.find(b">", less) == len(data) - 1
    return less >= 0 and start_tag_end(data, less) == len(data)


class Seams:
    """Holds bytes until a tag ends, and looks at each byte once.

    Outside of a CDATA section ``<`` always begins a tag, so the last one tells
    whether the bytes end inside a tag. Inside of CDATA a seam may be found too
    early, which does no harm: expat takes character data in any portion. A tag
    seen there in error never hides the end of a stanza, since the next ``<``
    starts anew.
    """

    __slots__ = ("_quote", "_seen", "_tag", "waiting")

    def __init__(self) -> None:
        self.waiting = bytearray()
        self._seen = 0  # bytes of `waiting` that were looked at
        self._tag = False  # they end inside a tag
        self._quote = 0  # and there inside a value in these quotes

    def last(self) -> bytes:
        """Take what waits up to the end of the last whole tag."""
        waiting = self.waiting
        less = waiting.rfind(b"<", self._seen)
        whole = 0
        if less >= 0:
            whole = waiting.rfind(b">", self._seen, less) + 1
            self._tag, self._quote, self._seen = True, 0, less + 1
        return self._take(self._scan() or whole)

    def first(self) -> bytes:
        """Take what waits up to the end of the first whole tag."""
        return self._take(self._scan())

    def drop(self, count: int) -> None:
        """Forget the first ``count`` bytes, which are no part of a tag."""
        del self.waiting[:count]
        self._seen = max(0, self._seen - count)

    def rewind(self, front: bytes) -> None:
        """Put ``front`` before what waits and look at all of it anew."""
        self.waiting[:0] = front
        self._seen, self._tag, self._quote = 0, False, 0

    def _scan(self) -> int:
        """Go on looking; return the offset after the first tag that ends, or 0."""
        waiting = self.waiting
        at = self._seen
        while True:
            if self._tag:
                found = (_UNQUOTE[self._quote] if self._quote else _SEAM).search(waiting, at)
                at = found.start() if found else -1
            else:
                at = waiting.find(b"<", at)
            if at < 0:
                self._seen = len(waiting)
                return 0
            byte = waiting[at]
            at += 1
            if byte == _LESS:
                self._tag, self._quote = True, 0
            elif byte == _GREATER:
                self._tag, self._seen = False, at
                return at
            else:
                self._quote = 0 if self._quote else byte

    def _take(self, count: int) -> bytes:
        piece = bytes(self.waiting[:count])
        if count:
            self.drop(count)
        return piece
