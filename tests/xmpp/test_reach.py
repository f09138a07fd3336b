"""What has reached a person, against a naive model that remembers every item."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clarion.core.ports import SessionId
from clarion.lib.ids import FIRST, ItemId
from clarion.xmpp import reach as module
from clarion.xmpp.reach import Reach

SESSIONS = [SessionId(name) for name in ("phone", "desk", "car")]
sessions = st.sampled_from(SESSIONS)


def item(number: int) -> ItemId:
    return ItemId(number.to_bytes(16, "big"))


@dataclass
class Known:
    """What the model remembers of one item."""

    holders: set[SessionId] = field(default_factory=set)
    received: bool = False

    @property
    def waits(self) -> bool:
        return not self.holders and not self.received


class ReachMachine(RuleBasedStateMachine):
    """Does what ``person.py`` does, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.reach = Reach(FIRST, waiting=True)
        self.items: dict[ItemId, Known] = {}
        self.level = FIRST
        self.scanning = True  # a person who logs in may have anything waiting

    def _new(self) -> ItemId:
        new = item(10 * (len(self.items) + 1))
        self.items[new] = Known()
        return new

    @rule(takers=st.sets(sessions))
    def comes(self, takers: set[SessionId]) -> None:
        new = self._new()
        for taker in sorted(takers):
            self.reach.handed(new, taker)
            self.items[new].holders.add(taker)
        if not takers:
            self.reach.stored(new)

    @rule(data=st.data())
    def acknowledged(self, data: st.DataObject) -> None:
        held = [new for new, known in self.items.items() if known.holders]
        if held:
            new = data.draw(st.sampled_from(held))
            self.reach.received(new)
            self.items[new].holders.clear()
            self.items[new].received = True

    @rule(session=sessions)
    def ends(self, session: SessionId) -> None:
        self.reach.ended(session)
        for known in self.items.values():
            known.holders.discard(session)

    @rule(session=sessions, data=st.data())
    def lets_go(self, session: SessionId, data: st.DataObject) -> None:
        held = [new for new, known in self.items.items() if session in known.holders]
        if held:
            new = data.draw(st.sampled_from(held))
            self.reach.released(new, session)
            self.items[new].holders.discard(session)

    @rule(session=sessions, most=st.integers(0, 10))
    def catches_up(self, session: SessionId, most: int) -> None:
        above = self.reach.waiting_above
        if above is None:
            assert not any(known.waits for known in self.items.values())
            return
        page = [new for new in sorted(self.items) if new > above]
        for new in page[:most]:
            known = self.items[new]
            assert self.reach.has_received(new) <= known.received
            if known.waits and not self.reach.has_received(new):
                self.reach.handed(new, session)
                known.holders.add(session)
            self.reach.scanned(new)
            above = new
        if len(page) <= most:
            self.reach.caught_up(above)

    @rule()
    def kept(self) -> None:
        level = self.reach.level()
        assert level >= self.level
        self.level = level

    @invariant()
    def never_passes_what_nobody_received(self) -> None:
        level = self.reach.level()
        assert level >= self.level
        assert all(known.received for new, known in self.items.items() if new <= level)
        self.level = level

    @invariant()
    def what_waits_is_above_the_mark(self) -> None:
        above = self.reach.waiting_above
        waiting = [new for new, known in self.items.items() if known.waits]
        assert not waiting or (above is not None and above < min(waiting))

    @invariant()
    def holders_are_right(self) -> None:
        for new, known in self.items.items():
            holders = self.reach.holders(new)
            assert len(holders) == len(set(holders))
            assert set(holders) == known.holders

    @invariant()
    def what_was_received_is_not_forgotten(self) -> None:
        assert all(self.reach.has_received(new) == k.received for new, k in self.items.items())

    @invariant()
    def the_level_gets_there_when_all_is_received(self) -> None:
        all_received = all(known.received for known in self.items.values())
        if self.items and all_received and self.reach.waiting_above is None:
            assert self.reach.level() == max(self.items)


TestReach = ReachMachine.TestCase
TestReach.settings = settings(deadline=None, max_examples=200, stateful_step_count=40)


def test_what_the_store_says_is_where_it_begins():
    reach = Reach(item(7), waiting=True)
    assert (reach.level(), reach.waiting_above) == (item(7), item(7))
    assert Reach(item(7), waiting=False).waiting_above is None


def test_what_only_some_sessions_hold_is_found():
    reach = Reach(FIRST, waiting=False)
    phone, desk, car = SESSIONS
    for number, holders in ((3, (phone, desk)), (4, (phone, car)), (5, (phone,)), (6, (phone,))):
        for holder in holders:
            reach.handed(item(number), holder)
    assert reach.oldest_with(frozenset({phone})) == item(5)
    assert reach.oldest_with(frozenset({phone, car})) == item(4)
    assert reach.oldest_with(frozenset({desk, car})) is None
    reach.received(item(5))
    assert reach.oldest_with(frozenset({phone})) == item(6)


def test_one_session_holds_an_item_once_however_often_it_is_handed():
    reach = Reach(FIRST, waiting=False)
    reach.handed(item(1), SESSIONS[0])
    reach.handed(item(1), SESSIONS[0])
    reach.ended(SESSIONS[0])
    assert reach.holders(item(1)) == []
    assert reach.waiting_above == FIRST


def test_beyond_the_limit_received_items_are_forgotten_but_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(module, "RECEIVED_LIMIT", 3)
    reach = Reach(FIRST, waiting=False)
    reach.handed(item(1), SESSIONS[0])
    for number in range(2, 7):
        reach.handed(item(number), SESSIONS[1])
        reach.received(item(number))
    assert reach.has_received(item(6))
    assert not reach.has_received(item(3))
    assert reach.level() == FIRST
    reach.ended(SESSIONS[0])
    assert reach.waiting_above == FIRST
