"""How much one person may do in rooms: a stanza there costs as much as there are people in it."""

from collections import OrderedDict
from typing import Final

from clarion.lib.limits import Allowance
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError

PERSON_RATE: Final = 20.0
"""LIMIT: messages and changes of presence a second of one person, in all rooms together."""
PERSON_BURST: Final = 500.0
"""LIMIT: the same at once."""
CREATE_RATE: Final = 0.1
"""LIMIT: rooms that one person creates in a second."""
CREATE_BURST: Final = 100.0
"""LIMIT: the same at once."""
PEOPLE_LIMIT: Final = 20_000
"""LIMIT: people whose use is counted; the longest quiet go first, and begin anew."""


class Rates:
    """What is left to each person; ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self._spending: OrderedDict[str, Allowance] = OrderedDict()
        self._creating: OrderedDict[str, Allowance] = OrderedDict()

    def spend(self, bare: str, now: float) -> None:
        """Count something that others are to be sent.

        Raises:
            StanzaError: It was too much lately.

        """
        if not _of(self._spending, bare, PERSON_RATE, PERSON_BURST).take(1, now):
            raise StanzaError(
                StanzaCondition.POLICY_VIOLATION,
                f"you may say {PERSON_RATE:.0f} things a second in rooms; wait a moment",
                kind=ErrorType.WAIT,
            )

    def create(self, bare: str, now: float) -> None:
        """Count a room that somebody creates.

        Raises:
            StanzaError: It was too many lately.

        """
        if not _of(self._creating, bare, CREATE_RATE, CREATE_BURST).take(1, now):
            raise StanzaError(
                StanzaCondition.POLICY_VIOLATION,
                "you have created many rooms; wait a minute",
                kind=ErrorType.WAIT,
            )


def _of(counted: OrderedDict[str, Allowance], bare: str, rate: float, burst: float) -> Allowance:
    allowance = counted.get(bare)
    if allowance is None:
        allowance = counted[bare] = Allowance(rate, burst)
        if len(counted) > PEOPLE_LIMIT:
            counted.popitem(last=False)
    else:
        counted.move_to_end(bare)
    return allowance
