"""Stanzas between the namespaces of clients, servers and components (RFC 6120 section 4.8.3)."""

from typing import Final

from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.splice import attributes_of, children
from clarion.wire.xmpp.stanza import Stanza

_STANZAS: Final = frozenset({"message", "presence", "iq"})


def as_client(stanza: Stanza, namespace: str) -> Stanza:
    """Return a stanza of another content namespace as a client's.

    Most stanzas inherit the namespace of their stream, and need nothing. One
    that names it, on itself or on its children, is rewritten there; what is
    deeper stays as it is.

    Args:
        stanza: From a stream whose slicer assumes a client's root.
        namespace: What the stream's stanzas are really in.

    Raises:
        StreamError: It uses a prefix for the content namespace (section 4.8.5).

    """
    prefix = f"{{{namespace}}}"
    # A tag has braces, so looking for the namespace finds whatever is written out.
    if namespace.encode() not in stanza.raw:
        return stanza
    ours = stanza.tag.startswith(prefix) and stanza.tag[len(prefix) :] in _STANZAS
    if not (ours or any(child.startswith(prefix) for child in stanza.children)):
        return stanza
    tag = f"{{{CLIENT}}}{stanza.tag[len(prefix) :]}" if ours else stanza.tag
    raw = stanza.raw
    for child in reversed(children(stanza)):
        if child.tag.startswith(prefix):
            piece = _renamed(raw[child.start : child.end], namespace, CLIENT)
            raw = raw[: child.start] + piece + raw[child.end :]
    if ours:
        raw = _renamed(raw, namespace, CLIENT)
    return Stanza(
        tag,
        stanza.attributes,
        tuple(child.replace(prefix, f"{{{CLIENT}}}") for child in stanza.children),
        raw,
        stanza.child_attributes,
    )


def for_stream(raw: bytes) -> bytes | None:
    """Return a client's stanza so that it takes the namespace of the stream that it is put on.

    Returns:
        ``None`` where it uses a prefix for its own namespace, so that it
        would be nothing that a server's stream may hold.

    """
    end = _name_end(raw)
    if b":" in raw[:end]:
        return None
    for found in attributes_of(raw, end):
        if found[1] == b"xmlns":
            return raw[: found.start()] + raw[found.end() :]
    return raw


def _renamed(raw: bytes, old: str, new: str) -> bytes:
    end = _name_end(raw)
    if b":" in raw[:end]:
        raise StreamError(
            StreamCondition.BAD_NAMESPACE_PREFIX, "stanzas and what is in them have no prefix"
        )
    for found in attributes_of(raw, end):
        if found[1] == b"xmlns" and found[2][1:-1] == old.encode():
            start, stop = found.span(2)
            return raw[: start + 1] + new.encode() + raw[stop - 1 :]
    return raw


def _name_end(raw: bytes) -> int:
    for at, byte in enumerate(raw):
        if byte in b" \t\r\n/>" and at:
            return at
    return len(raw)
