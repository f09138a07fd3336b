"""The ledger under marks that cross, come late, come twice, and a store that fails now and then."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clarion.core import book
from clarion.core.archive import Item, Owner, pair_thread
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import MarkMoved
from clarion.core.ledger import STATE_OF, Act, Door, Move, State
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import FIRST, ItemId, Mint
from clarion.store.archive import DatabaseArchive
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase

ANN, BOB = "ann@corp.example", "bob@corp.example"
THREAD = pair_thread(ANN, BOB)
ITEMS = 5
ACTS = st.sampled_from([Act.DELIVERED, Act.MARKED, Act.REPLIED, Act.CONFIRMED])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mark"), st.integers(0, ITEMS - 1), ACTS),
        st.tuples(st.sampled_from(["write", "fail", "wait", "back", "forget", "look"])),
    ),
    max_size=25,
)
RANK = list(State)


@dataclass
class Desk:
    """A ledger on a store in memory, and what is known of it by plain reckoning."""

    database: InMemoryDatabase = field(default_factory=InMemoryDatabase)
    clock: FakeClock = field(default_factory=FakeClock)
    moves: list[Move] = field(default_factory=list)
    best: dict[ItemId, int] = field(default_factory=dict)

    async def open(self) -> None:
        bus = Bus()
        bus.subscribe(MarkMoved, lambda event: self.moves.append(event.move))
        self.archive = DatabaseArchive(self.database)
        self.directory = Directory(DatabasePeople(self.database), bus, "corp.example")
        ann = await self.directory.add_person(ANN)
        bob = await self.directory.add_person(BOB)
        self.ledger = Ledger(
            DatabaseLedger(self.database), self.archive, self.directory, bus, self.clock
        )
        mint = Mint(1, self.clock.wall)
        self.items = [mint.item() for _ in range(ITEMS)]
        owners = [Owner(ann.number, incoming=False), Owner(bob.number, incoming=True)]
        for one in self.items:
            item = Item(one, THREAD, f"{ANN}/x", BOB, "", "", b"<message/>", countable=True)
            await self.archive.append(item, owners)
            self.best[one] = 0

    def mark(self, place: int, act: Act) -> None:
        up_to = self.items[place]
        rank = RANK.index(STATE_OF[act])
        news = any(self.best[one] < rank for one in self.items[: place + 1])
        before = len(self.moves)
        taken = self.ledger.move(THREAD, BOB, up_to, self.clock.wall(), Door.CHAT, act)
        assert taken == (len(self.moves) > before)
        # A mark brings news exactly when the sender hears of it.
        assert taken == news or self.forgot
        for one in self.items[: place + 1]:
            self.best[one] = max(self.best[one], rank)

    forgot: bool = False

    async def states(self) -> list[int]:
        shown = await self.ledger.show_thread(ANN, BOB, 100)
        return [RANK.index(entry.state) for _, entry in shown]


async def play(steps: list[tuple[Any, ...]]) -> None:
    desk = Desk()
    await desk.open()
    seen = [0] * ITEMS
    for step, *rest in steps:
        if step == "mark":
            desk.mark(*rest)
        elif step == "write":
            desk.ledger.write()
        elif step == "fail":
            desk.database.fail_next(UnavailableError("full"))
        elif step == "wait":
            desk.clock.advance(book.RETRY_AFTER)
        elif step == "back":  # an operator sets the clock back
            desk.clock.set_wall(desk.clock.wall() - 3600)
        elif step == "forget":  # as when too many threads are in memory, or after a restart
            desk.ledger._heights.clear()
            desk.forgot = True
        await asyncio.sleep(0)
        now = await desk.states()
        assert all(after >= before for before, after in zip(seen, now, strict=True))
        assert now == [desk.best[one] for one in desk.items]
        seen = now
    desk.database._failures.clear()
    desk.clock.advance(book.RETRY_AFTER)
    await desk.ledger.written()
    kept = await DatabaseLedger(desk.database).moves_reaching(THREAD, FIRST)
    heights: dict[Act, ItemId] = {}
    if not desk.forgot:
        for move in sorted(kept, key=lambda move: move.up_to):
            assert move.up_to > heights.get(move.act, FIRST), "a line that says nothing new"
            heights[move.act] = move.up_to
    fresh = Ledger(DatabaseLedger(desk.database), desk.archive, desk.directory, Bus(), desk.clock)
    shown = await fresh.show_thread(ANN, BOB, 100)
    assert [RANK.index(entry.state) for _, entry in shown] == seen


@given(STEPS)
def test_the_state_never_goes_back_and_every_advance_is_told_once(steps: list[tuple[Any, ...]]):
    asyncio.run(play(steps))


async def test_the_log_keeps_the_order_of_advances():
    desk = Desk()
    await desk.open()
    for place in (1, 0, 3, 2, 3, 4):
        desk.mark(place, Act.MARKED)
        await desk.ledger.written()
    kept = await DatabaseLedger(desk.database).moves_reaching(THREAD, FIRST)
    assert [move.up_to for move in kept] == [desk.items[place] for place in (1, 3, 4)]


async def test_how_far_somebody_has_come_is_known_without_the_store():
    desk = Desk()
    await desk.open()
    low, mid, high = desk.items[:3]
    assert not desk.ledger.has_come(THREAD, BOB, State.DELIVERED, low)
    desk.mark(1, Act.MARKED)
    for state, item, known in (
        (State.DELIVERED, mid, True),
        (State.READ, low, True),
        (State.READ, high, False),
        (State.CONFIRMED, low, False),
    ):
        assert desk.ledger.has_come(THREAD, BOB, state, item) == known
    assert not desk.ledger.has_come(THREAD, ANN, State.READ, low)
