"""RFC 6121 appendix A, row by row."""

import pytest

from clarion.xmpp.roster import RosterItem
from clarion.xmpp.subscription_states import (
    BOTH,
    FROM,
    FROM_OUT,
    KINDS,
    NONE,
    NONE_IN,
    NONE_OUT,
    NONE_OUT_IN,
    STATES,
    TO,
    TO_IN,
    Inbound,
    Kind,
    Outbound,
    State,
    inbound,
    moved_to,
    outbound,
    state_of,
)

NAMES = {
    "None": NONE,
    "None + Pending Out": NONE_OUT,
    "None + Pending In": NONE_IN,
    "None + Pending Out+In": NONE_OUT_IN,
    "To": TO,
    "To + Pending In": TO_IN,
    "From": FROM,
    "From + Pending Out": FROM_OUT,
    "Both": BOTH,
}

# existing state | routed | new state; "=" is no state change
A_2_1 = """
None                  | yes | None + Pending Out
None + Pending Out    | yes | =
None + Pending In     | yes | None + Pending Out+In
None + Pending Out+In | yes | =
To                    | yes | =
To + Pending In       | yes | =
From                  | yes | From + Pending Out
From + Pending Out    | yes | =
Both                  | yes | =
"""
A_2_2 = """
None                  | yes | =
None + Pending Out    | yes | None
None + Pending In     | yes | =
None + Pending Out+In | yes | None + Pending In
To                    | yes | None
To + Pending In       | yes | None + Pending In
From                  | yes | =
From + Pending Out    | yes | From
Both                  | yes | From
"""
A_2_3 = """
None                  | no  | =
None + Pending Out    | no  | =
None + Pending In     | yes | From
None + Pending Out+In | yes | From + Pending Out
To                    | no  | =
To + Pending In       | yes | Both
From                  | no  | =
From + Pending Out    | no  | =
Both                  | no  | =
"""
A_2_4 = """
None                  | no  | =
None + Pending Out    | no  | =
None + Pending In     | yes | None
None + Pending Out+In | yes | None + Pending Out
To                    | no  | =
To + Pending In       | yes | To
From                  | yes | None
From + Pending Out    | yes | None + Pending Out
Both                  | yes | To
"""
# existing state | delivered | new state
A_3_1 = """
None                  | yes | None + Pending In
None + Pending Out    | yes | None + Pending Out+In
None + Pending In     | no  | =
None + Pending Out+In | no  | =
To                    | yes | To + Pending In
To + Pending In       | no  | =
From                  | no  | =
From + Pending Out    | no  | =
Both                  | no  | =
"""
A_3_2 = """
None                  | no  | =
None + Pending Out    | no  | =
None + Pending In     | yes | None
None + Pending Out+In | yes | None + Pending Out
To                    | no  | =
To + Pending In       | yes | To
From                  | yes | None
From + Pending Out    | yes | None + Pending Out
Both                  | yes | To
"""
A_3_3 = """
None                  | no  | =
None + Pending Out    | yes | To
None + Pending In     | no  | =
None + Pending Out+In | yes | To + Pending In
To                    | no  | =
To + Pending In       | no  | =
From                  | no  | =
From + Pending Out    | yes | Both
Both                  | no  | =
"""
A_3_4 = """
None                  | no  | =
None + Pending Out    | yes | None
None + Pending In     | no  | =
None + Pending Out+In | yes | None + Pending In
To                    | yes | None
To + Pending In       | yes | None + Pending In
From                  | no  | =
From + Pending Out    | yes | From
Both                  | yes | From
"""


def rows(**tables: str):
    found = []
    for kind, table in tables.items():
        lines = table.strip().splitlines()
        assert len(lines) == len(STATES)
        for line in lines:
            before, goes_on, after = (cell.strip() for cell in line.split("|"))
            state = NAMES[before]
            new = state if after == "=" else NAMES[after]
            name = f"{kind} in {before}"
            found.append(pytest.param(Kind(kind), state, goes_on == "yes", new, id=name))
    return found


