"""The SQLite engine: one file, one writer thread, readers apart."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from clarion.core.ports import EntityId, Row, Value, WriteOp
from clarion.lib.clock import Clock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UnavailableError
from clarion.store.opening import connect_reader, connect_writer, lock, look, make_room
from clarion.store.refusals import refusal
from clarion.store.transactions import Transactions
from clarion.store.writer import QUEUE_LIMIT, GroupWriter

READERS: Final = 2
"""Reader threads: pages of the archive wait for each other, never for a write."""


class Readers:
    """Runs queries on threads of their own, each with its own connection.

    Args:
        path: The database's file.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    async def read(self, sql: str, parameters: Iterable[Value] = ()) -> list[Row]:
        """See ``Database``."""
        if self._closed:
            raise UnavailableError("the store is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._query, sql, tuple(parameters))

    def close(self) -> None:
        """Stop what runs and close the connections; later reads are refused."""
        self._closed = True
        for connection in self._connections:
            connection.interrupt()
        self._pool.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _query(self, sql: str, parameters: tuple[Value, ...]) -> list[Row]:
        if self._closed:
            raise UnavailableError("the store is closed")
        try:
            connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
            if connection is None:
                connection = self._mine.connection = connect_reader(self._path)
                self._connections.append(connection)
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise refusal(error) from error


class SqliteDatabase:
    """Implements ``core.ports.Database``. Made by ``open_database``.

    Args:
        writer: Where writes go.
        readers: Where queries go.

    """

    def __init__(self, writer: GroupWriter, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def put(self, owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
        """See ``Writer``."""
        return self._writer.put(owner, op)

    async def read(self, sql: str, parameters: Iterable[Value] = ()) -> list[Row]:
        """See ``Database``."""
        return await self._readers.read(sql, parameters)

    def before_batch(self, hook: Callable[[], None]) -> None:
        """See ``GroupWriter.before_batch``."""
        self._writer.before_batch(hook)

    def request_batch(self) -> None:
        """See ``GroupWriter.request_batch``."""
        self._writer.request_batch()


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
    with _connection(path, max_pages, exclusive=exclusive) as connection:
        transactions = Transactions(connection, crash_points)
        writer = GroupWriter(
            transactions.commit, connection.interrupt, clock, queue_limit=queue_limit
        )
        readers = Readers(path)
        try:
            yield SqliteDatabase(writer, readers)
        finally:
            try:
                await writer.close()
            finally:
                readers.close()


@contextmanager
def _connection(
    path: Path, max_pages: int | None, *, exclusive: bool
) -> Iterator[sqlite3.Connection]:
    look(path)
    existed = path.exists()
    make_room(path)
    with _locked(path.parent, exclusive=exclusive):
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
