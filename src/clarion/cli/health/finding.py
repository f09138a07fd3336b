"""What a look at one thing has shown: good, doubtful or bad, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        part: What was looked at, e.g. ``"certificate"``.
        verdict: How it is.
        text: What was found.
        advice: What to do; empty where there is nothing to do.

    """

    part: str
    verdict: Verdict
    text: str
    advice: str = ""


def good(part: str, text: str) -> Finding:
    """Return a finding that needs nothing done."""
    return Finding(part, Verdict.GOOD, text)


def doubtful(part: str, text: str, advice: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(part, Verdict.DOUBTFUL, text, advice)


def bad(part: str, text: str, advice: str) -> Finding:
    """Return a finding that keeps people from their work, or will."""
    return Finding(part, Verdict.BAD, text, advice)
