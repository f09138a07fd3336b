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
from clarion.lib.log import get_logger
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError

log = get_logger("xmpp")

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
        """Handle a stanza now, or behind those that wait; see ``Router.hand_over``.

        What is sent may end a session, and so send something back before this
        returns: that waits too.
        """
        waiting = self._waiting.get(address)
        if waiting is None:
            self._waiting[address] = deque()
            work = self._begin(address, parcel)
            if not asyncio.iscoroutine(work):
                self._go_on(address)
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

    def meanwhile(self, address: str, act: Callable[[], None]) -> None:
        """Do something at once; what that sends back waits until it is done."""
        if address in self._waiting:
            act()  # something slow is under way, and this may well be a part of it
            return
        self._waiting[address] = deque()
        try:
            act()
        finally:
            self._go_on(address)

    def _go_on(self, address: str) -> None:
        """Do what waits, at once for as long as nothing is slow."""
        waiting = self._waiting[address]
        while True:
            more = self._then(address)
            if more is not None:
                self._go(address, more)
                return
            if not waiting:
                del self._waiting[address]
                return
            parcel, done = waiting.popleft()
            begun = self._begin(address, parcel)
            if asyncio.iscoroutine(begun):
                self._go(address, self._finish(parcel, begun, done))
                return
            _follow(begun, done)

    def _begin(self, address: str, parcel: Parcel) -> Work:
        try:
            return self._handle(address, parcel)
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender is told
            self._refuse(parcel, error)
            return None

    def _go(self, address: str, work: Coroutine[Any, Any, None]) -> None:
        self._crew.errand(self._slowly(address, work), name=f"stanza to {address}")

    async def _slowly(self, address: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            for _, left in self._waiting.pop(address):
                left.cancel()
            raise
        except Exception:
            log.exception("a room met a fault of the server", room=address)
        self._go_on(address)

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
