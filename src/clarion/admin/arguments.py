"""Reads a verb's arguments: each by name and type, and nothing that is not asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from clarion.lib.errors import UsageError


class Arguments:
    """The arguments of one request.

    Every method takes one of them; ``finish`` refuses what nobody took. All
    raise ``UsageError`` with the argument's name.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._left = dict(given)

    def has(self, name: str) -> bool:
        """Whether it was given; ``null`` counts as given."""
        return name in self._left

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        if name not in self._left:
            raise UsageError(f"{name}: missing")
        value = self._left.pop(name)
        if not isinstance(value, str):
            raise UsageError(f"{name}: must be a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text; ``None`` when it was not given or is ``null``."""
        if self._left.get(name) is None:
            self._left.pop(name, None)
            return None
        return self.text(name)

    def flag(self, name: str) -> bool:
        """Return true or false; false when it was not given."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise UsageError(f"{name}: must be true or false")
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number from ``least`` to ``most``."""
        value = self._left.pop(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise UsageError(f"{name}: must be {least} to {most}")
        return value

    def texts(self, name: str) -> Sequence[str]:
        """Return a list of texts that must be there."""
        value = self._left.pop(name, None)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UsageError(f"{name}: must be a list of texts")
        return value

    def records(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return a list of objects."""
        value = self._left.pop(name, None)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise UsageError(f"{name}: must be a list of objects")
        return value

    def finish(self) -> None:
        """Refuse what was given and not taken."""
        if self._left:
            raise UsageError(f"{', '.join(sorted(self._left))}: no such argument")
