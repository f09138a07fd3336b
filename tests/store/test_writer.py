"""The loop's side of group commit, over a thread that does as it is told."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from clarion.core.ports import Shape, WriteOp, person_entity
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store import writer as module
from clarion.store.transactions import Outcome
from clarion.store.writer import BATCH_LIMIT, COMMIT_INTERVAL, GroupWriter
from fakes.clock import FakeClock

ANN = person_entity("ann@corp.example")
NOTHING = Shape(("SELECT ?",))


def op(name: str = "x") -> WriteOp:
    return WriteOp(NOTHING, ((name,),))


class Desk:
    """Stands for SQLite: keeps the batches; can be held, and can fail."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.free = threading.Event()
        self.free.set()
        self.interrupted = False
        self.error: Exception | None = None

    def commit(self, ops: Sequence[WriteOp]) -> list[Outcome]:
        self.free.wait(10)
        if self.error is not None:
            raise self.error
        self.batches.append([str(one.parameters[0][0]) for one in ops])
        return [
            UsageError("bad") if one.parameters[0][0] == "bad" else [(one.parameters[0][0],)]
            for one in ops
        ]

    def interrupt(self) -> None:
        self.interrupted = True
        self.free.set()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def writer(desk: Desk, clock: FakeClock):
    writer = GroupWriter(desk.commit, desk.interrupt, clock, queue_limit=2_000)
    yield writer
    desk.free.set()
    await writer.close(5)


async def test_the_first_writes_after_quiet_go_at_once_together(
    writer: GroupWriter, desk: Desk, clock: FakeClock
):
    futures = [writer.put(ANN, op(name)) for name in "abc"]
    assert [await future for future in futures] == [[("a",)], [("b",)], [("c",)]]
    assert desk.batches == [["a", "b", "c"]]
    assert clock.pending == 0


async def test_under_load_a_batch_goes_every_interval(
    writer: GroupWriter, desk: Desk, clock: FakeClock
):
    assert COMMIT_INTERVAL == 0.02
    await writer.put(ANN, op("a"))
    clock.advance(0.005)
    late = [writer.put(ANN, op(name)) for name in "bc"]
    assert clock.next_alarm() == pytest.approx(0.015)
    clock.advance(0.0149)
    assert desk.batches == [["a"]]
    clock.advance(0.001)
    await late[1]
    assert desk.batches == [["a"], ["b", "c"]]


async def test_what_gathers_during_a_commit_goes_when_it_ends_and_the_interval_has_passed(
    writer: GroupWriter, desk: Desk, clock: FakeClock
):
    desk.free.clear()
    first = writer.put(ANN, op("a"))
    await asyncio.sleep(0)
    second = writer.put(ANN, op("b"))
    assert clock.pending == 0
    clock.advance(1)
    desk.free.set()
    await first
    await second
    assert desk.batches == [["a"], ["b"]]


async def test_futures_resolve_in_order(writer: GroupWriter):
    order: list[int] = []
    futures = [writer.put(ANN, op(str(number))) for number in range(50)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: order.append(number))
    await futures[-1]
    await asyncio.sleep(0)
    assert order == list(range(50))


async def test_an_error_is_given_to_its_caller_alone(writer: GroupWriter):
    good, bad, late = (writer.put(ANN, op(name)) for name in ("good", "bad", "late"))
    with pytest.raises(UsageError, match="bad"):
        await bad
    assert await good == [("good",)]
    assert await late == [("late",)]


async def test_a_batch_has_a_limit(writer: GroupWriter, desk: Desk):
    futures = [writer.put(ANN, op()) for _ in range(BATCH_LIMIT + 5)]
    await futures[-1]  # the rest goes at once: the clock stands still
    assert [len(batch) for batch in desk.batches] == [BATCH_LIMIT, 5]


async def test_the_queue_has_a_limit_in_writes(desk: Desk, clock: FakeClock):
    assert (module.QUEUE_LIMIT, module.QUEUE_LIMIT_BYTES) == (20_000, 64 * 1024 * 1024)
    writer = GroupWriter(desk.commit, desk.interrupt, clock, queue_limit=3)
    desk.free.clear()
    kept = [writer.put(ANN, op())]
    await asyncio.sleep(0)  # this one is under way, and counts all the same
    kept += [writer.put(ANN, op()) for _ in range(2)]
    refused = writer.put(ANN, op())
    assert refused.done()
    with pytest.raises(UnavailableError, match="too many writes wait"):
        await refused
    desk.free.set()
    clock.advance(1)
    await kept[0]
    await kept[2]
    assert await writer.put(ANN, op("again")) == [("again",)] if clock.advance(1) is None else None
    await writer.close()


