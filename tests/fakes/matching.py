"""Compares XML that came with XML as a talk expects it."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring

WRAPPER = "<w xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>{}</w>"
_CAPTURE = re.compile(r"\{([\w/.-]+):[^}]*\}")


class MismatchError(Exception):
    """What came is not what was expected; the text says where they part."""


def read_elements(text: str) -> list[Element]:
    """Parse first-level elements as they stand in a client's stream."""
    return list(fromstring(WRAPPER.format(text)))


def match(expected: Element, got: Element, known: dict[str, str]) -> None:
    """Compare two elements; the order of attributes and the prefixes do not matter.

    Args:
        expected: ``*`` is any value or text, ``{name:*}`` too and is captured;
            ``**`` instead of a child stands for whatever further children.
        got: What came.
        known: Captured values are added here.

    Raises:
        MismatchError: They differ.

    """
    if expected.tag != got.tag:
        raise MismatchError(f"<{got.tag}> instead of <{expected.tag}>")
    name = expected.tag.rpartition("}")[2]
    for key in expected.attrib.keys() | got.attrib.keys():
        _match_text(expected.get(key), got.get(key), known, f"{key} of <{name}>")
    texts = list(_texts(expected))
    if "**" not in texts:
        if len(expected) != len(got):
            raise MismatchError(f"<{name}> has {len(got)} children instead of {len(expected)}")
        for wanted, found in zip(texts, _texts(got), strict=True):
            _match_text(wanted, found, known, f"the text in <{name}>")
    elif len(expected) > len(got):
        raise MismatchError(f"<{name}> has only {len(got)} children")
    for wanted_child, found_child in zip(expected, got, strict=False):
        match(wanted_child, found_child, known)


def _texts(element: Element) -> Iterator[str]:
    yield (element.text or "").strip()
    for child in element:
        yield (child.tail or "").strip()


def _match_text(wanted: str | None, found: str | None, known: dict[str, str], what: str) -> None:
    if wanted is not None and found is not None:
        capture = _CAPTURE.fullmatch(wanted)
        if capture is not None:
            known[capture[1]] = found
            return
        if wanted == "*":
            return
    if wanted != found:
        raise MismatchError(f"{what} is {found!r} instead of {wanted!r}")
