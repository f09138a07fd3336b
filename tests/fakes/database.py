"""A database in memory that answers at once, for tests without threads."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable

from clarion.core.ports import EntityId, Row, Value, WriteOp
from clarion.lib.errors import ClarionError, UsageError
from clarion.store.audit import teach
from clarion.store.migrations.migrate import migrate
from clarion.store.refusals import refusal


class InMemoryDatabase:
    """Implements ``clarion.core.ports.Database`` on SQLite's ``:memory:``.

    ``put`` commits before it returns, and its future is already resolved.

    Attributes:
        writes: What was put and kept, in order.

    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA foreign_keys = ON")
        teach(self._connection)
        migrate(self._connection, ":memory:")
        self._failures: list[ClarionError] = []
        self._read_failures: list[ClarionError] = []
        self._hooks: list[Callable[[], None]] = []
        self._in_hooks = False
        self.writes: list[tuple[EntityId, WriteOp]] = []

    def fail_next(self, error: ClarionError, times: int = 1) -> None:
        """Let the next ``times`` writes fail with ``error``; nothing of them is kept."""
        self._failures += [error] * times

    def fail_next_read(self, error: ClarionError) -> None:
        """Let the next read fail with ``error``."""
        self._read_failures.append(error)

    def put(self, owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
        future: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(self._write(op))
            self.writes.append((owner, op))
        except ClarionError as error:
            future.set_exception(error)
            future.exception()  # nobody need await it
        self.request_batch()
        return future

    def before_batch(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` after each write, and when a batch is asked for."""
        self._hooks.append(hook)

    def request_batch(self) -> None:
        """Call the hooks at once."""
        if not self._in_hooks:
            self._in_hooks = True
            try:
                for hook in self._hooks:
                    hook()
            finally:
                self._in_hooks = False

    async def read(
        self, sql: str, parameters: Iterable[Value] = (), *, owner: int | None = None
    ) -> list[Row]:
        if self._read_failures:
            raise self._read_failures.pop(0)
        try:
            return self._connection.execute(sql, tuple(parameters)).fetchall()
        except sqlite3.Error as error:
            raise refusal(error) from error

    def close(self) -> None:
        """Free the memory."""
        self._connection.close()

    def __del__(self) -> None:
        self._connection.close()  # a test may just let go of it

    def _write(self, op: WriteOp) -> list[Row]:
        if self._failures:
            raise self._failures.pop(0)
        assert len(op.parameters) == len(op.shape.statements), "one tuple per statement"
        rows: list[Row] = []
        self._connection.execute("BEGIN")
        try:
            for sql, parameters in zip(op.shape.statements, op.parameters, strict=True):
                cursor = self._connection.execute(sql, parameters)
                if cursor.description is not None:
                    rows = cursor.fetchall()
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise refusal(error) from error
            raise UsageError(f"the store cannot hold this: {error}") from error
        return rows
