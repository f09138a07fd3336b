"""What destroyed rooms have left goes: a little at a time, and on from there after a crash."""

import asyncio
from typing import Final

from clarion.core.bus import Bus
from clarion.core.events import RoomDestroyed
from clarion.core.rooms import RoomStore
from clarion.lib.clock import Clock
from clarion.lib.crew import Crew
from clarion.lib.log import get_logger

PAUSE: Final = 0.02
"""Seconds between two steps, so that the writer has time for rooms that are used."""

log = get_logger("rooms")


class Ruins:
    """Clears what destroyed rooms have left, one room at a time.

    Args:
        store: Where everything is.
        clock: For the pauses.
        bus: Tells of rooms that are no more.
        hands: Clears beside everything else.

    """

    def __init__(self, store: RoomStore, clock: Clock, bus: Bus, hands: Crew) -> None:
        self._store = store
        self._clock = clock
        self._hands = hands
        self._clearing = False
        bus.subscribe(RoomDestroyed, lambda event: self.begin())

    def begin(self) -> None:
        """Clear all that is there, beside everything else; what cannot go now waits.

        Until the next room is destroyed, or the next start.
        """
        if not self._clearing:
            self._clearing = True
            self._hands.errand(self._clear(), name="ruins of rooms")

    async def _clear(self) -> None:
        try:
            while ruins := await self._store.ruins():
                for room in ruins:
                    gone = 0
                    while count := await self._store.clear(room):
                        gone += count
                        await self._wait(PAUSE)
                    log.info("a destroyed room was cleared", room=room, rows=gone)
        finally:
            self._clearing = False

    async def _wait(self, seconds: float) -> None:
        over = asyncio.Event()
        self._clock.call_later(seconds, over.set)
        await over.wait()
