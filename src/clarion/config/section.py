"""What a section and a setting are: a frozen pydantic model, and a field that explains itself.

Every setting carries its type, default, one line of help and, where it has
one, its unit. The example file, ``docs/settings.md`` and the texts of errors
are all made from these fields, so none of them can be out of date.
"""

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union

import annotated_types
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from clarion.config.values import Endpoint, Network, PortRange

_UNIONS: Final = (Union, types.UnionType)
_WORDS: Final[dict[object, str]] = {
    bool: "true or false",
    str: "a text in quotes",
    SecretStr: 'a text in quotes, "file:PATH" or "env:NAME"',
    Path: "a path in quotes",
    Endpoint: 'a text "host:port"',
    Network: "an address or network in quotes",
    PortRange: 'a text such as "20000-29999"',
}
_LISTS: Final[dict[object, str]] = {
    str: "a list of texts in quotes",
    SecretStr: 'a list of texts in quotes, "file:PATH" or "env:NAME"',
    Endpoint: 'a list of "host:port"',
    Network: "a list of addresses or networks in quotes",
}


class Section(BaseModel):
    """One table of the TOML file; nothing in it changes after loading.

    ``strict``: a number in quotes is not a number. ``hide_input_in_errors``:
    what the operator wrote may be a secret.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


def setting(
    default: Any,
    help_line: str,
    *,
    unit: str = "",
    door: str = "",
    ge: float | None = None,
    le: float | None = None,
) -> Any:
    """Make the field of one setting.

    Args:
        default: Its value when the file says nothing.
        help_line: One line for the operator, a sentence.
        unit: ``"seconds"``, ``"bytes"`` and so on; empty where there is none.
        door: For a listener, the door that it opens (see ``doors.BUILT``).
        ge: The smallest value allowed.
        le: The largest value allowed.

    """
    return Field(
        default,
        description=help_line,
        json_schema_extra={"unit": unit, "door": door},
        ge=ge,
        le=le,
    )


def always(help_line: str, *, door: str = "") -> Any:
    """Make the field of a section that exists even when the file leaves it out.

    The section is validated from an empty table, so its relative paths are
    resolved like those that are written down.

    Args:
        help_line: One line for the operator, a sentence.
        door: The door without which the section has no meaning.

    """
    return Field(default_factory=dict, description=help_line, json_schema_extra={"door": door})


def door_section(help_line: str, *, door: str) -> Any:
    """Make the field of a section that is off (``None``) when the file leaves it out."""
    return Field(None, description=help_line, json_schema_extra={"door": door})


def many(help_line: str, *, door: str = "") -> Any:
    """Make the field of an array of tables, none by default; ``door`` as in ``setting``."""
    return Field((), description=help_line, json_schema_extra={"door": door})


def named(help_line: str) -> Any:
    """Make the field of tables that the operator names, none by default."""
    return Field(default_factory=dict, description=help_line)


def bare(annotation: Any) -> Any:
    """Return the type below ``Annotated`` and ``| None``."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in _UNIONS and type(None) in typing.get_args(annotation):
            annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
        else:
            return annotation


def is_section(annotation: Any) -> bool:
    """Say whether the type, stripped, is a table."""
    kind = bare(annotation)
    return isinstance(kind, type) and issubclass(kind, Section)


def item_of(annotation: Any) -> Any:
    """Return the type of a list's items or a table's values, stripped; else ``None``."""
    kind = bare(annotation)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return bare(typing.get_args(kind)[0])
    if origin is dict:
        return bare(typing.get_args(kind)[1])
    return None


def extra(field: FieldInfo, name: str) -> str:
    """Return a setting's ``unit`` or ``door``; empty when it has none."""
    known = field.json_schema_extra
    return str(known.get(name, "")) if isinstance(known, dict) else ""


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Return the smallest and the largest value allowed."""
    low: float | None = None
    high: float | None = None
    for mark in field.metadata:
        if isinstance(mark, annotated_types.Ge):
            low = typing.cast("float", mark.ge)
        elif isinstance(mark, annotated_types.Le):
            high = typing.cast("float", mark.le)
    return low, high


def range_words(field: FieldInfo) -> str:
    """Return ``"1 to 10"``, ``"at least 1"``, ``"at most 9"`` or nothing."""
    low, high = bounds(field)
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"at least {number(low)}"
    return f"at most {number(high)}" if high is not None else ""


def number(value: float) -> str:
    """Return a number without a needless fraction: ``60``, not ``60.0``."""
    return str(int(value)) if value == int(value) else str(value)


def type_words(field: FieldInfo) -> str:
    """Say in an operator's words what a setting must be, e.g. ``"a number of seconds"``."""
    kind = bare(field.annotation)
    if kind in (int, float):
        noun = "a whole number" if kind is int else "a number"
        unit = extra(field, "unit")
        return f"{noun} of {unit}" if unit else noun
    if typing.get_origin(kind) is Literal:
        return choice_words(field)
    item = item_of(kind)
    if item is None:
        return "a section" if is_section(kind) else _WORDS[kind]
    if is_section(item):
        return "named sections" if typing.get_origin(kind) is dict else "a list of sections"
    return _LISTS[item]


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return what a setting with a fixed choice may be; else nothing."""
    kind = bare(field.annotation)
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()


def choice_words(field: FieldInfo) -> str:
    """Return ``one of "text", "json"``."""
    return "one of " + ", ".join(f'"{choice}"' for choice in choices(field))


def is_secret(field: FieldInfo) -> bool:
    """Say whether the value must never be shown."""
    kind = bare(field.annotation)
    return kind is SecretStr or item_of(kind) is SecretStr


def sections(
    model: type[Section], path: str = ""
) -> Iterator[tuple[str, FieldInfo, type[Section]]]:
    """Walk every table below ``model``, in order: its path, its field, its type.

    Arrays of tables and named tables are among them, e.g. ``sip.trunk``.
    """
    for name, field in model.model_fields.items():
        kind = bare(field.annotation)
        table = kind if is_section(kind) else item_of(kind)
        if is_section(table):
            where = f"{path}.{name}" if path else name
            yield where, field, table
            yield from sections(table, where)
