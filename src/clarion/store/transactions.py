"""The thread's side of the writer: many writes in one SQLite transaction.

Writes that may be merged run statement by statement, plain inserts many rows
at a time: each step of SQLite gives Python's global lock away, and beside a
loop that never idles the way back takes its time (decision 0003).
"""

import re
import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Final

from clarion.core.ports import Row, Value, WriteOp
from clarion.lib.crashpoint import AFTER_COMMIT, BEFORE_COMMIT, MID_BATCH, CrashPoints
from clarion.lib.errors import ClarionError, UnavailableError, UsageError
from clarion.store.refusals import refusal

Outcome = list[Row] | ClarionError
"""What became of one write."""

_REFUSED: Final = (sqlite3.Error, OverflowError, TypeError, ValueError)
# What a statement can raise; the last three are parameters that SQLite cannot hold.

LOTS: Final = (64, 16, 4)
"""Rows of one ``INSERT``. Few sizes, so that each is prepared once and stays so."""

_PLAIN_INSERT: Final = re.compile(r"INSERT( INTO \w+ \([\w, ]+\) VALUES )(\([?, ]+\))")


def _explain(error: Exception) -> ClarionError:
    if isinstance(error, sqlite3.Error):
        return refusal(error)
    return UsageError(f"the store cannot hold this: {error}")


class Transactions:
    """Commits batches on one connection; belongs to the writer's thread.

    Args:
        connection: In autocommit mode (``isolation_level=None``).
        crash_points: ``mid-batch`` is reached when something of a batch has
            been written but not all, ``before-commit`` and ``after-commit``
            on either side of the COMMIT.

    """

    def __init__(self, connection: sqlite3.Connection, crash_points: CrashPoints) -> None:
        self._connection = connection
        self._crash = crash_points
        self._lots: dict[str, tuple[tuple[int, str], ...]] = {}

    def commit(self, ops: Sequence[WriteOp]) -> list[Outcome]:
        """Run ``ops`` in one transaction; each is all or nothing.

        When one fails, the transaction is taken back and run again with a
        savepoint around each write, so that the error is that of the writes
        concerned and the others are kept. Never raises.

        Returns:
            One outcome per write, in their order.

        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return [refusal(error) for _ in ops]
        try:
            outcomes = self._together(ops)
        except _REFUSED as error:
            self._roll_back()
            return [_explain(error)] if len(ops) == 1 else self._apart(ops)
        return self._end(outcomes)

    def _together(self, ops: Sequence[WriteOp]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        start = 0
        while start < len(ops):
            shape = ops[start].shape
            end = start + 1
            if shape.mergeable:
                while end < len(ops) and ops[end].shape is shape:
                    end += 1
            if end - start == 1:
                outcomes.append(self._one(ops[start]))
            else:
                for place, sql in enumerate(shape.statements):
                    rows = [op.parameters[place] for op in ops[start:end]]
                    self._many(sql, rows)
                    self._crash.reach(MID_BATCH)
                outcomes += [[] for _ in range(end - start)]
            start = end
        return outcomes

    def _many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        lots = self._lots.get(sql)
        if lots is None:
            lots = self._lots[sql] = _in_lots(sql)
        at = 0
        for size, many in lots:
            while len(rows) - at >= size:
                values = chain.from_iterable(rows[at : at + size])
                self._connection.execute(many, tuple(values))
                at += size
        if at < len(rows):
            self._connection.executemany(sql, rows[at:])

    def _one(self, op: WriteOp) -> list[Row]:
        rows: list[Row] = []
        for sql, parameters in zip(op.shape.statements, op.parameters, strict=True):
            cursor = self._connection.execute(sql, parameters)
            if cursor.description is not None:
                rows = cursor.fetchall()
            self._crash.reach(MID_BATCH)
        return rows

    def _apart(self, ops: Sequence[WriteOp]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for op in ops:
                self._connection.execute("SAVEPOINT op")
                try:
                    outcomes.append(self._one(op))
                except _REFUSED as error:
                    if not self._connection.in_transaction:
                        # SQLite took it all back by itself, as it may when the
                        # disk is full (https://sqlite.org/lang_transaction.html).
                        return self._alone(ops)
                    self._connection.execute("ROLLBACK TO op")
                    outcomes.append(_explain(error))
                self._connection.execute("RELEASE op")
        except sqlite3.Error as error:
            self._roll_back()
            return [refusal(error) for _ in ops]
        return self._end(outcomes)

    def _alone(self, ops: Sequence[WriteOp]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for op in ops:
            outcomes += self.commit([op])
        return outcomes

    def _end(self, outcomes: list[Outcome]) -> list[Outcome]:
        self._crash.reach(BEFORE_COMMIT)
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            return [
                outcome if isinstance(outcome, ClarionError) else refusal(error)
                for outcome in outcomes
            ]
        self._crash.reach(AFTER_COMMIT)
        return outcomes

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _in_lots(sql: str) -> tuple[tuple[int, str], ...]:
    """Return an insert of one row as inserts of many rows, by their number.

    ``OR FAIL`` spares the journal that would take back one statement alone,
    and with it a copy of every page: whatever fails, ``commit`` takes back
    everything.
    """
    insert = _PLAIN_INSERT.fullmatch(sql)
    if insert is None:
        return ()
    into, row = insert.groups()
    return tuple((size, f"INSERT OR FAIL{into}{', '.join([row] * size)}") for size in LOTS)


def all_failed(ops: Sequence[WriteOp], text: str) -> list[Outcome]:
    """Return the outcomes of a batch of which nothing was kept."""
    return [UnavailableError(text) for _ in ops]
