"""A person's vCard: what the directory says, and what the person adds (XEP-0054 1.3.0).

The directory rules name, address, telephone at work, departments and title:
what a client sends of these is compared with the directory, never kept. All
else is the person's own and kept as the client wrote it.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final, Protocol
from xml.etree.ElementTree import Element, SubElement

from clarion.core.directory import Directory
from clarion.core.model import Person, PersonNumber
from clarion.core.zones import offset_of
from clarion.wire.xml import serialise

NS: Final = "vcard-temp"
VCARD: Final = f"{{{NS}}}vCard"
CARD_LIMIT_BYTES: Final = 65_536
"""LIMIT: what a person adds to the vCard beside the photo, as XML. With a photo of
``IMAGE_LIMIT_BYTES`` and the directory's part the card stays below a stanza's default limit of
256 KiB, so that a client can send back what it got."""

_HOME: Final = f"{{{NS}}}HOME"
_RULED: Final = frozenset(
    f"{{{NS}}}{name}" for name in ("FN", "N", "ORG", "TITLE", "JABBERID", "VERSION", "TZ")
)
# The offset may have changed since the client read it, and the version is the format's.
_OVERLOOKED: Final = frozenset(f"{{{NS}}}{name}" for name in ("TZ", "VERSION"))
# Those marked HOME are the person's own.
_RULED_AT_WORK: Final = frozenset(f"{{{NS}}}{name}" for name in ("EMAIL", "TEL"))
_FIRST_IDEOGRAPH: Final = 0x2E80


class CardStore(Protocol):
    """Keeps what people add to their vCards; raises ``UnavailableError`` like every port."""

    async def card(self, person: PersonNumber) -> bytes:
        """Return what the person added: elements of a vCard, or nothing."""
        ...

    async def keep(self, person: PersonNumber, card: bytes) -> None:
        """Keep what the person adds; nothing: forget what there was."""
        ...


def name_parts(name: str) -> tuple[str, str]:
    """Split a name into given and family name, as well as can be told from the name alone.

    The last word is the family name; of a name in ideographs, kana or hangul
    the first. One word is a given name.
    """
    first, _, rest = name.partition(" ")
    if not rest:
        return name, ""
    if any(_is_east_asian(letter) for letter in name):
        return rest, first
    given, _, family = name.rpartition(" ")
    return given, family


def directory_part(directory: Directory, person: Person, now: float) -> list[Element]:
    """Return what the directory says of a person, in the order of the DTD."""
    given, family = name_parts(person.name)
    name = Element(f"{{{NS}}}N")
    _add(name, "FAMILY", family)
    _add(name, "GIVEN", given)
    elements = [_leaf("FN", person.name), name]
    if person.phone:
        phone = Element(f"{{{NS}}}TEL")
        _add(phone, "WORK")
        _add(phone, "VOICE")
        _add(phone, "NUMBER", person.phone)
        elements.append(phone)
    mail = Element(f"{{{NS}}}EMAIL")
    _add(mail, "WORK")
    _add(mail, "INTERNET")
    _add(mail, "PREF")
    _add(mail, "USERID", person.address)
    elements += [mail, _leaf("JABBERID", person.address)]
    elements.append(_leaf("TZ", offset_of(now, person.time_zone)))
    departments = directory.departments_of(person)
    titles = []
    for department in departments:
        membership = directory.membership(person, department)
        if membership is not None and membership.title and membership.title not in titles:
            titles.append(membership.title)
    if titles:
        elements.append(_leaf("TITLE", ", ".join(titles)))
    organisation = Element(f"{{{NS}}}ORG")
    _add(organisation, "ORGNAME", directory.domain)
    for department in departments:
        _add(organisation, "ORGUNIT", department.name)
    elements.append(organisation)
    return elements


def ruled(element: Element) -> bool:
    """Say whether the directory rules an element of a vCard."""
    if element.tag in _RULED_AT_WORK:
        return element.find(_HOME) is None
    return element.tag in _RULED


def contradictions(sent: Element, directory: Iterable[Element]) -> list[str]:
    """Return the names of ruled elements that say something else than the directory.

    Clients send a whole card whatever the user changed, write empty elements
    for what they do not know, and may order or mark things their own way: what
    counts is that every text in a ruled element is one that the directory says
    there.
    """
    said: dict[str, set[str]] = {}
    for element in directory:
        said.setdefault(element.tag, set()).update(_texts(element))
    wrong: dict[str, None] = {}
    for element in sent:
        if ruled(element) and element.tag not in _OVERLOOKED:
            known = said.get(element.tag, set())
            if not known.issuperset(_texts(element)):
                wrong[element.tag.rpartition("}")[2]] = None
    return list(wrong)


def own_part(sent: Element) -> bytes:
    """Return what of a sent vCard is the person's own, as it is kept."""
    return b"".join(serialise(one, NS) for one in sent if not ruled(one))


def whole(directory: Iterable[Element], own: bytes, photo: Element | None = None) -> bytes:
    """Return the vCard that others see."""
    ruled_part = b"".join(serialise(one, NS) for one in directory)
    if photo is not None:
        ruled_part += serialise(photo, NS)
    return f"<vCard xmlns='{NS}'>".encode() + ruled_part + own + b"</vCard>"


def _is_east_asian(letter: str) -> bool:
    return ord(letter) >= _FIRST_IDEOGRAPH and unicodedata.category(letter) == "Lo"


def _texts(element: Element) -> Iterator[str]:
    for one in element.iter():
        text = " ".join((one.text or "").split())
        if text:
            yield text


def _leaf(name: str, text: str) -> Element:
    element = Element(f"{{{NS}}}{name}")
    element.text = text
    return element


def _add(parent: Element, name: str, text: str = "") -> None:
    element = SubElement(parent, f"{{{NS}}}{name}")
    if text:
        element.text = text
