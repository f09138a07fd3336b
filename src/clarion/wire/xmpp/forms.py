"""Data forms: fields that a program asks for and a person or program fills in (XEP-0004 2.13).

What was filled in is checked against what was asked in ``answers.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import escape, parse

NS: Final = "jabber:x:data"
TAG: Final = f"{{{NS}}}x"
FORM_TYPE: Final = "FORM_TYPE"
"""The hidden field that names what the fields mean (XEP-0068)."""
FIELD_LIMIT: Final = 256
"""Fields in a form that is read; the longest in use, a room's configuration, has about 40."""
VALUE_LIMIT: Final = 4096
"""Values in one field that is read, such as the lines of a text or people in a list."""


class FormKind(StrEnum):
    """What a form is for (section 3.1)."""

    FORM = "form"
    SUBMIT = "submit"
    CANCEL = "cancel"
    RESULT = "result"


class FieldKind(StrEnum):
    """What a field holds (section 3.3)."""

    BOOLEAN = "boolean"
    FIXED = "fixed"
    HIDDEN = "hidden"
    JID_MULTI = "jid-multi"
    JID_SINGLE = "jid-single"
    LIST_MULTI = "list-multi"
    LIST_SINGLE = "list-single"
    TEXT_MULTI = "text-multi"
    TEXT_PRIVATE = "text-private"
    TEXT_SINGLE = "text-single"


LISTS: Final = frozenset({FieldKind.LIST_MULTI, FieldKind.LIST_SINGLE})
"""Kinds of fields that offer options."""
SINGLE: Final = frozenset(
    {
        FieldKind.BOOLEAN,
        FieldKind.FIXED,
        FieldKind.JID_SINGLE,
        FieldKind.LIST_SINGLE,
        FieldKind.TEXT_PRIVATE,
        FieldKind.TEXT_SINGLE,
    }
)
"""Kinds of fields that hold one value at most (section 3.2)."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a list.

    Attributes:
        value: What is sent when it is chosen.
        label: What people read; ``""``: the value.

    """

    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: Its ``var``; ``""`` only for fixed text.
        values: What it holds, in order; a flag holds ``"1"`` or ``"0"``.
        kind: ``None`` where the sender left it to the context, as one may
            in a submission.
        label: What people read as its name.
        description: What people read to understand it.
        required: Must be filled in.
        options: The choices of a list.

    """

    name: str
    values: tuple[str, ...] = ()
    kind: FieldKind | None = None
    label: str = ""
    description: str = ""
    required: bool = False
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A form, empty, filled in, or a result.

    Attributes:
        kind: What it is for.
        fields: In order of showing.
        title: What people read as its name.
        instructions: Lines people read first.
        reported: The columns of ``items`` (section 3.4).
        items: Rows, each a field per column.

    """

    kind: FormKind
    fields: tuple[Field, ...] = ()
    title: str = ""
    instructions: tuple[str, ...] = ()
    reported: tuple[Field, ...] = ()
    items: tuple[tuple[Field, ...], ...] = ()

    @property
    def form_type(self) -> str:
        """What the fields mean (XEP-0068), or ``""``."""
        return next((f.values[0] for f in self.fields if f.name == FORM_TYPE and f.values), "")

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a field; none when it is not there."""
        return next((f.values for f in self.fields if f.name == name), ())

    def value(self, name: str) -> str | None:
        """Return the value of a field, ``None`` when it is not there or has none.

        Raises:
            PeerError: It has more than one.

        """
        values = self.values(name)
        if len(values) > 1:
            raise PeerError(f"the field {name} must have one value, not {len(values)}")
        return values[0] if values else None

    def flag(self, name: str) -> bool | None:
        """Return the value of a boolean field, ``None`` when it is not there or has none.

        Raises:
            PeerError: It is none of 1, 0, true, false (XEP-0004 section 3.3).

        """
        value = self.value(name)
        if value is None:
            return None
        if value not in {"1", "0", "true", "false"}:
            raise PeerError(f"the field {name} must be true or false")
        return value in {"1", "true"}

    def pieces(self) -> Iterator[str]:
        """Give the form as it goes on the wire, piece by piece, in the order of the schema.

        No piece holds more than one value; so who writes a long list can let
        others have their turn in between.
        """
        yield f"<x xmlns='{NS}' type='{self.kind}'>"
        for line in self.instructions:
            yield f"<instructions>{escape(line)}</instructions>"
        if self.title:
            yield f"<title>{escape(self.title)}</title>"
        for field in self.fields:
            yield from _field_pieces(field)
        if self.reported:
            yield "<reported>"
            for field in self.reported:
                yield from _field_pieces(field)
            yield "</reported>"
        for item in self.items:
            yield "<item>"
            for field in item:
                yield from _field_pieces(field)
            yield "</item>"
        yield "</x>"

    def to_bytes(self) -> bytes:
        """Return the form as it goes on the wire."""
        return "".join(self.pieces()).encode()

    def to_element(self) -> Element:
        """Return the form as XML, to be put into another element."""
        return parse(self.to_bytes())


def text_field(name: str, value: str = "", *, label: str = "", required: bool = False) -> Field:
    """Return a field of one line of text."""
    return Field(name, (value,) if value else (), FieldKind.TEXT_SINGLE, label, "", required)


def flag_field(name: str, *, value: bool, label: str = "") -> Field:
    """Return a boolean field."""
    return Field(name, ("1" if value else "0",), FieldKind.BOOLEAN, label)


def type_field(form_type: str) -> Field:
    """Return the hidden field that names what the form's fields mean (XEP-0068)."""
    return Field(FORM_TYPE, (form_type,), FieldKind.HIDDEN)


