"""A person's vCard in its fourth form: the directory's part, and what the person adds (XEP-0292).

It is the item of a node that everybody has. What the directory rules is the
same as in ``vcard.py``, and is put in when somebody asks; the rest is what the
person published, for those whom the node's access model lets see it.
"""

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.core.directory import Directory
from clarion.core.model import Person
from clarion.core.zones import offset_of
from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.node_config import NodeConfig, refusal
from clarion.wire.xmpp.pubsub import GetItems, Publish, self_contained
from clarion.wire.xmpp.pubsub_answers import Written, item_element, items_answer
from clarion.xmpp import parties
from clarion.xmpp.context import Context
from clarion.xmpp.node_book import NodeBook
from clarion.xmpp.vcard import name_parts

NODE: Final = "urn:xmpp:vcard4"
NS: Final = "urn:ietf:params:xml:ns:vcard-4.0"
VCARD: Final = f"{{{NS}}}vcard"
CURRENT: Final = "current"
"""The id of the item of somebody who has published none."""

NEW: Final = NodeConfig(payloads=False)
"""How the node is set up where nobody says otherwise: whoever hears of news asks for the whole
vCard, with the directory's part (section 4.2.2)."""

_PARAMETERS: Final = f"{{{NS}}}parameters"
_TYPES: Final = f"{_PARAMETERS}/{{{NS}}}type/{{{NS}}}text"
_RULED: Final = frozenset(f"{{{NS}}}{name}" for name in ("fn", "n", "org", "title", "tz"))
# The offset may have changed since the client read it.
_OVERLOOKED: Final = f"{{{NS}}}tz"
# Those of type home are the person's own.
_RULED_AT_WORK: Final = frozenset(f"{{{NS}}}{name}" for name in ("email", "tel", "impp"))


def directory_part(directory: Directory, person: Person, now: float) -> list[Element]:
    """Return what the directory says of a person (RFC 6351)."""
    given, family = name_parts(person.name)
    name = Element(f"{{{NS}}}n")
    for part, text in (("surname", family), ("given", given), ("additional", "")):
        SubElement(name, f"{{{NS}}}{part}").text = text
    elements = [_property("fn", "text", person.name), name]
    if person.phone:
        number = "".join(person.phone.split())
        elements.append(_property("tel", "uri", f"tel:{number}", "work", "voice"))
    elements += [
        _property("email", "text", person.address, "work"),
        _property("impp", "uri", f"xmpp:{person.address}", "work"),
        _property("tz", "utc-offset", offset_of(now, person.time_zone)),
    ]
    departments = directory.departments_of(person)
    memberships = (directory.membership(person, one) for one in departments)
    titles = dict.fromkeys(one.title for one in memberships if one is not None and one.title)
    elements += [_property("title", "text", title) for title in titles]
    organisation = _property("org", "text", directory.domain, "work")
    for department in departments:
        SubElement(organisation, f"{{{NS}}}text").text = department.name
    elements.append(organisation)
    return elements


def ruled(element: Element) -> bool:
    """Say whether the directory rules a property of a vCard."""
    if element.tag not in _RULED_AT_WORK:
        return element.tag in _RULED
    return "home" not in {(one.text or "").strip().lower() for one in element.iterfind(_TYPES)}


def check(context: Context, book: NodeBook, request: Publish) -> Publish:
    """Look at a vCard before it is published.

    Raises:
        StanzaError: It is none, or says something else than the directory
            where that rules.

    """
    if not request.payload:
        return request
    card = parse(request.payload)
    if card.tag != VCARD:
        raise refusal(StanzaCondition.BAD_REQUEST, "invalid-payload", "a vCard is a vcard")
    services, person = context.services, context.person
    said: dict[str, set[str]] = {}
    for one in directory_part(services.directory, person, services.clock.wall()):
        said.setdefault(one.tag, set()).update(_texts(one))
    wrong = {
        one.tag.rpartition("}")[2]: None
        for one in card
        if ruled(one)
        and one.tag != _OVERLOOKED
        and not said.get(one.tag, set()).issuperset(_texts(one))
    }
    if wrong:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            f"{', '.join(wrong)}: the organisation's directory says this of you, and only an"
            " administrator can change it",
        )
    return request


async def items(context: Context, owner: Person, book: NodeBook, request: GetItems) -> bytes:
    """Answer a request for a person's vCard (section 4.1.1).

    Raises:
        UnavailableError: The store cannot answer.

    """
    services = context.services
    card = Element(VCARD)
    card.extend(directory_part(services.directory, owner, services.clock.wall()))
    name, node = CURRENT, book.get(NODE)
    if node is not None and await parties.refused(context, owner, node) is None:
        item = await book.last(node)
        if item is not None:
            name = item.id
            card.extend(_own(item.payload))
    if request.ids and name not in request.ids:
        return items_answer(NODE, ())
    return items_answer(NODE, (item_element(Written(name, self_contained(card))),))


def _own(payload: bytes) -> list[Element]:
    try:
        card = parse(payload)
    except PeerError:
        return []
    return [one for one in card if not ruled(one)] if card.tag == VCARD else []


def _property(name: str, kind: str, text: str, *types: str) -> Element:
    made = Element(f"{{{NS}}}{name}")
    if types:
        type_ = SubElement(SubElement(made, _PARAMETERS), f"{{{NS}}}type")
        for one in types:
            SubElement(type_, f"{{{NS}}}text").text = one
    SubElement(made, f"{{{NS}}}{kind}").text = text
    return made


def _texts(element: Element) -> Iterator[str]:
    """Give what a property says, its parameters aside; numbers as they are dialled."""
    for one in element:
        if one.tag == _PARAMETERS:
            continue
        text = " ".join((one.text or "").split())
        if element.tag.endswith("}tel"):
            text = "".join(text.removeprefix("tel:").split())
        elif element.tag.endswith("}impp"):
            text = text.removeprefix("xmpp:")
        if text:
            yield text