async def test_the_queue_has_a_limit_in_bytes(desk: Desk, clock: FakeClock):
    writer = GroupWriter(desk.commit, desk.interrupt, clock, queue_limit_bytes=100)
    big = writer.put(ANN, op("x" * 60))
    with pytest.raises(UnavailableError):
        await writer.put(ANN, op("y" * 41))
    small = writer.put(ANN, op("z" * 40))
    await big
    await small
    clock.advance(1)
    await writer.put(ANN, op("y" * 100))
    await writer.close()


async def test_what_a_hook_puts_goes_into_the_same_batch(writer: GroupWriter, desk: Desk):
    marks = ["m1", "m2"]

    def hook() -> None:
        while marks:
            writer.put(ANN, op(marks.pop(0)))

    writer.before_batch(hook)
    await writer.put(ANN, op("a"))
    assert desk.batches == [["a", "m1", "m2"]]


async def test_a_batch_can_be_asked_for_with_nothing_waiting(
    writer: GroupWriter, desk: Desk, clock: FakeClock
):
    marks: list[str] = []
    done: list[asyncio.Future[object]] = []
    writer.before_batch(lambda: done.extend(writer.put(ANN, op(mark)) for mark in marks))
    desk.free.clear()
    first = writer.put(ANN, op("a"))
    await asyncio.sleep(0)
    marks.append("m")
    writer.request_batch()  # while one is under way
    desk.free.set()
    await first
    clock.advance(COMMIT_INTERVAL)
    await done[0]
    assert desk.batches == [["a"], ["m"]]


async def test_a_batch_that_nobody_fills_is_no_batch(
    writer: GroupWriter, desk: Desk, clock: FakeClock
):
    writer.request_batch()
    await asyncio.sleep(0)
    assert desk.batches == []
    await writer.put(ANN, op("a"))
    assert desk.batches == [["a"]]


async def test_a_hook_that_fails_hinders_no_write(writer: GroupWriter):
    writer.before_batch(lambda: 1 / 0)
    assert await writer.put(ANN, op("a")) == [("a",)]


async def test_a_caller_that_gave_up_hinders_nobody(writer: GroupWriter, desk: Desk):
    given_up, other = writer.put(ANN, op("a")), writer.put(ANN, op("b"))
    bad = writer.put(ANN, op("bad"))
    given_up.cancel()
    bad.cancel()
    assert await other == [("b",)]
    assert desk.batches == [["a", "b", "bad"]]


async def test_the_thread_outlives_an_unforeseen_error(
    writer: GroupWriter, desk: Desk, clock: FakeClock
):
    desk.error = RuntimeError("unforeseen")
    with pytest.raises(UnavailableError, match="the store failed"):
        await writer.put(ANN, op())
    desk.error = None
    clock.advance(COMMIT_INTERVAL)
    assert await writer.put(ANN, op("a")) == [("a",)]


async def test_closing_commits_what_waits(desk: Desk, clock: FakeClock):
    writer = GroupWriter(desk.commit, desk.interrupt, clock)
    writer.before_batch(lambda: writer.put(ANN, op("mark")))
    desk.free.clear()
    futures = [writer.put(ANN, op("a"))]
    await asyncio.sleep(0)
    futures += [writer.put(ANN, op(name)) for name in "bc"]
    desk.free.set()
    await writer.close()
    assert all(future.done() for future in futures)
    assert [name for batch in desk.batches for name in batch] == ["a", "mark", "b", "c", "mark"]
    with pytest.raises(UnavailableError, match="closed"):
        await writer.put(ANN, op())


async def test_closing_has_a_limit(desk: Desk, clock: FakeClock):
    writer = GroupWriter(desk.commit, desk.interrupt, clock)
    desk.free.clear()
    stuck = writer.put(ANN, op("a"))
    await asyncio.sleep(0)
    waiting = writer.put(ANN, op("b"))
    await writer.close(0.01)
    assert desk.interrupted
    with pytest.raises(UnavailableError, match="closed"):
        await waiting
    await stuck  # it had been handed over, and got through in the end
    assert desk.batches == [["a"]]
