"""What others are to a node: members, outcasts, subscribers (XEP-0060 sections 4.1 and 6.1)."""

from dataclasses import dataclass
from enum import StrEnum


class PartyKind(StrEnum):
    """What somebody is to a node; nobody is both member and outcast."""

    MEMBER = "member"
    OUTCAST = "outcast"
    SUBSCRIBER = "subscriber"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who is something to a node.

    Attributes:
        jid: Bare; of a subscriber perhaps with a resource.
        kind: What they are.

    """

    jid: str
    kind: PartyKind

    @property
    def address(self) -> str:
        """The bare JID."""
        return self.jid.partition("/")[0]
