"""Which settings change while the server runs, and what differs between two configurations."""

from collections.abc import Iterator
from typing import Any, Final

from clarion.config.model import Config
from clarion.config.section import Section

LIVE: Final = (
    "directory.roster_size",
    "ledger.ask",
    "ledger.relay_marks",
    "ledger.sync_counts",
    "limits",
    "log.level",
    "push.show",
    "retention",
    "xmpp.contact",
    "xmpp.services",
)
"""Settings, and sections as a whole, that are in force after a reload; the rest needs a restart."""


def is_live(key: str) -> bool:
    """Say whether a setting changes without a restart.

    Args:
        key: Its path, e.g. ``"limits.stanza_bytes"``.

    """
    return any(key == live or key.startswith(f"{live}.") for live in LIVE)


def differences(old: Config, new: Config) -> tuple[str, ...]:
    """Return the paths of the settings that differ, in the file's order; never their values.

    A section that only one of them has is named as a whole.
    """
    return tuple(_differences(old, new, ""))


def with_live(old: Config, new: Config) -> Config:
    """Return ``old`` with what ``new`` has of the settings that change without a restart."""
    merged = _merged(old, new, "")
    assert isinstance(merged, Config), "it is made of one"
    return merged


def _differences(old: Section, new: Section, path: str) -> Iterator[str]:
    for _, was, is_, where in _fields(old, new, path):
        if isinstance(was, Section) and isinstance(is_, Section):
            yield from _differences(was, is_, where)
        elif was != is_:
            yield where


def _merged(old: Section, new: Section, path: str) -> Section:
    changed: dict[str, Any] = {}
    for name, was, is_, where in _fields(old, new, path):
        if was == is_:
            continue
        if is_live(where):
            changed[name] = is_
        elif isinstance(was, Section) and isinstance(is_, Section):
            changed[name] = _merged(was, is_, where)
    return old.model_copy(update=changed)


def _fields(old: Section, new: Section, path: str) -> Iterator[tuple[str, Any, Any, str]]:
    for name in type(old).model_fields:
        where = f"{path}.{name}" if path else name
        yield name, getattr(old, name), getattr(new, name), where
