"""One stanza after the other for each room.

Something that must ask the store first (a room is made, its history is read,
its configuration changes) holds back what comes to the same room meanwhile,
and nothing else.
"""

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from clarion.core.ports import Parcel
from clarion.lib.crew import Crew
from clarion.lib.errors import UnavailableError
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError

LANE_LIMIT: Final = 1_000
"""LIMIT: stanzas that wait for one room while it asks the store; more are refused."""

Slow = Coroutine[Any, Any, Future[Any] | None]
Work = Future[Any] | Slow | None
"""``None``: done. A future: done, and counts with it. A coroutine: what follows must wait."""


class Lanes:
    """Keeps the order of what comes to each room.

    Args:
        crew: Does what takes longer.
        handle: Handles a stanza for an address; raises to refuse it.
        refuse: Tells the sender of a stanza why it is refused.
        then: Asked after each stanza what is to be done before the next one.

    """

    def __init__(
        self,
        crew: Crew,
        handle: Callable[[str, Parcel], Work],
        refuse: Callable[[Parcel, BaseException], None],
        then: Callable[[str], Coroutine[Any, Any, None] | None],
    ) -> None:
        self._crew = crew
        self._handle = handle
        self._refuse = refuse
        self._then = then
        self._waiting: dict[str, deque[tuple[Parcel, Future[Any]]]] = {}

    def take(self, address: str, parcel: Parcel) -> Future[Any] | None:
        """Handle a stanza now, or behind those that wait; see ``Router.hand_over``."""
        waiting = self._waiting.get(address)
        if waiting is None:
            work = self._begin(address, parcel)
            if not asyncio.iscoroutine(work):
                self.look_after(address)
                return work
            done: Future[Any] = asyncio.get_running_loop().create_future()
            self._go(address, self._finish(parcel, work, done))
            return done
        if len(waiting) >= LANE_LIMIT:
            busy = StanzaError(StanzaCondition.RESOURCE_CONSTRAINT, "the room is busy")
            self._refuse(parcel, busy)
            return None
        later: Future[Any] = asyncio.get_running_loop().create_future()
        waiting.append((parcel, later))
        return later

    def look_after(self, address: str) -> None:
        """Do what is to be done before the next stanza; where some wait, it is done anyway."""
        if address not in self._waiting:
            more = self._then(address)
            if more is not None:
                self._go(address, more)

    def _begin(self, address: str, parcel: Parcel) -> Work:
        try:
            return self._handle(address, parcel)
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender is told
            self._refuse(parcel, error)
            return None

    def _go(self, address: str, work: Coroutine[Any, Any, None]) -> None:
        self._waiting[address] = deque()
        self._crew.errand(self._slowly(address, work), name=f"stanza to {address}")

    async def _slowly(self, address: str, work: Coroutine[Any, Any, None]) -> None:
        waiting = self._waiting[address]
        try:
            await work
            while True:
                more = self._then(address)
                if more is not None:
                    await more
                if not waiting:
                    break
                parcel, done = waiting.popleft()
                begun = self._begin(address, parcel)
                if asyncio.iscoroutine(begun):
                    await self._finish(parcel, begun, done)
                else:
                    _follow(begun, done)
        finally:
            del self._waiting[address]
            for _, left in waiting:
                left.cancel()

    async def _finish(self, parcel: Parcel, work: Slow, done: Future[Any]) -> None:
        """Wait until a stanza is handled, then resolve what its sender waits for."""
        try:
            kept = await work
        except UnavailableError as error:
            # The sender's stream tells, and does not count what was lost.
            _fail(done, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender is told
            self._refuse(parcel, error)
            _follow(None, done)
        else:
            _follow(kept, done)


def _follow(kept: Future[Any] | None, done: Future[Any]) -> None:
    """Let ``done`` end as ``kept`` does."""
    if done.done():
        return
    if kept is None:
        done.set_result(None)
    elif not kept.done():
        kept.add_done_callback(lambda ended: _follow(ended, done))
    elif kept.cancelled():
        done.cancel()
    elif (error := kept.exception()) is not None:
        _fail(done, error)
    else:
        done.set_result(None)


def _fail(done: Future[Any], error: BaseException) -> None:
    done.set_exception(error)
    done.exception()  # nobody need await it
