"""Result set management: asking for long lists page by page (XEP-0059 1.0)."""

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.lib.errors import PeerError

NS: Final = "http://jabber.org/protocol/rsm"
TAG: Final = f"{{{NS}}}set"
NUMBER_LIMIT: Final = 2**31
"""A number in a request must be below; no list here is longer."""


@dataclass(frozen=True, slots=True)
class RsmRequest:
    """Which page is asked for.

    Attributes:
        maximum: Items at most; 0 asks only for the count (section 2.6);
            ``None``: the responder decides.
        after: The page behind this item.
        before: The page in front of this item; ``""``: the last page.
        index: The page that begins at this place, counted from 0.

    """

    maximum: int | None = None
    after: str | None = None
    before: str | None = None
    index: int | None = None

    @property
    def backwards(self) -> bool:
        """Whether the page is filled from its end."""
        return self.before is not None


@dataclass(frozen=True, slots=True)
class RsmAnswer:
    """Which page was given.

    Attributes:
        first: Id of its first item; ``None`` exactly when the page is empty.
        last: Id of its last item; ``None`` exactly when the page is empty.
        count: Items in the whole list, where it is known at little cost.
        index: Place of the first item in the whole list, counted from 0.

    """

    first: str | None = None
    last: str | None = None
    count: int | None = None
    index: int | None = None

    def to_element(self) -> Element:
        """Return the ``<set/>`` of an answer (section 2.2)."""
        element = Element(TAG)
        if self.first is not None and self.last is not None:
            first = SubElement(element, f"{{{NS}}}first")
            first.text = self.first
            if self.index is not None:
                first.set("index", str(self.index))
            SubElement(element, f"{{{NS}}}last").text = self.last
        if self.count is not None:
            SubElement(element, f"{{{NS}}}count").text = str(self.count)
        return element


def parse_request(element: Element) -> RsmRequest:
    """Read the ``<set/>`` of a request.

    An empty ``<after/>`` means "from the start", as if it were not there.

    Raises:
        PeerError: It is no ``<set/>``, or a number in it is not a number
            from 0 to below ``NUMBER_LIMIT``, or an index stands beside
            ``after`` or ``before``, which would contradict each other.

    """
    if element.tag != TAG:
        raise PeerError("this is not a result set request")
    request = RsmRequest(
        _number(element, "max"),
        element.findtext(f"{{{NS}}}after") or None,
        element.findtext(f"{{{NS}}}before"),
        _number(element, "index"),
    )
    if request.index is not None and not (request.after is None and request.before is None):
        raise PeerError("a page is asked for by index, or by before and after, not both")
    return request


def find_request(parent: Element) -> RsmRequest | None:
    """Return the result set request among the children of ``parent``, if there is one.

    Raises:
        PeerError: As ``parse_request``.

    """
    element = parent.find(TAG)
    return None if element is None else parse_request(element)


def _number(parent: Element, name: str) -> int | None:
    text = parent.findtext(f"{{{NS}}}{name}")
    if text is None:
        return None
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise PeerError(f"the {name} of a result set request must be a number")
    number = int(text)
    if number >= NUMBER_LIMIT:
        raise PeerError(f"the {name} of a result set request must be below {NUMBER_LIMIT}")
    return number
