"""Many writes in one transaction, and an error only to those it concerns."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.ports import Shape, WriteOp
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import ClarionError, UnavailableError, UsageError
from clarion.store.transactions import Transactions

TABLE = "CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT NOT NULL)"
INSERT = "INSERT INTO t (k, v) VALUES (?, ?)"
MERGED = Shape((INSERT, INSERT), mergeable=True)
SINGLE = Shape((INSERT,))
UPSERT = Shape((INSERT + " ON CONFLICT (k) DO UPDATE SET v = excluded.v",), mergeable=True)
UPDATE = Shape(("UPDATE t SET v = ? WHERE k = ?",), mergeable=True)


def connect() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(TABLE)
    return connection


@pytest.fixture
def connection():
    connection = connect()
    yield connection
    connection.close()


def transactions(connection: sqlite3.Connection) -> Transactions:
    return Transactions(connection, CrashPoints())


def kept(connection: sqlite3.Connection) -> dict[int, str]:
    return dict(connection.execute("SELECT k, v FROM t ORDER BY k").fetchall())


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["merged", "single"]), st.booleans()), max_size=90))
def test_exactly_the_failing_writes_fail(plan: list[tuple[str, bool]]):
    connection = connect()
    ops = []
    for number, (kind, fails) in enumerate(plan):
        last = (2 * number + 1, None if fails else "b")
        first = (2 * number, "a")
        ops.append(WriteOp(MERGED, (first, last)) if kind == "merged" else WriteOp(SINGLE, (last,)))
    outcomes = transactions(connection).commit(ops)
    expected = {}
    for number, ((kind, fails), outcome) in enumerate(zip(plan, outcomes, strict=True)):
        assert isinstance(outcome, UsageError) == fails
        if not fails:
            assert outcome == []
            expected[2 * number + 1] = "b"
            if kind == "merged":
                expected[2 * number] = "a"
    assert kept(connection) == expected
    assert not connection.in_transaction
    connection.close()


@pytest.mark.parametrize("count", [1, 2, 20, 1000])
def test_merged_writes_are_all_there(connection: sqlite3.Connection, count: int):
    ops = [WriteOp(MERGED, ((k, "a"), (-k, "b"))) for k in range(1, count + 1)]
    assert transactions(connection).commit(ops) == [[]] * count
    assert len(kept(connection)) == 2 * count


def test_merged_upserts_keep_their_order(connection: sqlite3.Connection):
    ops = [WriteOp(UPSERT, ((k % 3, str(k)),)) for k in range(70)]
    transactions(connection).commit(ops)
    assert kept(connection) == {0: "69", 1: "67", 2: "68"}


def test_updates_are_merged_too(connection: sqlite3.Connection):
    ops = [WriteOp(SINGLE, ((k, "a"),)) for k in range(3)]
    ops += [WriteOp(UPDATE, ((str(k), k),)) for k in range(3)]
    transactions(connection).commit(ops)
    assert kept(connection) == {0: "0", 1: "1", 2: "2"}


def test_a_wrong_number_of_parameters_is_an_error_of_that_write(connection: sqlite3.Connection):
    good = WriteOp(SINGLE, ((1, "a"),))
    outcomes = transactions(connection).commit([good, WriteOp(SINGLE, ((2,),))])
    assert outcomes[0] == []
    assert isinstance(outcomes[1], ClarionError)
    assert kept(connection) == {1: "a"}


class Tripping:
    """A connection that lets SQLite take a transaction back, as a full disk may."""

    def __init__(self, inner: sqlite3.Connection, trip: str) -> None:
        self.inner = inner
        self.trip = trip

    @property
    def in_transaction(self) -> bool:
        return self.inner.in_transaction

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if sql == self.trip or self.trip in parameters:
            if self.inner.in_transaction:
                self.inner.execute("ROLLBACK")
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self.inner.execute(sql, parameters)


def test_writes_that_sqlite_took_back_with_a_failing_one_are_made_again(
    connection: sqlite3.Connection,
):
    tripping = Tripping(connection, "big")
    ops = [WriteOp(SINGLE, ((k, "big" if k == 2 else "small"),)) for k in range(4)]
    outcomes = transactions(tripping).commit(ops)  # type: ignore[arg-type]  # a stand-in
    assert [isinstance(outcome, UnavailableError) for outcome in outcomes] == [
        False,
        False,
        True,
        False,
    ]
    assert sorted(kept(connection)) == [0, 1, 3]


@pytest.mark.parametrize("trip", ["COMMIT", "BEGIN IMMEDIATE"])
def test_when_the_transaction_itself_fails_all_fail(connection: sqlite3.Connection, trip: str):
    tripping = Tripping(connection, trip)
    ops = [WriteOp(SINGLE, ((k, "a"),)) for k in range(3)]
    outcomes = transactions(tripping).commit(ops)  # type: ignore[arg-type]  # a stand-in
    assert all(isinstance(outcome, UnavailableError) for outcome in outcomes)
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert "full" in str(outcomes[0])
    assert kept(connection) == {}
    tripping.trip = ""
    assert transactions(connection).commit(ops) == [[], [], []]


def test_a_savepoint_that_fails_fails_all(connection: sqlite3.Connection):
    tripping = Tripping(connection, "SAVEPOINT op")
    ops = [WriteOp(SINGLE, ((1, "a"),)), WriteOp(SINGLE, ((1, "b"),))]
    outcomes = transactions(tripping).commit(ops)  # type: ignore[arg-type]  # a stand-in
    assert all(isinstance(outcome, UnavailableError) for outcome in outcomes)
    assert kept(connection) == {}


def test_crash_points_are_reached_in_order(connection: sqlite3.Connection):
    class Noting(CrashPoints):
        def reach(self, name: str) -> None:
            met.append(f"{name} {len(kept(connection))} {connection.in_transaction}")

    met: list[str] = []
    Transactions(connection, Noting()).commit([WriteOp(MERGED, ((1, "a"), (2, "b")))])
    assert met == [
        "mid-batch 1 True",
        "mid-batch 2 True",
        "before-commit 2 True",
        "after-commit 2 False",
    ]


@pytest.mark.parametrize(
    ("shape", "count", "steps"),
    [
        (Shape((INSERT,), mergeable=True), 1, 1),
        (Shape((INSERT,), mergeable=True), 85, 1 + 1 + 1 + 1),  # 64, 16, 4 and the last
        (Shape((INSERT,), mergeable=True), 130, 2 + 2),
        (UPSERT, 20, 20),  # what is no plain insert goes row by row
        (Shape((INSERT,)), 20, 20),
    ],
)
def test_plain_inserts_go_many_rows_at_a_time(
    connection: sqlite3.Connection, shape: Shape, count: int, steps: int
):
    ran: list[str] = []
    connection.set_trace_callback(ran.append)
    ops = [WriteOp(shape, ((k, "a"),)) for k in range(count)]
    assert transactions(connection).commit(ops) == [[]] * count
    assert len([sql for sql in ran if sql.startswith("INSERT")]) == steps
    assert len(kept(connection)) == count
