"""XML as small trees: reading a self-contained slice, writing without invented prefixes.

For what needs a tree (requests, forms, settings); messages are relayed as raw
slices (``wire/xmpp/slicer.py``) and never come here.
"""

import re
from typing import Final
from xml.etree.ElementTree import Element
from xml.parsers import expat

from clarion.lib.errors import PeerError

XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"
LANG: Final = f"{{{XML_NAMESPACE}}}lang"

# LIMIT: bytes of a slice that becomes a tree (a tree takes some 10 times its
# source); above every stanza limit that Clarion knows.
PARSE_LIMIT: Final = 1 << 20
# LIMIT: levels below the root; deeper trees are attacks on recursive readers.
DEPTH_LIMIT: Final = 64
# LIMIT: attributes of one element; real stanzas have fewer than ten.
ATTRIBUTE_LIMIT: Final = 64

# What XML 1.0 (section 2.2) does not allow, not even as a character reference.
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL: Final = re.compile("[&<>'\"\r\n\t]|" + _FORBIDDEN.pattern)
# White space is written as a reference, or a parser would turn it into other
# white space: CR anywhere (section 2.11), all of it in attributes (3.3.3).
_ESCAPES: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "'": "&apos;",
    '"': "&quot;",
    "\r": "&#13;",
    "\n": "&#10;",
    "\t": "&#9;",
}
_TEXT_ESCAPES: Final = _ESCAPES | {"\n": "\n", "\t": "\t"}


class MalformedError(PeerError):
    """A slice is not well-formed, not self-contained, or above a limit."""


def escape(text: str) -> str:
    """Write ``text`` so that it may stand in an attribute or between tags.

    Characters that XML 1.0 cannot carry at all (control characters, lone
    surrogates) are left out. A reader gets everything else back exactly, line
    ends included.
    """
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found.group(), ""), text)


def _escape_text(text: str) -> str:
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda found: _TEXT_ESCAPES.get(found.group(), ""), text)


def parse(raw: bytes, default_namespace: str = "") -> Element:
    """Build the tree of one self-contained element.

    Args:
        raw: UTF-8, from the start tag to the end tag.
        default_namespace: What an element without prefix belongs to where no
            ``xmlns`` says otherwise: that of the stream the slice comes from.

    Returns:
        The tree; names in a namespace are ``"{namespace}name"``.

    Raises:
        MalformedError: It is not one well-formed element, needs a prefix that
            it does not declare, holds a comment, processing instruction,
            document type or entity, or is above a limit.

    """
    if len(raw) > PARSE_LIMIT:
        raise MalformedError(f"an element of {len(raw)} bytes is above {PARSE_LIMIT}")
    builder = _Builder()
    parser = expat.ParserCreate("UTF-8", "}")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.CommentHandler = builder.refuse
    parser.ProcessingInstructionHandler = builder.refuse
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.XmlDeclHandler = builder.refuse
    # A wrapper hands the default namespace down without touching the slice.
    wrapper = f"<w xmlns='{escape(default_namespace)}'>".encode()
    try:
        parser.Parse(wrapper + raw + b"</w>", True)  # noqa: FBT003 - it takes no keyword
    except expat.ExpatError as error:
        raise MalformedError(f"not well-formed: {expat.ErrorString(error.code)}") from None
    return builder.tree()


class _Builder:
    """Grows the tree below a wrapper that stands for the stream."""

    def __init__(self) -> None:
        self._wrapper = Element("w")
        self._open: list[Element] = []
        self._last: Element | None = None  # closed last; text that follows is its tail

    def tree(self) -> Element:
        """Return what was built, if it is one element and nothing else."""
        wrapper = self._wrapper
        if len(wrapper) != 1 or _solid(wrapper.text) or _solid(wrapper[0].tail):
            raise MalformedError("not exactly one element")
        wrapper[0].tail = None
        return wrapper[0]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open:
            self._open.append(self._wrapper)
            return
        if len(self._open) > DEPTH_LIMIT:
            raise MalformedError(f"more than {DEPTH_LIMIT} levels")
        if len(attributes) > ATTRIBUTE_LIMIT:
            raise MalformedError(f"more than {ATTRIBUTE_LIMIT} attributes")
        element = Element(clark(tag), {clark(k): v for k, v in attributes.items()})
        self._open[-1].append(element)
        self._open.append(element)
        self._last = None

    def end(self, _tag: str) -> None:
        self._last = self._open.pop()

    def text(self, data: str) -> None:
        if self._last is not None:
            self._last.tail = (self._last.tail or "") + data
        else:
            self._open[-1].text = (self._open[-1].text or "") + data

    def refuse(self, *_: object) -> None:
        raise MalformedError("a comment, instruction or declaration")


def clark(name: str) -> str:
    """Turn expat's ``namespace}name`` into ``{namespace}name``; a bare name stays."""
    return "{" + name if "}" in name else name


def serialise(element: Element, default_namespace: str = "") -> bytes:
    """Write ``element`` for a place where ``default_namespace`` is the default.

    A namespace is declared where it changes and never gets a prefix, since
    several clients compare prefixes; only an attribute in a namespace has one,
    since XML demands it. The tail of ``element`` is not written. Recursion is
    as deep as the tree.

    Args:
        element: Its tags are ``"{namespace}name"``, or bare for no namespace.
        default_namespace: What needs no declaration.

    Raises:
        ValueError: A name is no XML name; never for what ``parse`` made.

    """
    parts: list[str] = []
    _write(element, default_namespace, parts)
    return "".join(parts).encode()


# A generous XML name: outside of ASCII everything, so that whatever expat read
# can be written again; no character of the markup, which is all that safety needs.
_NAME: Final = re.compile("[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_.\u0080-\U0010ffff-]*")


def _write(element: Element, default: str, parts: list[str]) -> None:
    namespace, name = split(element.tag)
    _check(name)
    if namespace == XML_NAMESPACE:
        # The one namespace that cannot be a default (Namespaces in XML, section 3).
        name, namespace = f"xml:{name}", default
    parts.append(f"<{name}")
    if namespace != default:
        parts.append(f" xmlns='{escape(namespace)}'")
    for number, (key, value) in enumerate(element.attrib.items()):
        parts.append(f" {_attribute(key, number)}='{escape(value)}'")
    if not len(element) and not element.text:
        parts.append("/>")
        return
    parts.append(">")
    if element.text:
        parts.append(_escape_text(element.text))
    for child in element:
        _write(child, namespace, parts)
        if child.tail:
            parts.append(_escape_text(child.tail))
    parts.append(f"</{name}>")


def split(tag: str) -> tuple[str, str]:
    """Split ``"{namespace}name"``; a bare name has the namespace ``""``."""
    if tag.startswith("{"):
        namespace, _, name = tag[1:].rpartition("}")
        return namespace, name
    return "", tag


def _attribute(key: str, number: int) -> str:
    """Write the name of an attribute, after a declaration where it needs one."""
    namespace, name = split(key)
    _check(name)
    if not namespace:
        return name
    if namespace == XML_NAMESPACE:
        return f"xml:{name}"
    # Without a prefix an attribute is in no namespace, so here there must be one.
    return f"xmlns:a{number}='{escape(namespace)}' a{number}:{name}"


def _solid(text: str | None) -> bool:
    return bool(text and text.strip())


def _check(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no XML name")
