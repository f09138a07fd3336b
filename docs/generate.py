#!/usr/bin/env python3
"""Writes the files that are made from the code; ``make docs`` runs it.

A page is a path and the function that returns its text. ``tests/docs`` fails
when a committed page is not what its function returns.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from clarion.config import explain
from clarion.xmpp import protocols

ROOT: Final = Path(__file__).resolve().parent.parent

PAGES: Final[dict[str, Callable[[], str]]] = {
    "config/clarion.toml": explain.example,
    "docs/settings.md": explain.reference,
    "docs/protocols.md": protocols.reference,
}


def main() -> None:
    """Write every page that is not current, and say which."""
    for name, text in PAGES.items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text():
            path.write_text(text(), encoding="utf-8")
            sys.stdout.write(f"{name} written\n")


if __name__ == "__main__":
    main()
