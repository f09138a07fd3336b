#!/usr/bin/env python3
"""Writes the files that are made from the code; ``make docs`` runs it.

A page is a path and the function that returns its text. ``tests/docs`` fails
when a committed page is not what its function returns.

``docs/protocols.md`` says of every specification what shows that it works, so
it is only written when all of that exists, has run and passed, as the record
of the last tests says. ``--check`` writes nothing and only looks at that; it is
the last step of ``make test``.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from clarion.config import explain
from clarion.xmpp import protocols

ROOT: Final = Path(__file__).resolve().parent.parent
RECORD: Final = "var/tests-ran.json"
"""What the tests leave, from the root on; ``tests/conftest.py`` writes it."""
PROTOCOLS: Final = "docs/protocols.md"


def talks(root: Path = ROOT) -> list[str]:
    """Return the paths of all transcripts from the root on."""
    return sorted(path.relative_to(root).as_posix() for path in root.glob("tests/talk/*/*.talk"))


PAGES: Final[dict[str, Callable[[], str]]] = {
    "config/clarion.toml": explain.example,
    "docs/settings.md": explain.reference,
    PROTOCOLS: lambda: protocols.reference(talks()),
}


def version_of(path: Path) -> str:
    """Return what tells one version of a file from another, as ``tests/conftest.py`` does."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def outcomes(record: Mapping[str, Mapping[str, object]], root: Path) -> dict[str, str]:
    """Return of each file in the record ``"passed"``, or why it does not count as that."""
    told = {}
    for path, one in record.items():
        if one.get("version") != version_of(root / path):
            told[path] = "has changed since it ran"
        elif one.get("failed"):
            told[path] = f"failed: {one['failed']}"
        else:
            told[path] = "passed" if one.get("passed") else "was skipped"
    return told


def unproven(root: Path) -> list[str]:
    """Return why docs/protocols.md would say more than has been shown."""
    path = root / RECORD
    if not path.exists():
        return [f"{RECORD} is not there: no tests ran here yet"]
    ran = outcomes(json.loads(path.read_text(encoding="utf-8")), root)
    return protocols.unproven(
        protocols.CARDS, talks(root), lambda name: (root / name).is_file(), ran
    )


def main(arguments: Sequence[str] = (), *, root: Path = ROOT, into: Path | None = None) -> int:
    """Write every page that is not current, and say which.

    Args:
        arguments: ``--check`` or nothing.
        root: Where the tests and their record are.
        into: Where the pages go; the root.

    Returns:
        The exit code: 1 when docs/protocols.md cannot be vouched for.

    """
    wrong = unproven(root)
    for name, text in PAGES.items() if "--check" not in arguments else ():
        path = (into or root) / name
        if path.exists() and path.read_text(encoding="utf-8") == text():
            continue
        if name == PROTOCOLS and wrong:
            continue
        path.write_text(text(), encoding="utf-8")
        sys.stdout.write(f"{name} written\n")
    for line in wrong:
        sys.stderr.write(f"{PROTOCOLS}: {line}\n")
    if wrong:
        sys.stderr.write(f"{PROTOCOLS}: not vouched for; run `make test` first\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
