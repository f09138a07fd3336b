"""A stanza taken apart, so that it goes out again in another name, to many (XEP-0045 7.4).

What its sender wrote stays byte for byte; the addresses go, and the children
that only others may give.
"""

from collections.abc import Callable, Sequence
from typing import Final

from clarion.wire.xml import escape
from clarion.wire.xmpp.seams import start_tag_end
from clarion.wire.xmpp.splice import Child, after_name, attributes_of

_ADDRESSES: Final = frozenset({b"from", b"to"})
_ADDRESSES_AND_ID: Final = frozenset({b"from", b"to", b"id"})


class Sheet:
    """A stanza that many are sent, cut where ``to`` goes; a ``lib.pattern.Pattern``.

    A value, never changed after it was made.

    Args:
        head: ``<`` and the name.
        tail: What follows, from the space before the next attribute on.

    """

    __slots__ = ("_between", "_size_bytes", "_start")

    def __init__(self, head: bytes, tail: bytes) -> None:
        self._start = head + b" to='"
        self._between = b"'" + tail
        self._size_bytes = len(head) + len(tail)

    def __len__(self) -> int:
        """Return its bytes without ``to``."""
        return self._size_bytes

    def to(self, address: str) -> bytes:
        """Return the stanza addressed to ``address``."""
        return self.addressed(escape(address).encode())

    def addressed(self, address: bytes) -> bytes:
        """Return the stanza addressed to ``address``, as it is written in an attribute."""
        return self._start + address + self._between

    def bare(self) -> bytes:
        """Return the stanza without ``to``."""
        return self._start[: -len(b" to='")] + self._between[1:]


class Parts:
    """What is left of a stanza once its addresses are gone; a value.

    Attributes:
        name: ``<`` and the name as it was written, which may have a prefix.
        attributes: Those that were not taken out, each with a space before it.
        inner: Its children, as they were written.

    """

    __slots__ = ("attributes", "inner", "name")

    def __init__(self, name: bytes, attributes: bytes, inner: bytes) -> None:
        self.name = name
        self.attributes = attributes
        self.inner = inner

    def sheet(self, sender: bytes, *added: bytes, attributes: bytes = b"") -> Sheet:
        """Return the stanza in the name of ``sender``.

        Args:
            sender: As it is written in an attribute.
            added: Children, already written, behind those that are there.
            attributes: More of them, each with a space before it.

        """
        end = b"</" + self.name[1:] + b">"
        start = b" from='" + sender + b"'" + attributes + self.attributes + b">"
        return Sheet(self.name, b"".join((start, self.inner, *added, end)))


def take_apart(
    raw: bytes,
    children: Sequence[Child],
    drop: Callable[[Child], bool],
    *,
    keep_id: bool = True,
) -> Parts:
    """Take ``from``, ``to`` and some children out of a stanza.

    Args:
        raw: The stanza.
        children: As ``splice.dissect`` found them.
        drop: Says which of them go.
        keep_id: Whether ``id`` stays.

    """
    gone = _ADDRESSES if keep_id else _ADDRESSES_AND_ID
    at = after_name(raw)
    kept = [
        raw[found.start() : found.end()] for found in attributes_of(raw, at) if found[1] not in gone
    ]
    # An end tag cannot end in "/>", so this is the short form.
    inner = b"" if raw.endswith(b"/>") else _inner(raw, children, drop)
    return Parts(raw[:at], b"".join(kept), inner)


def _inner(raw: bytes, children: Sequence[Child], drop: Callable[[Child], bool]) -> bytes:
    pieces = []
    at = start_tag_end(raw)
    for child in children:
        if drop(child):
            pieces.append(raw[at : child.start])
            at = child.end
    pieces.append(raw[at : raw.rindex(b"</")])
    return b"".join(pieces)
