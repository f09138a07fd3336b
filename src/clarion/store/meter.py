"""What the store counts of itself: writes, commits, queues and reads."""

from collections.abc import Callable, Sequence
from time import perf_counter

from clarion.core.ports import WriteOp
from clarion.lib.histogram import COUNTS, SECONDS, Histogram
from clarion.store.transactions import Outcome


class Meter:
    """Plain numbers; each is changed by one thread only.

    Attributes:
        put: Writes that were asked for. The loop's, like the next two.
        refused: Those refused at once: the queue was full, or the store closed.
        reading: Queries that wait for a reader or run.
        committed: Writes whose commit has ended, whatever came of them. The writer's thread's.
        commits: Seconds of a transaction with its fsync. The writer's thread's.
        batches: Writes in one transaction. The writer's thread's.
        reads: Seconds of a query, waiting for a reader among them, by part. The loop's.

    """

    def __init__(self) -> None:
        self.put = 0
        self.refused = 0
        self.reading = 0
        self.committed = 0
        self.reads: dict[str, Histogram] = {}
        self.commits = Histogram(SECONDS)
        self.batches = Histogram(COUNTS)

    def timed(
        self, commit: Callable[[Sequence[WriteOp]], list[Outcome]]
    ) -> Callable[[Sequence[WriteOp]], list[Outcome]]:
        """Return ``commit`` with a stop-watch; both run in the writer's thread."""

        def measured(ops: Sequence[WriteOp]) -> list[Outcome]:
            began = perf_counter()
            try:
                return commit(ops)
            finally:
                self.commits.observe(perf_counter() - began)
                self.batches.observe(len(ops))
                self.committed += len(ops)

        return measured

    def reader(self, part: str) -> Histogram:
        """Return where the seconds of a part's queries are counted."""
        return self.reads.setdefault(part, Histogram(SECONDS))
