"""The SQLite engine: one file, one writer thread, readers apart."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter

from clarion.core.ports import EntityId, Row, Value, WriteOp
from clarion.lib.clock import Clock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.histogram import Histogram
from clarion.store.meter import Meter
from clarion.store.opening import clear_log, connect_writer, lock, look, make_room
from clarion.store.readers import Readers
from clarion.store.restoring import swap_staged
from clarion.store.transactions import Transactions
from clarion.store.writer import QUEUE_LIMIT, GroupWriter


class SqliteDatabase:
    """Implements ``core.ports.Database``. Made by ``open_database``.

    Args:
        writer: Where writes go.
        readers: Where queries go.
        meter: Counts.
        path: The file.

    """

    def __init__(
        self,
        writer: GroupWriter,
        readers: Readers,
        meter: Meter,
        path: Path,
    ) -> None:
        self._path = path
        self._writer = writer
        self._readers = readers
        self.meter = meter

    def put(self, owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
        """See ``Writer``."""
        self.meter.put += 1
        future = self._writer.put(owner, op)
        if future.done():
            self.meter.refused += 1
        return future

    async def read(
        self, sql: str, parameters: Iterable[Value] = (), *, owner: int | None = None
    ) -> list[Row]:
        """See ``Database``."""
        self.meter.reading += 1
        try:
            return await self._readers.read(sql, parameters, owner=owner)
        finally:
            self.meter.reading -= 1

    def of(self, part: str) -> "PartOfDatabase":
        """Return the same database with reads counted as those of a part."""
        return PartOfDatabase(self, self.meter.reader(part))

    async def scrub(self) -> bool:
        """Empty the log beside the file, which holds older versions of what is in the file.

        Returns:
            Whether it is empty; ``False`` while somebody reads what is in it.

        Raises:
            UnavailableError: It cannot be written.

        """
        return await asyncio.to_thread(clear_log, self._path)

    def before_batch(self, hook: Callable[[], None]) -> None:
        """See ``GroupWriter.before_batch``."""
        self._writer.before_batch(hook)

    def request_batch(self) -> None:
        """See ``GroupWriter.request_batch``."""
        self._writer.request_batch()


class PartOfDatabase:
    """Implements ``core.ports.Database`` for one part: its queries are timed apart.

    Args:
        database: Does everything.
        seconds: Counts how long queries take.

    """

    def __init__(self, database: SqliteDatabase, seconds: Histogram) -> None:
        self._database = database
        self._seconds = seconds

    def put(self, owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
        """See ``Writer``."""
        return self._database.put(owner, op)

    async def read(
        self, sql: str, parameters: Iterable[Value] = (), *, owner: int | None = None
    ) -> list[Row]:
        """See ``Database``."""
        began = perf_counter()
        try:
            return await self._database.read(sql, parameters, owner=owner)
        finally:
            self._seconds.observe(perf_counter() - began)


@asynccontextmanager
async def open_database(
    path: Path,
    *,
    clock: Clock,
    crash_points: CrashPoints,
    queue_limit: int = QUEUE_LIMIT,
    max_pages: int | None = None,
    exclusive: bool = True,
) -> AsyncGenerator[SqliteDatabase, None]:
    """Open the database, made or migrated if need be; on the way out drain and close it.

    Args:
        path: ``DATA/clarion.db``; missing directories are made, mode 0700.
        clock: For the interval between commits.
        crash_points: Reached in the writer's thread.
        queue_limit: How many writes may wait.
        max_pages: A bound on the file, in pages of 4 KiB, for tests of a full disk.
        exclusive: Whether to hold the data directory against every other
            Clarion; only who never writes does without.

    Raises:
        UsageError: One line on why it cannot be opened; nothing was changed.

    """
    with _connection(path, max_pages, clock, exclusive=exclusive) as connection:
        transactions = Transactions(connection, crash_points)
        meter = Meter()
        writer = GroupWriter(
            meter.timed(transactions.commit), connection.interrupt, clock, queue_limit=queue_limit
        )
        readers = Readers(path, clock)
        try:
            yield SqliteDatabase(writer, readers, meter, path)
        finally:
            try:
                await writer.close()
            finally:
                readers.close()


@contextmanager
def _connection(
    path: Path, max_pages: int | None, clock: Clock, *, exclusive: bool
) -> Iterator[sqlite3.Connection]:
    look(path)
    existed = path.exists()
    make_room(path)
    with _locked(path.parent, exclusive=exclusive):
        if exclusive:
            swap_staged(path, clock.wall())
        if existed:
            look(path)  # whoever held the lock may have been a newer Clarion
        connection = connect_writer(path, max_pages)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def _locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    if exclusive:
        with lock(folder):
            yield
    else:
        yield
