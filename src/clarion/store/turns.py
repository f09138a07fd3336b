"""Whose query runs next: one at a time for each person, and all persons by turns."""

import asyncio
from collections import OrderedDict, deque
from typing import Final

from clarion.lib.errors import UnavailableError

WAITING_LIMIT: Final = 32
"""LIMIT: queries of one person that wait; a session asks one at a time, so only somebody
with dozens of sessions meets it."""


class Turns:
    """Lets so many queries run at once, and of each person one. For one thread (the loop).

    Who waits longest since their last turn goes first, however many queries
    anybody has waiting.

    Args:
        most: Queries that run at once.

    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._running: set[int] = set()
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    async def begin(self, owner: int) -> None:
        """Return when it is this owner's turn; ``end`` must follow.

        Raises:
            UnavailableError: ``WAITING_LIMIT`` queries of this owner wait, or
                ``stop`` was called.

        """
        if self._free and owner not in self._running and owner not in self._waiting:
            # Whoever waits while a thread is free waits for a query of their own.
            self._free -= 1
            self._running.add(owner)
            return
        queue = self._waiting.setdefault(owner, deque())
        if len(queue) >= WAITING_LIMIT:
            raise UnavailableError(f"{WAITING_LIMIT} of your searches wait already; try later")
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.end(owner)  # the turn came as nobody wanted it any more
            raise

    def end(self, owner: int) -> None:
        """Give the turn back; the next one begins."""
        self._running.discard(owner)
        self._free += 1
        for waiting in list(self._waiting):
            if not self._free:
                return
            if waiting not in self._running:
                self._start(waiting)

    def stop(self) -> None:
        """Refuse all that wait."""
        for queue in self._waiting.values():
            for turn in queue:
                if not turn.done():
                    turn.set_exception(UnavailableError("the store is closed"))
        self._waiting.clear()

    def _start(self, owner: int) -> None:
        queue = self._waiting[owner]
        turn = queue.popleft()
        while turn.done() and queue:  # cancelled while it waited
            turn = queue.popleft()
        if queue:
            self._waiting.move_to_end(owner)
        else:
            del self._waiting[owner]
        if not turn.done():
            self._free -= 1
            self._running.add(owner)
            turn.set_result(None)