@pytest.mark.parametrize(
    ("kind", "state", "routed", "after"),
    rows(subscribe=A_2_1, unsubscribe=A_2_2, subscribed=A_2_3, unsubscribed=A_2_4),
)
def test_outbound(kind: Kind, state: State, routed: bool, after: State):
    step = outbound(kind, state)
    assert (step.state, step.route) == (after, routed)


@pytest.mark.parametrize(
    ("kind", "state", "delivered", "after"),
    rows(subscribe=A_3_1, unsubscribe=A_3_2, subscribed=A_3_3, unsubscribed=A_3_4),
)
def test_inbound(kind: Kind, state: State, delivered: bool, after: State):
    step = inbound(kind, state)
    # Footnote of A.3.1: who is subscribed already is told so on the owner's behalf.
    reply = kind is Kind.SUBSCRIBE and state in {FROM, FROM_OUT, BOTH}
    assert step == Inbound(after, deliver=delivered, reply=reply)


@pytest.mark.parametrize("state", STATES)
def test_subscribed_out_of_the_blue_is_a_pre_approval(state: State):
    expected = True if state in {NONE, NONE_OUT, TO} else None
    assert outbound(Kind.SUBSCRIBED, state).approved is expected


@pytest.mark.parametrize("state", STATES)
def test_unsubscribed_cancels_a_pre_approval(state: State):
    assert outbound(Kind.UNSUBSCRIBED, state).approved is False


@pytest.mark.parametrize("kind", [Kind.SUBSCRIBE, Kind.UNSUBSCRIBE])
@pytest.mark.parametrize("state", STATES)
def test_asking_leaves_a_pre_approval_alone(kind: Kind, state: State):
    assert outbound(kind, state).approved is None


@pytest.mark.parametrize(("before", "after"), [(NONE, FROM), (NONE_OUT, FROM_OUT), (TO, BOTH)])
def test_a_request_that_was_approved_beforehand_is_answered_at_once(before: State, after: State):
    step = inbound(Kind.SUBSCRIBE, before, approved=True)
    assert step == Inbound(after, deliver=False, reply=True)


@pytest.mark.parametrize("kind", [Kind.SUBSCRIBED, Kind.UNSUBSCRIBE, Kind.UNSUBSCRIBED])
@pytest.mark.parametrize("state", STATES)
def test_a_pre_approval_concerns_requests_only(kind: Kind, state: State):
    assert inbound(kind, state, approved=True) == inbound(kind, state)


@pytest.mark.parametrize("state", STATES)
def test_items_carry_their_state(state: State):
    item = moved_to(RosterItem("bob@corp.example", name="Bob"), state, b"<presence/>")
    assert state_of(item) == state
    assert item.name == "Bob"
    assert (item.pending_in == b"<presence/>") is state.pending_in


def test_a_request_is_kept_as_it_first_came():
    item = RosterItem("bob@corp.example", pending_in=b"first")
    assert moved_to(item, NONE_OUT_IN, b"second").pending_in == b"first"
    assert moved_to(item, FROM, b"second").pending_in is None


def test_states_that_the_appendix_does_not_know_are_set_right():
    odd = RosterItem("bob@corp.example", subscription="both", ask=True, pending_in=b"x")
    assert state_of(odd) == BOTH
    assert state_of(RosterItem("b@x", subscription="to", ask=True, pending_in=b"x")) == TO_IN


def test_what_the_words_mean():
    assert {str(kind) for kind in KINDS} == {
        "subscribe",
        "subscribed",
        "unsubscribe",
        "unsubscribed",
    }
    assert [state for state in STATES if state.sees] == [TO, TO_IN, BOTH]
    assert [state for state in STATES if state.shows] == [FROM, FROM_OUT, BOTH]
    assert outbound(Kind.SUBSCRIBE, State("none")) == Outbound(NONE_OUT, route=True)
