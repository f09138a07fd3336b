"""The thread's side of the writer: many writes in one SQLite transaction.

Each step of a statement lets go of Python's global lock, and a busy event
loop gives it back late: ``executemany`` over a batch of 20 was seen to take
4 s beside a loop that was never idle. So writes that may be merged become
``INSERT ... VALUES`` with many rows, which take one step (decision 0003).
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

WIDTHS: Final = (64, 16, 4, 1)
"""Rows per merged INSERT: few different texts, so each is prepared once."""

_REFUSED: Final = (sqlite3.Error, OverflowError, TypeError, ValueError)
# What a statement can raise; the last three are parameters that SQLite cannot hold.

_INSERT: Final = re.compile(
    r"(?P<head>\s*INSERT INTO [^?]+ VALUES\s*)(?P<row>\([?,\s]+\))"
    r"(?P<tail>\s*|\s+ON CONFLICT[^?]+)",
    re.IGNORECASE | re.DOTALL,
)


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
        self._wide: dict[str, tuple[str, ...] | None] = {}

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
                    self._many(sql, [op.parameters[place] for op in ops[start:end]])
                    self._crash.reach(MID_BATCH)
                outcomes += [[] for _ in range(end - start)]
            start = end
        return outcomes

    def _one(self, op: WriteOp) -> list[Row]:
        rows: list[Row] = []
        for sql, parameters in zip(op.shape.statements, op.parameters, strict=True):
            cursor = self._connection.execute(sql, parameters)
            if cursor.description is not None:
                rows = cursor.fetchall()
            self._crash.reach(MID_BATCH)
        return rows

    def _many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        if sql not in self._wide:
            self._wide[sql] = widen(sql)
        texts = self._wide[sql]
        if texts is None:
            self._connection.executemany(sql, rows)
            return
        start = 0
        for width, text in zip(WIDTHS, texts, strict=True):
            while len(rows) - start >= width:
                flat = tuple(chain.from_iterable(rows[start : start + width]))
                self._connection.execute(text, flat)
                start += width

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


def widen(sql: str) -> tuple[str, ...] | None:
    """Return ``sql`` with as many rows as each of ``WIDTHS``.

    Returns:
        ``None`` when it is no plain ``INSERT ... VALUES (?, ...)``, with or
        without an ``ON CONFLICT`` that has no parameters of its own.

    """
    match = _INSERT.fullmatch(sql)
    if match is None:
        return None
    head, row, tail = match["head"], match["row"], match["tail"]
    return tuple(head + ", ".join([row] * width) + tail for width in WIDTHS)


def all_failed(ops: Sequence[WriteOp], text: str) -> list[Outcome]:
    """Return the outcomes of a batch of which nothing was kept."""
    return [UnavailableError(text) for _ in ops]
