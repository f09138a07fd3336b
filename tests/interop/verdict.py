"""How a part of the interop run ends."""

from dataclasses import dataclass, field


class Skipped(Exception):  # noqa: N818  # it is no error, and reads better where it is raised
    """A part cannot run here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a part.

    Attributes:
        passed: Everything that must pass has passed.
        lines: What the reader should know.

    """

    passed: bool
    lines: list[str] = field(default_factory=list)
