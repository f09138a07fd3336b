"""Group commit: writes gather on the event loop, one thread commits them.

The first write after a quiet time goes at once; under load a batch goes
every ``COMMIT_INTERVAL``, so that many writes share one hop to the thread,
one transaction and one fsync (docs/decisions/0003-one-writer-thread.md).
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final

from clarion.core.ports import EntityId, Row, WriteOp
from clarion.lib.clock import Alarm, Clock
from clarion.lib.errors import ClarionError, UnavailableError
from clarion.lib.log import get_logger
from clarion.store.transactions import Outcome, all_failed

COMMIT_INTERVAL: Final = 0.02
"""Seconds from the start of one batch to the start of the next, at least."""

BATCH_LIMIT: Final = 1_000
"""LIMIT: writes in a batch, those of ``before_batch`` aside: some 30 ms to commit."""

QUEUE_LIMIT: Final = 20_000
"""LIMIT: writes that wait or are being committed."""

QUEUE_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""LIMIT: text and bytes of the writes that wait or are being committed."""

CLOSE_LIMIT: Final = 4.0
"""Seconds that closing may take; the server has 5 to drain."""

_Waiting = tuple[asyncio.Future[list[Row]], WriteOp, int]

log = get_logger("store")


class GroupWriter:
    """Implements ``core.ports.Writer``; everything but ``_work`` runs on the loop.

    Args:
        commit: Runs a batch in the writer's thread; never raises.
        interrupt: Makes a ``commit`` that takes too long give up.
        clock: For ``COMMIT_INTERVAL``.
        queue_limit: How many writes may wait or be under way.
        queue_limit_bytes: How large they may be in all.

    """

    def __init__(
        self,
        commit: Callable[[Sequence[WriteOp]], list[Outcome]],
        interrupt: Callable[[], None],
        clock: Clock,
        *,
        queue_limit: int = QUEUE_LIMIT,
        queue_limit_bytes: int = QUEUE_LIMIT_BYTES,
    ) -> None:
        self._commit = commit
        self._interrupt = interrupt
        self._clock = clock
        self._queue_limit = queue_limit
        self._queue_limit_bytes = queue_limit_bytes
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._ops = 0
        self._bytes = 0
        self._hooks: list[Callable[[], None]] = []
        self._arranged = False  # a batch is being committed, or its start is fixed
        self._alarm: Alarm | asyncio.Handle | None = None
        self._running = False
        self._wanted = False  # a batch was asked for, whatever waits
        self._cut = False  # the limit cut the batch short: its rest goes next, at once
        self._last_start = clock.monotonic() - COMMIT_INTERVAL
        self._closing = False
        self._failing = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._inbox: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
        """See ``Writer``. The queue's limit makes a future that has failed already."""
        future: asyncio.Future[list[Row]] = self._loop.create_future()
        size_bytes = _size_bytes(op)
        if self._closing:
            return _failed(future, UnavailableError("the store is closed"))
        if self._ops >= self._queue_limit or self._bytes + size_bytes > self._queue_limit_bytes:
            return _failed(future, UnavailableError("too many writes wait; try again later"))
        self._waiting.append((future, op, size_bytes))
        self._ops += 1
        self._bytes += size_bytes
        if not self._arranged:
            self._arrange()
        return future

    def before_batch(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` on the loop whenever a batch is formed, from now on.

        What it puts goes into this same batch, behind what waits already. It
        is not called for a batch that ``BATCH_LIMIT`` cuts short, but for the
        one that takes the rest.
        """
        self._hooks.append(hook)

    def request_batch(self) -> None:
        """Form a batch as soon as the interval allows, even if only hooks fill it."""
        self._wanted = True
        if not self._arranged and not self._closing:
            self._arrange()

    async def close(self, limit: float = CLOSE_LIMIT) -> None:
        """Commit what waits, then end the thread; later writes are refused.

        Args:
            limit: Seconds, of the real clock; what is not committed by then
                fails with ``UnavailableError``.

        """
        if not self._closing:
            self._call_hooks()
            self._closing = True
            if self._waiting and not self._running:
                self._hand_over()
        try:
            async with asyncio.timeout(limit):
                await self._empty.wait()
        except TimeoutError:
            log.warning("store did not drain", waiting=self._ops)
            self._drop_waiting()
            self._interrupt()
        finally:
            self._inbox.put(None)
        await asyncio.to_thread(self._thread.join, 1.0)

    def _arrange(self) -> None:
        self._arranged = True
        delay = self._last_start + COMMIT_INTERVAL - self._clock.monotonic()
        if delay > 0:
            self._alarm = self._clock.call_later(delay, self._hand_over)
        else:
            # Not this instant: what else arrives in this turn of the loop shares it.
            self._alarm = self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._arranged = True
        size = BATCH_LIMIT
        if len(self._waiting) <= BATCH_LIMIT:
            self._wanted = False
            self._call_hooks()
            size = len(self._waiting)
        batch = self._waiting[:size]
        self._waiting = self._waiting[size:]
        if not batch:
            self._arranged = False
            return
        self._cut = bool(self._waiting)
        self._last_start = self._clock.monotonic()
        self._running = True
        self._empty.clear()
        self._inbox.put(batch)

    def _call_hooks(self) -> None:
        for hook in self._hooks if not self._closing else ():
            try:
                hook()
            except Exception:
                log.exception("a hook of the writer failed")

    def _finished(self, batch: list[_Waiting], outcomes: list[Outcome]) -> None:
        failure: UnavailableError | None = None
        self._ops -= len(batch)
        for (future, _, size_bytes), outcome in zip(batch, outcomes, strict=True):
            self._bytes -= size_bytes
            if type(outcome) is list:
                if not future.done():
                    future.set_result(outcome)
            elif isinstance(outcome, ClarionError):
                _failed(future, outcome)
                if isinstance(outcome, UnavailableError):
                    failure = outcome
        self._tell(failure)
        self._running = False
        self._arranged = False
        if not self._waiting:
            self._empty.set()
        if self._waiting and (self._closing or self._cut):
            self._hand_over()
        elif self._waiting or (self._wanted and not self._closing):
            self._arrange()

    def _tell(self, failure: UnavailableError | None) -> None:
        # Once per trouble, not once per write: the log must not fill the disk too.
        if failure is not None and not self._failing:
            log.error("the store fails", reason=str(failure))
        elif failure is None and self._failing:
            log.warning("the store works again")
        self._failing = failure is not None

    def _drop_waiting(self) -> None:
        for future, _, size_bytes in self._waiting:
            self._ops -= 1
            self._bytes -= size_bytes
            _failed(future, UnavailableError("the store is closed"))
        self._waiting = []

    def _work(self) -> None:
        while (batch := self._inbox.get()) is not None:
            ops = [op for _, op, _ in batch]
            try:
                outcomes = self._commit(ops)
            except Exception:  # whatever it is, the thread must live and the callers must know
                log.exception("the writer failed")
                outcomes = all_failed(ops, "the store failed; see the server's log")
            try:
                self._loop.call_soon_threadsafe(self._finished, batch, outcomes)
            except RuntimeError:  # the loop is gone, and with it everyone who waits
                return


def _failed(future: asyncio.Future[list[Row]], error: ClarionError) -> asyncio.Future[list[Row]]:
    if not future.done():
        future.set_exception(error)
        future.exception()  # marks it as seen: nobody need await it
    return future


def _size_bytes(op: WriteOp) -> int:
    # Characters stand for bytes: this bounds memory, it does not bill for it. A plain loop:
    # a generator costs three times as much, and this runs for every message.
    size = 0
    for row in op.parameters:
        for value in row:
            if type(value) is bytes or type(value) is str:
                size += len(value)
    return size
