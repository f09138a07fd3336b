"""What every engine promises of ``core.ledger.LedgerStore``."""

import pytest

from clarion.core.archive import pair_thread
from clarion.core.ledger import STATE_OF, Act, Door, Move, State
from clarion.core.ports import Database
from clarion.lib.ids import FIRST, ItemId
from clarion.store.ledger import DatabaseLedger

ANN, BOB = "ann@corp.example", "bob@corp.example"
THREAD = pair_thread(ANN, BOB)


@pytest.fixture
def ledger(database: Database) -> DatabaseLedger:
    return DatabaseLedger(database)


def item(number: int) -> ItemId:
    return ItemId(number.to_bytes(16, "big"))


def move(
    up_to: int, at: float = 1.5, act: Act = Act.MARKED, reader: str = BOB, door: Door = Door.CHAT
) -> Move:
    return Move(THREAD, reader, item(up_to), at, door, act)


async def test_moves_come_back_as_they_were(ledger: DatabaseLedger):
    moves = [
        move(number, at=float(number), act=act, door=door)
        for number, (act, door) in enumerate([(act, door) for act in Act for door in Door], start=1)
    ]
    for one in moves:
        await ledger.append([one])
    assert list(await ledger.moves_reaching(THREAD, FIRST)) == moves


async def test_moves_reaching_an_item_are_those_at_or_above_it(ledger: DatabaseLedger):
    moves = [move(1, at=1), move(3, at=2), move(2, at=3, reader=ANN), move(4, at=4)]
    await ledger.append(moves)
    assert list(await ledger.moves_reaching(THREAD, item(2))) == moves[1:]
    assert list(await ledger.moves_reaching(THREAD, item(5))) == []
    assert list(await ledger.moves_reaching(pair_thread(ANN, ANN), FIRST)) == []


async def test_the_first_moves_that_reach_an_item(ledger: DatabaseLedger):
    low = move(1, at=1)
    late, first, again = move(3, at=9), move(4, at=2), move(5, at=2)
    other, theirs = move(6, at=8, act=Act.DELIVERED), move(2, at=3, reader=ANN)
    await ledger.append([low, late, first, again, other, theirs])
    await ledger.append([move(number, at=number) for number in range(10, 60)])
    assert list(await ledger.first_reaching(THREAD, item(2))) == [first, theirs, other]
    assert list(await ledger.first_reaching(THREAD, item(99))) == []


async def test_moves_of_one_moment_stay_in_order(ledger: DatabaseLedger):
    moves = [move(5, act=Act.DELIVERED), move(4, act=Act.MARKED), move(6, act=Act.REPLIED)]
    await ledger.append(moves)
    assert list(await ledger.moves_reaching(THREAD, FIRST)) == moves


async def test_heights_are_the_furthest_by_reader_and_state(ledger: DatabaseLedger):
    await ledger.append([move(7, act=Act.DELIVERED), move(3), move(5, act=Act.REPLIED), move(4)])
    await ledger.append([move(2, reader=ANN, act=Act.CONFIRMED)])
    assert await ledger.heights(THREAD) == {
        (BOB, State.DELIVERED): item(7),
        (BOB, State.READ): item(5),
        (ANN, State.CONFIRMED): item(2),
    }
    assert await ledger.heights(pair_thread(ANN, ANN)) == {}


@pytest.mark.parametrize("act", list(Act))
async def test_every_act_has_its_state(ledger: DatabaseLedger, act: Act):
    await ledger.append([move(1, act=act)])
    assert await ledger.heights(THREAD) == {(BOB, STATE_OF[act]): item(1)}


async def test_many_single_moves_at_once(ledger: DatabaseLedger):
    futures = [ledger.append([move(number, at=number)]) for number in (3, 9, 1, 8)]
    for future in futures:
        await future
    assert await ledger.heights(THREAD) == {(BOB, State.READ): item(9)}
    assert len(await ledger.moves_reaching(THREAD, FIRST)) == 4


async def test_no_moves_are_no_trouble(ledger: DatabaseLedger):
    await ledger.append([])
    assert await ledger.heights(THREAD) == {}
