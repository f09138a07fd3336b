"""Subscription states and what each stanza does to them (RFC 6121 appendix A), as data.

Nothing here sends or keeps anything. A pair that stands in no table changes
nothing; whether its stanza is routed all the same is said beside the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from clarion.xmpp.roster import RosterItem


class Kind(StrEnum):
    """The presence types that manage subscriptions (section 3)."""

    SUBSCRIBE = "subscribe"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBE = "unsubscribe"
    UNSUBSCRIBED = "unsubscribed"


KINDS: Final = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class State:
    """How an owner stands to a contact (A.1).

    Attributes:
        subscription: ``none``, ``to``, ``from`` or ``both``, as the owner sees it.
        ask: The owner's request is open ("Pending Out").
        pending_in: The contact's request is open ("Pending In").

    """

    subscription: str
    ask: bool = False
    pending_in: bool = False

    @property
    def sees(self) -> bool:
        """Whether the owner gets the contact's presence."""
        return self.subscription in {"to", "both"}

    @property
    def shows(self) -> bool:
        """Whether the contact gets the owner's presence."""
        return self.subscription in {"from", "both"}


NONE: Final = State("none")
NONE_OUT: Final = State("none", ask=True)
NONE_IN: Final = State("none", pending_in=True)
NONE_OUT_IN: Final = State("none", ask=True, pending_in=True)
TO: Final = State("to")
TO_IN: Final = State("to", pending_in=True)
FROM: Final = State("from")
FROM_OUT: Final = State("from", ask=True)
BOTH: Final = State("both")
STATES: Final = (NONE, NONE_OUT, NONE_IN, NONE_OUT_IN, TO, TO_IN, FROM, FROM_OUT, BOTH)

# A.2.1 and A.2.2: always routed, also where nothing changes, so that two
# servers which disagree come together again.
_ASK: Final = {NONE: NONE_OUT, NONE_IN: NONE_OUT_IN, FROM: FROM_OUT}
_GIVE_UP: Final = {
    NONE_OUT: NONE,
    NONE_OUT_IN: NONE_IN,
    TO: NONE,
    TO_IN: NONE_IN,
    FROM_OUT: FROM,
    BOTH: FROM,
}
# A.2.3 and A.2.4: routed exactly where they change the state.
_ALLOW: Final = {NONE_IN: FROM, NONE_OUT_IN: FROM_OUT, TO_IN: BOTH}
_DENY: Final = {
    NONE_IN: NONE,
    NONE_OUT_IN: NONE_OUT,
    TO_IN: TO,
    FROM: NONE,
    FROM_OUT: NONE_OUT,
    BOTH: TO,
}
# Where "subscribed" goes nowhere but is noted as a pre-approval (section 3.4.2).
_PRE_APPROVES: Final = frozenset({NONE, NONE_OUT, TO})

# A.3: delivered exactly where they change the state.
_ASKED: Final = {NONE: NONE_IN, NONE_OUT: NONE_OUT_IN, TO: TO_IN}
_ALLOWED: Final = {NONE_OUT: TO, NONE_OUT_IN: TO_IN, FROM_OUT: BOTH}
# A request that was approved beforehand is answered and not delivered (3.1.3, 3.4.2).
_APPROVED: Final = {NONE: FROM, NONE_OUT: FROM_OUT, TO: BOTH}

_OUTBOUND: Final[Mapping[Kind, Mapping[State, State]]] = {
    Kind.SUBSCRIBE: _ASK,
    Kind.UNSUBSCRIBE: _GIVE_UP,
    Kind.SUBSCRIBED: _ALLOW,
    Kind.UNSUBSCRIBED: _DENY,
}
# What the contact gives up or denies is, seen from here, the other direction.
_INBOUND: Final[Mapping[Kind, Mapping[State, State]]] = {
    Kind.SUBSCRIBE: _ASKED,
    Kind.UNSUBSCRIBE: _DENY,
    Kind.SUBSCRIBED: _ALLOWED,
    Kind.UNSUBSCRIBED: _GIVE_UP,
}


@dataclass(frozen=True, slots=True)
class Outbound:
    """What a stanza from the owner does.

    Attributes:
        state: The owner's new state.
        route: Whether the stanza goes to the contact.
        approved: Sets or clears the pre-approval; ``None`` leaves it.

    """

    state: State
    route: bool
    approved: bool | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a stanza from the contact does.

    Attributes:
        state: The owner's new state.
        deliver: Whether the owner's clients see the stanza.
        reply: Whether ``subscribed`` is answered on the owner's behalf.

    """

    state: State
    deliver: bool
    reply: bool = False


def outbound(kind: Kind, state: State) -> Outbound:
    """Return what the owner's stanza does (A.2, section 3.4.2)."""
    after = _OUTBOUND[kind].get(state)
    if kind in {Kind.SUBSCRIBE, Kind.UNSUBSCRIBE}:
        return Outbound(after or state, route=True)
    approved: bool | None = None
    if kind is Kind.UNSUBSCRIBED:
        # A.2.4 lets this cancel a pre-approval where no subscription ends. It
        # does so always: who ends one does not want it back unasked.
        approved = False
    elif state in _PRE_APPROVES:
        approved = True
    return Outbound(after or state, route=after is not None, approved=approved)


def inbound(kind: Kind, state: State, *, approved: bool = False) -> Inbound:
    """Return what the contact's stanza does (A.3).

    Args:
        kind: What the contact sent.
        state: The owner's state.
        approved: Whether the owner approved the contact beforehand.

    """
    if kind is Kind.SUBSCRIBE:
        if state.shows:
            return Inbound(state, deliver=False, reply=True)
        if approved and state in _APPROVED:
            return Inbound(_APPROVED[state], deliver=False, reply=True)
    after = _INBOUND[kind].get(state)
    return Inbound(after or state, deliver=after is not None)


def state_of(item: RosterItem) -> State:
    """Return the state of a roster item; what A.1 does not know of is left out."""
    to_or_both = item.subscription in {"to", "both"}
    from_or_both = item.subscription in {"from", "both"}
    return State(
        item.subscription,
        ask=item.ask and not to_or_both,
        pending_in=item.pending_in is not None and not from_or_both,
    )


def moved_to(item: RosterItem, state: State, request: bytes | None = None) -> RosterItem:
    """Return ``item`` in another state.

    Args:
        item: What it was.
        state: What it becomes.
        request: The contact's request, where ``state`` is newly pending.

    """
    pending = (item.pending_in or request) if state.pending_in else None
    return replace(item, subscription=state.subscription, ask=state.ask, pending_in=pending)
