"""Keeps the audit log: who did what, in the transaction that did it where that can be.

An act is announced with ``act``; the first write of the directory or the
credentials that it leads to takes the entry along, so there is never the one
without the other. An act that writes nothing there gets its entry when it is
done. ``note`` is for what was done already: commands over XMPP, a signal.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from clarion.core.audit import HEAD, SERVER, AuditStore, Entry, Head, entry
from clarion.core.bus import Bus
from clarion.core.events import AdministrationDone, LogInSlowed
from clarion.lib.clock import Alarm, Clock
from clarion.lib.crew import crew
from clarion.lib.errors import ClarionError, UnavailableError
from clarion.lib.log import get_logger

EXPORT_PAUSE: Final = 5.0
"""Seconds between two heads in the log."""
SLOWED_PAUSE: Final = 60.0
"""Seconds over which failed log-ins become one entry."""
SLOWED_LIMIT: Final = 20
"""LIMIT: persons and networks that such an entry names."""
RETRY_AFTER: Final = 1.0
"""Seconds until an entry that the store refused is put again."""
WAITING_LIMIT: Final = 1_000
"""LIMIT: entries that wait for a store that does not take them; the log has the rest."""

log = get_logger("audit")


class Act:
    """Something that is being done. Made by ``Auditor.act``.

    Attributes:
        entry: What is to be kept of it.
        kept: Whether a write has it, or has taken it along.

    """

    __slots__ = ("entry", "kept")

    def __init__(self, what: Entry) -> None:
        self.entry = what
        self.kept = False


class Auditor:
    """Writes entries and exports heads.

    Args:
        store: Keeps them.
        clock: Tells the time of entries, and rings.
        bus: Hears what is done elsewhere.

    """

    def __init__(
        self,
        store: AuditStore,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._store = store
        self._clock = clock
        self._person: Callable[[str], object | None] = lambda address: None
        self._acts: ContextVar[Act | None] = ContextVar("act", default=None)
        self._waiting: deque[Entry] = deque()
        self._under_way: set[asyncio.Future[Any]] = set()
        self._alarm: Alarm | None = None
        self._slowed: Counter[str] = Counter()
        self._networks: dict[str, None] = {}
        self._slowed_alarm: Alarm | None = None
        self._news = asyncio.Event()
        self._exported: Head | None = None
        bus.subscribe(AdministrationDone, self._done)
        bus.subscribe(LogInSlowed, self._slow)

    def know(self, person: Callable[[str], object | None]) -> None:
        """Let failed log-ins be told with the address, where that is somebody's.

        What strangers type is not written down.
        """
        self._person = person

    @contextmanager
    def act(self, actor: str, verb: str, target: str, details: Mapping[str, Any]) -> Iterator[Act]:
        """Announce what is about to be done in this task and those that it spawns.

        Who ends it well calls ``finish``.
        """
        act = Act(entry(self._clock.wall(), actor, verb, target, details))
        token = self._acts.set(act)
        try:
            yield act
        finally:
            self._acts.reset(token)

    async def finish(self, act: Act, details: Mapping[str, Any] | None = None) -> None:
        """Keep the entry of an act that is done, unless a write took it along.

        Args:
            act: From ``act``.
            details: In the place of those announced, where they are known only now.

        Raises:
            UnavailableError: The store cannot keep it; what was done is done.

        """
        if act.kept:
            return
        act.kept = True
        if details is not None:
            was = act.entry
            act.entry = entry(was.at, was.actor, was.verb, was.target, details)
        await self.append(act.entry)

    async def append(self, what: Entry) -> None:
        """Keep an entry now.

        Raises:
            UnavailableError: The store cannot keep it.

        """
        await self._store.append(what)
        self._news.set()

    async def record(
        self, actor: str, verb: str, target: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        """Keep an entry of what is being done, as of now; see ``append``."""
        await self.append(entry(self._clock.wall(), actor, verb, target, details or {}))

    def take(self) -> Act | None:
        """Hand out, once, the act that this task is about; for the write that takes it along."""
        act = self._acts.get()
        if act is None or act.kept:
            return None
        act.kept = True
        return act

    def taken(self, act: Act, done: asyncio.Future[Any]) -> None:
        """Say how the write ended that took an act along."""
        if done.cancelled() or done.exception() is not None:
            act.kept = False  # nothing of it was kept; another write may come
        else:
            self._news.set()

    def note(
        self, actor: str, verb: str, target: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        """Keep an entry of what has been done; it is tried until the store takes it."""
        self._put(entry(self._clock.wall(), actor, verb, target, details or {}))

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``: heads go to the log at the start, at changes, and in the end."""
        await self.export()
        async with crew() as hands:
            hands.spawn(self._export_changes(), name="audit heads")
            yield
            self._tell_slowed()
            if self._under_way:
                await asyncio.wait(self._under_way)
        try:
            await self.export()
        except ClarionError as error:
            log.warning("the head of the audit log cannot be read", why=str(error))

    async def export(self) -> None:
        """Write the head to the log, unless that is what it says already.

        Raises:
            UnavailableError: The store cannot answer.

        """
        head = await self._store.head()
        if head != self._exported:
            log.info(HEAD, head=str(head))
            self._exported = head

    async def _export_changes(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.export()
            except ClarionError as error:
                log.warning("the head of the audit log cannot be read", why=str(error))
            over = asyncio.Event()
            self._clock.call_later(EXPORT_PAUSE, over.set)
            await over.wait()

    def _done(self, event: AdministrationDone) -> None:
        self.note(event.actor, event.verb, event.target)

    # What the store refused.

    def _put(self, what: Entry) -> None:
        if self._waiting:  # in order
            self._wait(what)
            return
        future = self._store.append(what)
        self._under_way.add(future)
        future.add_done_callback(partial(self._ended, what))

    def _ended(self, what: Entry, done: asyncio.Future[Any]) -> None:
        self._under_way.discard(done)
        error = None if done.cancelled() else done.exception()
        if error is None:
            self._news.set()
        elif isinstance(error, UnavailableError):
            self._wait(what)
        else:
            log.error("not in the audit log", entry=what.canonical, why=str(error))

    def _wait(self, what: Entry) -> None:
        if len(self._waiting) >= WAITING_LIMIT:
            log.error("not in the audit log", entry=what.canonical, why="the store is unavailable")
            return
        self._waiting.append(what)
        if self._alarm is None:
            log.error("the audit log waits for the store", entry=what.canonical)
            self._alarm = self._clock.call_later(RETRY_AFTER, self._again)

    def _again(self) -> None:
        self._alarm = None
        waiting, self._waiting = self._waiting, deque()
        for what in waiting:
            self._put(what)

    # Failed log-ins.

    def _slow(self, event: LogInSlowed) -> None:
        person = event.person if self._person(event.person) is not None else ""
        if person in self._slowed or len(self._slowed) < SLOWED_LIMIT:
            self._slowed[person] += 1
        else:
            self._slowed[""] += 1
        if len(self._networks) < SLOWED_LIMIT:
            self._networks[event.network] = None
        if self._slowed_alarm is None:
            self._slowed_alarm = self._clock.call_later(SLOWED_PAUSE, self._tell_slowed)

    def _tell_slowed(self) -> None:
        if self._slowed_alarm is not None:
            self._slowed_alarm.cancel()
            self._slowed_alarm = None
        slowed, self._slowed = self._slowed, Counter()
        networks, self._networks = self._networks, {}
        if not slowed:
            return
        persons = {person: count for person, count in slowed.items() if person}
        self.note(
            SERVER,
            "login.slowed",
            next(iter(persons)) if len(slowed) == len(persons) == 1 else "",
            {"attempts": slowed.total(), "persons": persons, "networks": list(networks)},
        )
