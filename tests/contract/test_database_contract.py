"""What every engine promises of ``core.ports.Database``."""

import asyncio

import pytest

from clarion.core.ports import Database, Shape, WriteOp, person_entity
from clarion.lib.errors import UsageError

ANN = person_entity("ann@corp.example")
SECRET = "INSERT INTO secret (name, value) VALUES (?, ?)"
ADD = Shape((SECRET,), mergeable=True)
TWO = Shape((SECRET, SECRET))
RETURNING = Shape((SECRET + " RETURNING name, value",))


def add(name: str) -> WriteOp:
    return WriteOp(ADD, ((name, b"value"),))


async def names(database: Database) -> list[object]:
    return [row[0] for row in await database.read("SELECT name FROM secret ORDER BY name")]


async def test_a_read_sees_what_was_committed(database: Database):
    assert await database.put(ANN, add("one")) == []
    assert await database.read("SELECT value FROM secret WHERE name = ?", ("one",)) == [(b"value",)]


async def test_returning_rows_come_from_the_future(database: Database):
    assert await database.put(ANN, WriteOp(RETURNING, (("one", b"1"),))) == [("one", b"1")]


async def test_a_refused_write_leaves_nothing_and_hinders_nobody(database: Database):
    await database.put(ANN, add("one"))
    good = database.put(ANN, add("two"))
    bad = database.put(ANN, WriteOp(TWO, (("three", b""), ("one", b""))))
    late = database.put(ANN, add("four"))
    with pytest.raises(UsageError):
        await bad
    assert await good == []
    assert await late == []
    assert await names(database) == ["four", "one", "two"]


async def test_of_two_equal_rows_put_together_the_first_is_kept(database: Database):
    first, second = database.put(ANN, add("one")), database.put(ANN, add("one"))
    with pytest.raises(UsageError, match="in the store already"):
        await second
    assert await first == []


@pytest.mark.parametrize("value", [1 << 64, "\ud800"], ids=["integer", "surrogate"])
async def test_what_the_store_cannot_hold_is_a_usage_error(database: Database, value: int | str):
    with pytest.raises(UsageError):
        await database.put(ANN, WriteOp(ADD, ((value, b""),)))
    await database.put(ANN, add("good"))
    assert await names(database) == ["good"]


async def test_a_failed_write_that_nobody_awaits_is_silent(database: Database):
    database.put(ANN, add("one"))
    database.put(ANN, add("one"))
    await database.put(ANN, add("two"))  # filterwarnings = error would tell


async def test_a_hook_runs_for_a_batch_and_may_put(database: Database):
    left = ["mark"]

    def hook() -> None:
        while left:
            database.put(ANN, add(left.pop()))

    database.before_batch(hook)  # type: ignore[attr-defined]  # both engines have it, the port not
    await database.put(ANN, add("item"))
    assert await names(database) == ["item", "mark"]


async def test_a_batch_can_be_asked_for(database: Database):
    called = asyncio.Event()
    database.before_batch(called.set)  # type: ignore[attr-defined]  # both engines have it
    database.request_batch()  # type: ignore[attr-defined]  # both engines have it
    await asyncio.wait_for(called.wait(), 5)
