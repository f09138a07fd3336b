"""Turns what pydantic found into lines for the operator: ``key.path: what is wrong``.

Values are shown only for settings that are no secrets, and never for keys
that nobody knows: a misspelt ``pasword`` is a secret too.
"""

import difflib
import json
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from clarion.config.section import (
    Section,
    bare,
    choice_words,
    choices,
    extra,
    is_secret,
    is_section,
    item_of,
    range_words,
    sections,
    type_words,
)

SHOWN_LIMIT: Final = 60
"""Characters of a wrong value or key that are shown: an error stays one readable line."""
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_RANGE_ERRORS: Final = frozenset({"greater_than_equal", "less_than_equal", "finite_number"})

Location = Sequence[str | int]


def line(error: ErrorDetails, root: type[Section]) -> str:
    """Return one error as ``key.path: what is wrong``, in an operator's words."""
    where: Location = error["loc"]
    if error["type"] == "extra_forbidden":
        return f"{key_path(where)}: {_unknown(where, error['input'], root)}"
    context: Mapping[str, Any] = error.get("ctx", {})
    if error["type"] == "below":
        return f"{key_path((*where, context['key']))}: {context['text']}"
    return f"{key_path(_without_item(where, root))}: {_wrong(error, context, root)}"


def key_path(where: Location) -> str:
    """Return ``sip.trunk[0].server``; odd keys are quoted as TOML would."""
    path = ""
    for step in where:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            name = step if _BARE_KEY.fullmatch(step) else json.dumps(step)
            path += ("." if path else "") + _cut(name)
    return path


def shown(value: object) -> str:
    """Return a wrong value as TOML writes it, cut to one readable line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _cut(json.dumps(value, ensure_ascii=not value.isprintable()))
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list"
    try:
        return _cut(str(value))
    except ValueError:  # Python refuses to print numbers of more than 4,300 digits
        return "a very long number"


def field_at(where: Location, root: type[Section]) -> FieldInfo | None:
    """Return the field that ``where`` leads to, or the list whose item it leads to."""
    model: Any = root
    field: FieldInfo | None = None
    for step in where:
        if is_section(model):
            field = model.model_fields.get(step)
            if field is None:
                return None
            model = bare(field.annotation)
        else:
            model = item_of(model)
    return field


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that ``name`` was probably meant to be, or nothing."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def _unknown(where: Location, value: object, root: type[Section]) -> str:
    name = str(where[-1])
    is_table = isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)
    )
    text = "no such section" if is_table else "no such setting"
    meant = _meant(where, name, root)
    return f"{text}; did you mean {meant}?" if meant else text


def _meant(where: Location, name: str, root: type[Section]) -> str:
    """Look for the key in its own section, then for the same name anywhere."""
    model = _section_at(where[:-1], root)
    near = closest(name, model.model_fields)
    if near and near != name:
        return f"'{near}'"
    if name in root.model_fields:
        return f"[{name}]" if _is_table(name, root) else f"'{name}' above the first section"
    tables = list(sections(root))
    for path, _, _ in tables:
        if path.split(".")[-1] == name:
            return f"[{path}]"
    for path, field, table in tables:
        if name in table.model_fields and is_section(field.annotation):
            return f"'{path}.{name}'"
    return ""


def _is_table(name: str, root: type[Section]) -> bool:
    return is_section(root.model_fields[name].annotation)


def _section_at(where: Location, root: type[Section]) -> type[Section]:
    model: Any = root
    for step in where:
        model = bare(model.model_fields[step].annotation) if is_section(model) else item_of(model)
    return typing.cast("type[Section]", model)


def _without_item(where: Location, root: type[Section]) -> Location:
    """Leave out the index of a plain list's item: the message shows the item itself."""
    if where and isinstance(where[-1], int):
        field = field_at(where, root)
        if field is not None and not is_section(item_of(field.annotation)):
            return where[:-1]
    return where


def _wrong(error: ErrorDetails, context: Mapping[str, Any], root: type[Section]) -> str:
    where: Location = error["loc"]
    if error["type"] == "value_error":
        return str(context["error"])
    field = field_at(where, root)
    if field is None:
        return error["msg"]
    got = "" if is_secret(field) else f", got {shown(error['input'])}"
    if error["type"] == "literal_error":
        near = closest(str(error["input"]), choices(field))
        return f"must be {choice_words(field)}{got}" + (f"; did you mean '{near}'?" if near else "")
    if error["type"] in _RANGE_ERRORS and range_words(field):
        unit = extra(field, "unit")
        return f"must be {range_words(field)}{' ' + unit if unit else ''}{got}"
    item = bool(where) and isinstance(where[-1], int) and is_section(item_of(field.annotation))
    return f"must be {'a section' if item else type_words(field)}{got}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_LIMIT else text[: SHOWN_LIMIT - 3] + "..."
