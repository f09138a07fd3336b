"""Writes docs/protocols.md: every specification on a card, and what shows that it works.

The page depends on the cards and on which talks there are. Whether all that it
names has run is another question, which ``unproven`` answers from the record
that the tests leave (``tests/conftest.py``).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final

from clarion.xmpp.compliance import ADVANCED
from clarion.xmpp.ext import ALL
from clarion.xmpp.ext.standards import STANDARDS
from clarion.xmpp.extension import Card

_HEAD: Final = """\
# Protocols

What Clarion speaks, and how much of it. This page is made from the cards in the code; do not
edit it. *Complete* means everything that the specification asks of a server. What a row is shown
by has run and passed: `make docs` refuses to write the page otherwise, and `make test` checks it.

"""
_NOT_BUILT: Final = """
## Not built

What the XMPP Compliance Suites ([XEP-0479](https://xmpp.org/extensions/xep-0479.html)) ask of an
*Advanced Server* and Clarion does not have yet.

"""
_COLUMNS: Final = ("Specification", "Title", "Version", "Status", "File", "Shown by")
_MISSING_COLUMNS: Final = ("Specification", "Title", "Category", "Status")
_NUMBER: Final = re.compile(r"(RFC |XEP-)(\d+)(.*)")
_SECTIONS: Final = re.compile(r", sections? ([0-9 ,toand]+)")
_TALK: Final = re.compile(r"(xep|rfc)(\d+)_(\d+)?.*\.talk")
_RFC: Final = "https://www.rfc-editor.org/rfc/rfc"
_XEP: Final = "https://xmpp.org/extensions/xep-"

CARDS: Final = (*(extension.card for extension in ALL), *STANDARDS)


def reference(talks: Iterable[str] = ()) -> str:
    """Return docs/protocols.md as it is to be now.

    Args:
        talks: Paths of all transcripts from the project's root.

    """
    return markdown(CARDS, talks)


def markdown(cards: Iterable[Card], talks: Iterable[str] = ()) -> str:
    """Return the page that lists ``cards``: RFCs first, then XEPs, each by number.

    Raises:
        ValueError: A card's ``spec`` is neither an RFC nor a XEP, or its
            ``status`` and ``missing`` contradict each other.

    """
    cards, talks = list(cards), list(talks)
    lines = [_HEAD, _row(_COLUMNS), _row("---" for _ in _COLUMNS)]
    lines += [_row(_cells(card, talks)) for card in sorted(cards, key=_order)]
    absent = not_built(cards)
    if absent:
        lines += [_NOT_BUILT, _row(_MISSING_COLUMNS), _row("---" for _ in _MISSING_COLUMNS)]
        lines += [
            _row((f"[{spec}]({_address(spec)})", title, category, "none"))
            for category, spec, title in absent
        ]
    return "".join(lines)


def not_built(cards: Iterable[Card]) -> list[tuple[str, str, str]]:
    """Return category, specification and title of what an Advanced Server has and we have not."""
    built = {"".join(_split(card)[:2]) for card in cards}
    return [
        (category, spec, title)
        for category, specs in ADVANCED
        for spec, title in specs
        if spec not in built
    ]


def source(card: Card) -> str:
    """Return the path of a card's file from the project's root."""
    folder = "src/clarion" if "/" in card.name else "src/clarion/xmpp/ext"
    return f"{folder}/{card.name}.py"


def talks_of(card: Card, talks: Iterable[str]) -> list[str]:
    """Return the transcripts of a card's specification, by their names.

    ``xep0030_disco.talk`` is one of XEP-0030, and ``rfc6121_2_roster.talk`` one of
    RFC 6121, section 2: of a card that names sections it must name that one.
    """
    series, number, rest = _split(card)
    sections = _sections(rest)
    found = []
    for talk in talks:
        name = _TALK.fullmatch(PurePosixPath(talk).name)
        if name is None or (name[1] == "xep") != (series == "XEP-") or name[2] != number:
            continue
        if not sections or series == "XEP-" or name[3] in sections:
            found.append(talk)
    return sorted(found)


def unproven(
    cards: Iterable[Card],
    talks: Iterable[str],
    exists: Callable[[str], bool],
    ran: Mapping[str, str],
) -> list[str]:
    """Return a line for each card whose tests are not there, did not run or did not pass.

    Args:
        cards: Whose word is to be shown.
        talks: Paths of all transcripts.
        exists: Whether there is a file with this path from the project's root.
        ran: Path of a test file or transcript to ``"passed"``, or to why it
            does not count as passed; what is not in it did not run.

    """
    talks = list(talks)
    wrong = []
    for card in sorted(cards, key=_order):
        for path in dict.fromkeys((card.test, *talks_of(card, talks))):
            if not exists(path):
                wrong.append(f"{card.spec} ({source(card)}): {path} is not there")
            elif ran.get(path) != "passed":
                why = ran.get(path, "did not run")
                wrong.append(f"{card.spec} ({source(card)}): {path} {why}")
    return wrong


def _sections(rest: str) -> set[str]:
    found = _SECTIONS.match(rest)
    if found is None:
        return set()
    numbers = re.sub(
        r"(\d+) to (\d+)",
        lambda span: " ".join(map(str, range(int(span[1]), int(span[2]) + 1))),
        found[1],
    )
    return set(re.findall(r"\d+", numbers))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _order(card: Card) -> tuple[str, int, str, str]:
    series, number, rest = _split(card)
    return series, int(number), rest, card.name


def _split(card: Card) -> tuple[str, str, str]:
    found = _NUMBER.fullmatch(card.spec)
    if found is None:
        raise ValueError(f"{card.name}: {card.spec!r} is neither an RFC nor a XEP")
    return found[1], found[2], found[3]


def _address(spec: str) -> str:
    number = spec[4:]
    return f"{_XEP}{number}.html" if spec.startswith("XEP-") else f"{_RFC}{number}"


def _cells(card: Card, talks: Iterable[str]) -> list[str]:
    if (card.status == "partial") != bool(card.missing):
        raise ValueError(f"{card.name}: 'partial' and 'missing' belong together")
    series, number, rest = _split(card)
    status = f"{card.status}; missing: {card.missing}" if card.missing else card.status
    shown = [_link(card.test)]
    folders = [PurePosixPath(talk).parent for talk in talks_of(card, talks) if talk != card.test]
    for folder in dict.fromkeys(folders):
        count = folders.count(folder)
        shown.append(f"[{count} talk{'s' if count > 1 else ''}](../{folder})")
    return [
        f"[{series}{number}]({_address(series + number)}){rest}",
        _plain(card.title),
        card.version,
        _plain(status),
        _link(source(card)),
        ", ".join(shown),
    ]


def _link(path: str) -> str:
    return f"[{PurePosixPath(path).name}](../{path})"


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
