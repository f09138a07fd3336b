"""The threads that read, apart from the one that writes."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from typing import Final

from clarion.core.ports import Row, Value
from clarion.lib.clock import Clock
from clarion.lib.errors import UnavailableError
from clarion.store.opening import connect_reader
from clarion.store.refusals import refusal
from clarion.store.turns import Turns

READERS: Final = 3
"""Reader threads: pages of the archive wait for each other, never for a write."""
SEARCHERS: Final = READERS - 1
"""LIMIT: of them run what persons ask for; the last is always free for what log-in needs."""
SEARCH_SECONDS: Final = 2.0
"""LIMIT: seconds that a query for a person may run. Counting a million items takes 0.1, so
who meets it asked for a search through millions."""
STEPS_BETWEEN_LOOKS: Final = 50_000
"""Instructions of SQLite's machine, some milliseconds, between two looks at the clock: a page
takes fewer."""


class Readers:
    """Runs queries on threads of their own, each with its own connection.

    Args:
        path: The database's file.
        clock: Measures ``SEARCH_SECONDS``; asked in the readers' threads.

    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._mine = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False
        self._turns = Turns(SEARCHERS)
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    async def read(
        self, sql: str, parameters: Iterable[Value] = (), *, owner: int | None = None
    ) -> list[Row]:
        """See ``Database``."""
        if self._closed:
            raise UnavailableError("the store is closed")
        loop = asyncio.get_running_loop()
        if owner is None:
            return await loop.run_in_executor(self._pool, self._query, sql, tuple(parameters), inf)
        await self._turns.begin(owner)
        try:
            running = loop.run_in_executor(
                self._pool, self._query, sql, tuple(parameters), SEARCH_SECONDS
            )
        except RuntimeError:  # closed while it waited
            self._turns.end(owner)
            raise UnavailableError("the store is closed") from None
        running.add_done_callback(lambda done: self._ended(owner, done))
        # Shielded: whoever stops waiting does not stop the thread, and it is still their turn.
        return await asyncio.shield(running)

    def close(self) -> None:
        """Stop what runs and close the connections; later reads are refused."""
        self._closed = True
        self._turns.stop()
        for connection in self._connections:
            connection.interrupt()
        self._pool.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _ended(self, owner: int, done: "asyncio.Future[list[Row]]") -> None:
        if not done.cancelled():
            done.exception()  # nobody need wait for it any more
        self._turns.end(owner)

    def _query(self, sql: str, parameters: tuple[Value, ...], seconds: float) -> list[Row]:
        if self._closed:
            raise UnavailableError("the store is closed")
        mine = self._mine
        mine.late = False
        mine.deadline = inf if seconds == inf else self._clock.monotonic() + seconds
        try:
            connection: sqlite3.Connection | None = getattr(mine, "connection", None)
            if connection is None:
                connection = mine.connection = connect_reader(self._path)
                connection.set_progress_handler(self._look, STEPS_BETWEEN_LOOKS)
                self._connections.append(connection)
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if mine.late:
                raise UnavailableError(
                    f"the search took more than {SEARCH_SECONDS:g} seconds; "
                    "ask for a shorter span of time"
                ) from error
            raise refusal(error) from error

    def _look(self) -> int:
        """Stop the query of this thread when its time is over; SQLite calls it."""
        mine = self._mine
        mine.late = mine.deadline != inf and self._clock.monotonic() > mine.deadline
        return int(mine.late)
