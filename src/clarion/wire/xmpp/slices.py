"""What a stream is cut into: its start, its stanzas and its end (RFC 6120, section 4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from clarion.wire.xmpp.stanza import Stanza


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


Slice = StreamStart | Stanza | StreamEnd
