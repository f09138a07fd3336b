"""Reads people from vCards, 4.0 (RFC 6350) and 3.0 (RFC 2426): what an address book exports.

Taken are FN (or N), the EMAIL of our domain, TEL, the last part of an ORG
that has several, TITLE where there is such a department, LANG, and a TZ that
is a name; everything else is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from clarion.cli.columns import Fault, Record

VERSIONS: Final = frozenset({"3.0", "4.0"})

_LINE: Final = re.compile(
    r"(?:[A-Za-z0-9-]+\.)?(?P<name>[A-Za-z0-9-]+)"
    r"(?P<parameters>(?:;[A-Za-z0-9-]+(?:=(?:\"[^\"]*\"|[^\":;])*)?)*)"
    r":(?P<value>.*)",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_PARTS: Final = re.compile(r"(?<!\\)(?:\\\\)*;")


@dataclass(frozen=True, slots=True)
class Property:
    """One line of a card.

    Attributes:
        name: In upper case, without its group.
        parameters: In upper case, as they stand.
        value: Still escaped.

    """

    name: str
    parameters: str
    value: str

    @property
    def text(self) -> str:
        """The value without escapes."""
        return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], self.value).strip()


def is_cards(text: str) -> bool:
    """Whether this looks like vCards rather than CSV."""
    return text.lstrip()[:11].upper() == "BEGIN:VCARD"


def read_cards(text: str, domain: str) -> tuple[Sequence[Record], Sequence[Fault]]:
    """Return a record for each card, and a fault for each that is none.

    Args:
        text: The whole file.
        domain: The organisation's; of several EMAILs the one there is taken.

    """
    records: list[Record] = []
    faults: list[Fault] = []
    card: list[Property] | None = None
    begin = 0
    for line, content in _unfolded(text):
        found = _LINE.fullmatch(content)
        if found is None:
            faults.append((line, "is no line of a vCard"))
            continue
        one = Property(found["name"].upper(), found["parameters"].upper(), found["value"])
        mark = (one.name, one.value.strip().upper())
        if mark == ("BEGIN", "VCARD"):
            if card is not None:
                faults.append((begin, "this vCard does not end"))
            card, begin = [], line
        elif card is None:
            faults.append((line, "stands outside of a vCard"))
        elif mark == ("END", "VCARD"):
            version = _first(card, "VERSION")
            if version in VERSIONS:
                records.append(_record(card, domain, begin))
            else:
                faults.append((begin, f"vCard {version or '?'}: export them as vCard 3.0 or 4.0"))
            card = None
        else:
            card.append(one)
    if card is not None:
        faults.append((begin, "this vCard does not end"))
    return records, faults


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines (RFC 6350 section 3.2); tell where each began."""
    start, whole = 0, ""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line[:1] in {" ", "\t"} and whole:
            whole += line[1:]
            continue
        if whole.strip():
            yield start, whole
        start, whole = number, line
    if whole.strip():
        yield start, whole


def _record(card: Sequence[Property], domain: str, line: int) -> Record:
    organisation = [part.strip() for part in _parts(_raw(card, "ORG"))]
    department = organisation[-1] if len(organisation) > 1 else ""
    zone = _first(card, "TZ")
    record: Record = {
        "line": line,
        "address": _address(card, domain),
        "name": _first(card, "FN") or _structured_name(card),
        "department": department,
        "title": _first(card, "TITLE") if department else "",
        "phone": _phone(card),
        "language": _first(card, "LANG"),
        "time_zone": zone if "/" in zone or zone == "UTC" else "",
    }
    return {key: value for key, value in record.items() if value != ""}


def _address(card: Sequence[Property], domain: str) -> str:
    addresses = [one.text.removeprefix("mailto:") for one in _all(card, "EMAIL")]
    ours = [one for one in addresses if one.lower().endswith(f"@{domain}")]
    return next(iter(ours or addresses), "")


def _phone(card: Sequence[Property]) -> str:
    phones = sorted(_all(card, "TEL"), key=lambda one: "CELL" not in one.parameters)
    if not phones:
        return ""
    text = phones[0].text
    return text[4:].partition(";")[0] if text[:4].lower() == "tel:" else text


def _structured_name(card: Sequence[Property]) -> str:
    family, given = [*_parts(_raw(card, "N")), "", ""][:2]
    return f"{given} {family}".strip()


def _parts(value: str) -> list[str]:
    cut, parts = 0, []
    for found in _PARTS.finditer(value):
        parts.append(value[cut : found.end() - 1])
        cut = found.end()
    parts.append(value[cut:])
    return [Property("", "", part).text for part in parts]


def _all(card: Sequence[Property], name: str) -> list[Property]:
    """Return the properties of this name, the preferred first."""
    found = [one for one in card if one.name == name and one.value.strip()]
    return sorted(found, key=lambda one: "PREF" not in one.parameters)


def _first(card: Sequence[Property], name: str) -> str:
    return next((one.text for one in _all(card, name)), "")


def _raw(card: Sequence[Property], name: str) -> str:
    return next((one.value for one in _all(card, name)), "")
