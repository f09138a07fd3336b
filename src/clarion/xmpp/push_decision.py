"""Whether a place is told of what waits, and why or why not (XEP-0357); no state, no clock.

The rules, first match wins: what its person does not want to hear of is not
told; nor is anything while somebody looks at a client that has it; what cannot
wait is told at once; of all else one notification goes out in a while, and
what comes meanwhile is told in one more at the end of it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PAUSE: Final = 30.0
"""LIMIT: seconds between two notifications to one place. The first wakes the client, which then
fetches what comes behind; a telephone that is woken more often has an empty battery by noon."""


class What(StrEnum):
    """What becomes of an occasion, as the record says it."""

    SENT = "sent"
    HELD_BACK = "held back"
    COALESCED = "coalesced"


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something came for a person.

    Attributes:
        looked_at: The resource of a client that has it and is looked at; ``""``: there is none.
        important: It cannot wait, as a call cannot.
        muted: The person does not want to hear of this: a place for what
            rooms will know (muted, or only when one is named).

    """

    looked_at: str = ""
    important: bool = False
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done.

    Attributes:
        what: Said in the record.
        why: For people.
        again_in: Seconds until it must be told if it still waits then; 0: never.

    """

    what: What
    why: str
    again_in: float = 0.0


def decide(occasion: Occasion, now: float, last: float | None) -> Verdict:
    """Decide.

    Args:
        occasion: What happened.
        now: Monotonic seconds.
        last: When this place was last told something; ``None``: never.

    """
    if occasion.muted:
        return Verdict(What.HELD_BACK, "the person has muted this")
    if occasion.looked_at:
        return Verdict(What.HELD_BACK, f"{occasion.looked_at} was active")
    if occasion.important:
        return Verdict(What.SENT, "it cannot wait")
    left = 0.0 if last is None else last + PAUSE - now
    if left > 0:
        return Verdict(What.COALESCED, f"the last one is less than {PAUSE:.0f} s old", left)
    return Verdict(What.SENT, "nobody looked")
