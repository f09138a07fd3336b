"""The ``<body/>`` of BOSH: read from a request, written for an answer (XEP-0124, XEP-0206)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from clarion.lib.errors import PeerError
from clarion.wire.xml import MalformedError, escape, parse
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.framing import elements, stream_start
from clarion.wire.xmpp.names import STREAMS, XML_LANG
from clarion.wire.xmpp.seams import BLANK, start_tag_end

HTTPBIND: Final = "http://jabber.org/protocol/httpbind"
XBOSH: Final = "urn:xmpp:xbosh"
RID_LIMIT: Final = 2**53 - 1  # XEP-0124 section 14.1

_DECLARATION: Final = re.compile(rb"\s*<\?xml\s[^<>?]*\?>")
_TAG: Final = f"{{{HTTPBIND}}}body"
_VERSION: Final = f"{{{XBOSH}}}version"
_RESTART: Final = f"{{{XBOSH}}}restart"
_TRUE: Final = frozenset({"true", "1"})
_NUMBER: Final = re.compile("[0-9]{1,16}")
_VER: Final = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


class BodyError(PeerError):
    """The request holds no ``<body/>`` as it must be: the condition ``bad-request``."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a client asks.

    Attributes:
        rid: The request's number.
        sid: The session; ``""`` asks for a new one.
        attributes: Those of the element, names in a namespace as ``"{namespace}name"``.
        payloads: The elements inside of it, as they are written.

    """

    rid: int
    sid: str
    attributes: Mapping[str, str]
    payloads: tuple[bytes, ...] = field(repr=False)

    @property
    def terminates(self) -> bool:
        """Whether the session is to end (section 13)."""
        return self.attributes.get("type") == "terminate"

    @property
    def restarts(self) -> bool:
        """Whether a new stream begins (XEP-0206 section 5)."""
        return self.attributes.get(_RESTART) in _TRUE

    @property
    def is_empty(self) -> bool:
        """Whether it only asks for what there is."""
        idle = self.terminates or self.restarts or "pause" in self.attributes
        return not self.payloads and not idle

    @property
    def ver(self) -> tuple[int, int] | None:
        """The version of BOSH that is spoken; ``None`` from clients older than that attribute."""
        found = _VER.fullmatch(self.attributes.get("ver", ""))
        return (int(found[1]), int(found[2])) if found is not None else None

    def number(self, name: str, default: int) -> int:
        """Return an attribute that is a number.

        Raises:
            BodyError: It is something else.

        """
        value = self.attributes.get(name)
        if value is None:
            return default
        if not _NUMBER.fullmatch(value):
            raise BodyError(f"{name} must be a number")
        return int(value)

    def start(self) -> bytes:
        """Write the start of the stream that the client asks for."""
        given = {name: self.attributes[name] for name in ("to", "from") if name in self.attributes}
        if XML_LANG in self.attributes:
            given[XML_LANG] = self.attributes[XML_LANG]
        return stream_start({**given, "version": self.attributes.get(_VERSION, "1.0")})


def read_body(raw: bytes) -> Body:
    """Read a request.

    COMPAT(clients of XEP-0206's note in section 3): stanzas without xmlns, which
    inherit that of the body, are taken to be in jabber:client.

    Raises:
        BodyError: It is no ``<body/>``, or not well-formed.

    """
    declared = _DECLARATION.match(raw)
    whole = raw[declared.end() if declared is not None else 0 :].strip(BLANK)
    try:
        outer = list(elements(whole))
        end = start_tag_end(whole)
        if outer != [whole] or not end:
            raise BodyError("a request holds one element")
        bare = whole[end - 2] == ord("/")
        head = whole[:end] if bare else whole[: end - 1] + b"/>"
        element = parse(head)
        close = whole.rindex(b"</") if not bare else end
        inner = b"" if bare else whole[end:close]
        if not bare:
            _check_end(whole, whole[close:])
        payloads = tuple(elements(inner))
    except (StreamError, MalformedError) as error:
        raise BodyError(str(error)) from None
    if element.tag != _TAG:
        raise BodyError(f"the element must be body in {HTTPBIND}")
    attributes = dict(element.attrib)
    rid = attributes.get("rid", "")
    if not _NUMBER.fullmatch(rid) or not 0 < int(rid) <= RID_LIMIT:
        raise BodyError("rid must be a number from 1 to 2^53 - 1")
    return Body(int(rid), attributes.get("sid", ""), attributes, payloads)


def _check_end(whole: bytes, end: bytes) -> None:
    name = re.match(rb"<([^\s/>]+)", whole)
    if name is None or end[2:-1].rstrip(BLANK) != name[1]:
        raise BodyError("the end tag is another one's")


def write_body(attributes: Mapping[str, str], payloads: Sequence[bytes] = ()) -> bytes:
    """Write an answer.

    Args:
        attributes: Those with ``xmpp:`` are in the namespace of XEP-0206.
        payloads: Whole elements with their namespaces.

    """
    said = {"xmlns": HTTPBIND, **attributes}
    if any(name.startswith("xmpp:") for name in attributes):
        said["xmlns:xmpp"] = XBOSH
    if any(payload.startswith(b"<stream:") for payload in payloads):
        said["xmlns:stream"] = STREAMS
    head = "".join(f" {name}='{escape(value)}'" for name, value in said.items())
    if not payloads:
        return f"<body{head}/>".encode()
    return b"<body%s>%s</body>" % (head.encode(), b"".join(payloads))
