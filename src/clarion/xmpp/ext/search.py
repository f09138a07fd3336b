"""Search in the directory, asked of the server (XEP-0055 1.3, with XEP-0004 and XEP-0059).

What is sought is a part of a text, case does not matter, and every field that
is filled in must fit. ``first`` and ``last`` are both sought in the whole name,
since nobody knows for certain which part of a name is which; ``nick`` is the
local part of the address. One page has up to ``PAGE_LIMIT`` people; where there
are more, the answer holds the count and where to go on (XEP-0059), and a form
says it in words too.
"""

from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.core.model import Person
from clarion.core.search import (
    PAGE_LIMIT,
    Found,
    PeopleSearch,
    Sought,
    UnknownPlaceError,
    Window,
)
from clarion.wire.xml import serialise
from clarion.wire.xmpp.caps import Identity
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import (
    TAG,
    Field,
    FieldKind,
    Form,
    FormKind,
    parse_form,
    text_field,
    type_field,
)
from clarion.wire.xmpp.jid import JidError, parse_jid
from clarion.wire.xmpp.result_set import RsmAnswer, RsmRequest, find_request
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.vcard import name_parts

NS: Final = "jabber:iq:search"
QUERY: Final = f"{{{NS}}}query"
_RSM: Final = "http://jabber.org/protocol/rsm"

_INSTRUCTIONS: Final = "Fill in one or more fields; a part of a word is enough."
_OLD_FIELDS: Final = ("first", "last", "nick", "email")
# Names that the registry does not reserve begin with "x-" (XEP-0068).
_FIELDS: Final = (
    ("x-text", "Anything"),
    ("first", "Given name"),
    ("last", "Family name"),
    ("nick", "Nickname"),
    ("email", "Address"),
    ("x-department", "Department"),
    ("x-title", "Title"),
    ("x-phone", "Telephone"),
)
_COLUMNS: Final = (
    Field("jid", kind=FieldKind.JID_SINGLE, label="Address"),
    *(
        text_field(name, label=label)
        for name, label in (*_FIELDS[1:4], ("email", "E-mail"), *_FIELDS[5:])
    ),
)

search = Extension(
    Card(
        name="search",
        spec="XEP-0055",
        title="Jabber Search",
        version="1.3",
        test="tests/xmpp/test_search_extension.py",
        features=(NS, _RSM),
        identities=(Identity("directory", "user", "Directory"),),
    )
)


@search.on_iq("get", QUERY, at=("server",))
def fields(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell what can be searched, as fields and as a form (sections 2.1 and 3)."""
    answer = Element(QUERY)
    SubElement(answer, f"{{{NS}}}instructions").text = _INSTRUCTIONS
    for name in _OLD_FIELDS:
        SubElement(answer, f"{{{NS}}}{name}")
    form = Form(
        FormKind.FORM,
        (type_field(NS), *(text_field(name, label=label) for name, label in _FIELDS)),
        "Search for people",
        (_INSTRUCTIONS,),
    )
    answer.append(form.to_element())
    return serialise(answer)


@search.on_iq("set", QUERY, at=("server",))
async def results(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Answer with who fits (sections 2.1 and 3).

    Raises:
        StanzaError: Nothing is sought, or the page begins at nobody.
        PeerError: The form or the result set request is none.

    """
    element = query.find(TAG)
    form = None if element is None else parse_form(element)
    if form is not None and form.kind is FormKind.CANCEL:
        return serialise(Element(QUERY))
    sought = _sought(query if form is None else form)
    request = find_request(query)
    directory = context.services.directory
    try:
        found = await PeopleSearch(directory).find(sought, _window(request))
    except UnknownPlaceError as error:
        raise StanzaError(
            StanzaCondition.ITEM_NOT_FOUND, f"there is no {error} to go on from"
        ) from error
    inner = b""
    if form is None:
        inner = b"".join(serialise(_item(person), NS) for person in found.people)
    elif found.people or request is not None:
        inner = _table(context, found).to_bytes()
    if request is not None or found.index + len(found.people) < found.count:
        inner += serialise(_page(found).to_element(), NS)
    return b"<query xmlns='%s'>%s</query>" % (NS.encode(), inner)


def _sought(given: Element | Form) -> Sought:
    values = {name: _value(given, name) for name, _ in _FIELDS}
    if not any(values.values()):
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"{_INSTRUCTIONS} A star (*) stands for everybody."
        )
    return Sought(
        text=values["x-text"],
        name=tuple(name for name in (values["first"], values["last"]) if name),
        address=values["email"],
        nick=values["nick"],
        department=values["x-department"],
        title=values["x-title"],
        phone=values["x-phone"],
    )


def _value(given: Element | Form, name: str) -> str:
    if isinstance(given, Form):
        return (given.value(name) or "").strip()
    # Without a form there are the four fields of the schema and no other (section 3).
    return given.findtext(f"{{{NS}}}{name}", "").strip() if name in _OLD_FIELDS else ""


def _window(request: RsmRequest | None) -> Window:
    if request is None:
        return Window()
    return Window(
        limit=PAGE_LIMIT if request.maximum is None else request.maximum,
        after=_address(request.after),
        before=_address(request.before),
        backwards=request.backwards,
        index=request.index or 0,
    )


def _address(text: str | None) -> str | None:
    """Return an id of ours, which is an address; ``None`` where there is none."""
    if not text:
        return None
    try:
        return parse_jid(text).bare
    except JidError as error:
        raise StanzaError(
            StanzaCondition.ITEM_NOT_FOUND, "there is no such place to go on from"
        ) from error


def _page(found: Found) -> RsmAnswer:
    people = found.people
    return RsmAnswer(
        first=people[0].address if people else None,
        last=people[-1].address if people else None,
        count=found.count,
        index=found.index if people else None,
    )


def _item(person: Person) -> Element:
    given, family = name_parts(person.name)
    item = Element(f"{{{NS}}}item", {"jid": person.address})
    nick = person.address.partition("@")[0]
    for name, text in zip(_OLD_FIELDS, (given, family, nick, person.address), strict=True):
        SubElement(item, f"{{{NS}}}{name}").text = text
    return item


def _table(context: Context, found: Found) -> Form:
    shown = len(found.people)
    note = ""
    if shown < found.count:
        first = found.index + 1
        note = (
            f"{found.count} people fit; these are number {first} to {found.index + shown} by name."
            if shown
            else f"{found.count} people fit."
        )
    return Form(
        FormKind.RESULT,
        (type_field(NS),),
        "People",
        (note,) if note else (),
        _COLUMNS,
        tuple(_row(context, person) for person in found.people),
    )


def _row(context: Context, person: Person) -> tuple[Field, ...]:
    directory = context.services.directory
    departments = directory.departments_of(person)
    memberships = directory.memberships_of(person.number)
    given, family = name_parts(person.name)
    values: Iterable[str] = (
        person.address,
        given,
        family,
        person.address.partition("@")[0],
        person.address,
        ", ".join(one.name for one in departments),
        ", ".join(dict.fromkeys(one.title for one in memberships if one.title)),
        person.phone or "",
    )
    return tuple(
        Field(column.name, (value,)) for column, value in zip(_COLUMNS, values, strict=True)
    )
