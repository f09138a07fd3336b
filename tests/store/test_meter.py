import pytest

from clarion.core.ports import EntityId, Shape, WriteOp
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UsageError
from clarion.store.figures import store_figures
from clarion.store.sqlite import open_database
from fakes.clock import FakeClock

ADD = WriteOp(Shape(("INSERT INTO secret (name, value) VALUES (?, ?)",)), (("a", b"b"),))


def values(meter):
    return {
        (sample.name, sample.labels.get("part"), sample.labels.get("le")): sample.value
        for family in store_figures(meter)
        for sample in family.samples
    }


async def test_writes_commits_and_reads_are_counted(tmp_path):
    async with open_database(
        tmp_path / "d.db", clock=FakeClock(), crash_points=CrashPoints(), queue_limit=2
    ) as store:
        part = store.of("archive")
        first = part.put(EntityId("x"), ADD)
        second = part.put(EntityId("x"), ADD)
        refused = part.put(EntityId("x"), ADD)
        assert values(store.meter)["clarion_store_writer_queue", None, None] == 2
        await first
        with pytest.raises(UsageError):  # it is there already; the commit ended all the same
            await second
        assert refused.done()
        assert await part.read("SELECT count(*) FROM secret") == [(1,)]
        seen = values(store.meter)
    assert seen["clarion_store_writer_queue", None, None] == 0
    assert seen["clarion_store_reader_queue", None, None] == 0
    assert seen["clarion_store_writes_total", None, None] == 2
    assert seen["clarion_store_writes_refused_total", None, None] == 1
    assert seen["clarion_store_batch_writes_sum", None, None] == 2
    assert seen["clarion_store_commit_seconds_count", None, None] == 1
    assert seen["clarion_store_read_seconds_count", "archive", None] == 1
