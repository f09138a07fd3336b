"""Writes docs/protocols.md: every specification on a card, in order of its number."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from clarion.xmpp.ext import ALL
from clarion.xmpp.ext.standards import STANDARDS
from clarion.xmpp.extension import Card

_HEAD: Final = """\
# Protocols

What Clarion speaks, and how much of it. This page is made from the cards in the code; do not
edit it. *Complete* means everything that the specification asks of a server.

"""
_COLUMNS: Final = ("Specification", "Title", "Version", "Status", "File", "Shown by")
_NUMBER: Final = re.compile(r"(RFC |XEP-)(\d+)(.*)")
_RFC: Final = "https://www.rfc-editor.org/rfc/rfc"
_XEP: Final = "https://xmpp.org/extensions/xep-"


def reference() -> str:
    """Return docs/protocols.md as it is to be now."""
    return markdown((*(extension.card for extension in ALL), *STANDARDS))


def markdown(cards: Iterable[Card]) -> str:
    """Return the page that lists ``cards``: RFCs first, then XEPs, each by number.

    Raises:
        ValueError: A card's ``spec`` is neither an RFC nor a XEP, or its
            ``status`` and ``missing`` contradict each other.

    """
    lines = [_HEAD, _row(_COLUMNS), _row("---" for _ in _COLUMNS)]
    lines += [_row(_cells(card)) for card in sorted(cards, key=_order)]
    return "".join(lines)


def source(card: Card) -> str:
    """Return the path of a card's file from the project's root."""
    folder = "src/clarion" if "/" in card.name else "src/clarion/xmpp/ext"
    return f"{folder}/{card.name}.py"


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


def _cells(card: Card) -> list[str]:
    if (card.status == "partial") != bool(card.missing):
        raise ValueError(f"{card.name}: 'partial' and 'missing' belong together")
    series, number, rest = _split(card)
    address = f"{_XEP}{number}.html" if series == "XEP-" else f"{_RFC}{number}"
    status = f"{card.status}; missing: {card.missing}" if card.missing else card.status
    return [
        f"[{series}{number}]({address}){rest}",
        _plain(card.title),
        card.version,
        _plain(status),
        _link(source(card)),
        _link(card.test),
    ]


def _link(path: str) -> str:
    return f"[{PurePosixPath(path).name}](../{path})"


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