def fixed_field(text: str) -> Field:
    """Return a line of text between fields."""
    return Field("", (text,), FieldKind.FIXED)


def parse_form(element: Element) -> Form:
    """Read an ``<x xmlns='jabber:x:data'/>``; elements it does not know are ignored.

    Raises:
        PeerError: It is no form, or breaks a rule of XEP-0004 sections 3.1
            to 3.4, or has more than ``FIELD_LIMIT`` fields or ``VALUE_LIMIT``
            values in one of them.

    """
    if element.tag != TAG:
        raise PeerError("this is not a data form")
    try:
        kind = FormKind(element.get("type", ""))
    except ValueError:
        raise PeerError("a data form must be of type form, submit, cancel or result") from None
    if sum(1 for _ in element.iter(f"{{{NS}}}field")) > FIELD_LIMIT:
        raise PeerError(f"a data form must have {FIELD_LIMIT} fields at most")
    if len(element.findall(f"{{{NS}}}reported")) > 1:
        raise PeerError("a data form has one table at most (section 3.4)")
    reported = element.find(f"{{{NS}}}reported")
    return Form(
        kind,
        _parse_fields(element),
        element.findtext(f"{{{NS}}}title", ""),
        tuple(line.text or "" for line in element.findall(f"{{{NS}}}instructions")),
        _parse_fields(reported) if reported is not None else (),
        tuple(_parse_fields(item) for item in element.findall(f"{{{NS}}}item")),
    )


def _parse_fields(parent: Element) -> tuple[Field, ...]:
    fields = tuple(_parse_field(field) for field in parent.findall(f"{{{NS}}}field"))
    names = [field.name for field in fields if field.name]
    if len(names) != len(set(names)):
        raise PeerError("a data form names a field twice")
    return fields


def _parse_field(element: Element) -> Field:
    kind = _parse_kind(element.get("type"))
    name = element.get("var", "")
    if not name and kind is not FieldKind.FIXED:
        raise PeerError("a field of a data form lacks its var")
    values = tuple(value.text or "" for value in element.findall(f"{{{NS}}}value"))
    if len(values) > VALUE_LIMIT:
        raise PeerError(f"the field {name} must have {VALUE_LIMIT} values at most")
    if kind in SINGLE and len(values) > 1:
        raise PeerError(f"the field {name} must have one value, not {len(values)}")
    options = tuple(_parse_option(option) for option in element.findall(f"{{{NS}}}option"))
    if options and kind not in LISTS:
        raise PeerError(f"the field {name} is no list and has no options")
    return Field(
        name,
        values,
        kind,
        element.get("label", ""),
        element.findtext(f"{{{NS}}}desc", ""),
        element.find(f"{{{NS}}}required") is not None,
        options,
    )


def _parse_option(element: Element) -> Option:
    values = element.findall(f"{{{NS}}}value")
    if len(values) != 1:
        raise PeerError("an option of a data form has one value")
    return Option(values[0].text or "", element.get("label", ""))


def _parse_kind(text: str | None) -> FieldKind | None:
    if text is None:
        return None
    try:
        return FieldKind(text)
    except ValueError:
        return FieldKind.TEXT_SINGLE  # section 3.3: a type that is not understood is text


def _field_pieces(field: Field) -> Iterator[str]:
    start = f"<field var='{escape(field.name)}'" if field.name else "<field"
    if field.kind is not None:
        start += f" type='{field.kind}'"
    if field.label:
        start += f" label='{escape(field.label)}'"
    if not (field.description or field.required or field.values or field.options):
        yield f"{start}/>"
        return
    yield f"{start}>"
    if field.description:
        yield f"<desc>{escape(field.description)}</desc>"
    if field.required:
        yield "<required/>"
    for value in field.values:
        yield _value_element(value)
    for option in field.options:
        label = escape(option.label or option.value)
        yield f"<option label='{label}'>{_value_element(option.value)}</option>"
    yield "</field>"


def _value_element(value: str) -> str:
    return f"<value>{escape(value)}</value>" if value else "<value/>"
