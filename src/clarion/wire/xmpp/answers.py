"""What was filled into a data form, checked against what was asked (XEP-0004 sections 3 and 4)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.forms import FORM_TYPE, SINGLE, Field, FieldKind, Form, FormKind
from clarion.wire.xmpp.jid import JidError, parse_jid

_FLAGS: Final = MappingProxyType({"1": "1", "true": "1", "0": "0", "false": "0"})


def checked(asked: Form, given: Form) -> Form:
    """Return ``given`` with the fields that were asked for and no other, each of its kind.

    * What was not asked for is ignored (section 3.1).
    * A field that is left out keeps the value it was shown with (section 3.5);
      one that is there without a value is empty (section 3.6).
    * A hidden field keeps its value, whatever was sent (section 3.3).
    * JIDs come out prepared, flags as ``1`` or ``0``, lists in the order of
      their options; what is named twice counts once.

    Args:
        asked: Of kind ``form``.
        given: What came back.

    Returns:
        Of kind ``submit``.

    Raises:
        PeerError: A field that is required has no value, or one has a value
            that it cannot have; or the form is an answer to something else.

    """
    # COMPAT(legacy clients): many leave FORM_TYPE out; only another one is wrong.
    if given.form_type and asked.form_type and given.form_type != asked.form_type:
        raise PeerError(f"this form is about {asked.form_type}, not {given.form_type}")
    answers = {field.name: field for field in given.fields if field.name}
    return Form(
        FormKind.SUBMIT,
        tuple(
            _answer(field, answers.get(field.name))
            for field in asked.fields
            if field.kind is not FieldKind.FIXED
        ),
    )


def remembered(asked: Form, answer: Form) -> Form:
    """Return the form that was asked, showing what was answered (XEP-0050 section 2.4.2)."""
    values = {field.name: field.values for field in answer.fields if field.name}
    return replace(
        asked,
        fields=tuple(
            field
            if field.kind in {FieldKind.FIXED, FieldKind.HIDDEN, FieldKind.TEXT_PRIVATE}
            else replace(field, values=values.get(field.name, field.values))
            for field in asked.fields
        ),
    )


def _answer(asked: Field, given: Field | None) -> Field:
    kind = asked.kind or FieldKind.TEXT_SINGLE
    if kind is FieldKind.HIDDEN or asked.name == FORM_TYPE or given is None:
        values = asked.values
    else:
        values = _values(asked, kind, given.values)
    # A required field must be in the submission itself, even where it had a default.
    if asked.required and (given is None or not values):
        raise PeerError(f"the field {_called(asked)} must be filled in")
    return Field(asked.name, values, kind)


def _values(asked: Field, kind: FieldKind, given: tuple[str, ...]) -> tuple[str, ...]:
    if kind is not FieldKind.TEXT_MULTI:
        given = tuple(value for value in given if value)
    if kind in SINGLE and len(given) > 1:
        raise PeerError(f"the field {_called(asked)} must have one value, not {len(given)}")
    read = _READERS.get(kind)
    return given if read is None else read(asked, given)


def _flags(asked: Field, given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(_FLAGS[value.strip()] for value in given)
    except KeyError:
        raise PeerError(f"the field {_called(asked)} must be true or false") from None


def _jids(asked: Field, given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return _once(parse_jid(value.strip()).full for value in given if value.strip())
    except JidError as error:
        raise PeerError(f"the field {_called(asked)}: {error}") from error


def _choices(asked: Field, given: tuple[str, ...]) -> tuple[str, ...]:
    options = [option.value for option in asked.options]
    for value in given:
        if value not in options:
            raise PeerError(f"the field {_called(asked)}: {value[:64]!r} is no choice")
    return tuple(option for option in _once(options) if option in given)


def _line(asked: Field, given: tuple[str, ...]) -> tuple[str, ...]:
    if any("\n" in value or "\r" in value for value in given):
        raise PeerError(f"the field {_called(asked)} has one line")
    return given


def _lines(asked: Field, given: tuple[str, ...]) -> tuple[str, ...]:
    # Note 3 of section 3.3: a line is a value, but not every client splits.
    lines = [line for value in given for line in (value.splitlines() or [""])]
    return tuple(lines) if any(line.strip() for line in lines) else ()


_READERS: Final[Mapping[FieldKind, Callable[[Field, tuple[str, ...]], tuple[str, ...]]]] = (
    MappingProxyType(
        {
            FieldKind.BOOLEAN: _flags,
            FieldKind.JID_MULTI: _jids,
            FieldKind.JID_SINGLE: _jids,
            FieldKind.LIST_MULTI: _choices,
            FieldKind.LIST_SINGLE: _choices,
            FieldKind.TEXT_MULTI: _lines,
            FieldKind.TEXT_SINGLE: _line,
        }
    )
)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _called(field: Field) -> str:
    return f"{field.name!r}"
