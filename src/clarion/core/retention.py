"""Retention: what is older than the operator wants is deleted, a little at a time.

A message goes from everybody's archive at once, and with the last archive that
shows it the text, and the lines of the ledger about it. What has not reached
its recipient waits, as long as ``waiting`` says. Every step is a short
transaction of its own, so a run that is cut short loses nothing: the next one
goes on from there.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from clarion.config.server import RetentionConfig
from clarion.core.audit import SERVER
from clarion.core.auditor import Auditor
from clarion.core.bus import Bus
from clarion.core.events import PoliciesChanged
from clarion.core.model import PersonNumber
from clarion.lib.clock import Clock
from clarion.lib.crew import crew
from clarion.lib.errors import ClarionError, UnavailableError
from clarion.lib.ids import FIRST, ItemId, earliest
from clarion.lib.log import get_logger

DAY: Final = 86_400.0
FIRST_RUN: Final = 600.0
"""Seconds from the start to the first run: people log in first."""
PAUSE: Final = 0.05
"""Seconds between two steps: the writer is at most some tenth busy with this."""

log = get_logger("retention")

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Removed:
    """What a run removed.

    Attributes:
        items: Messages, receipts and so on, of which nothing is left.
        lines: Entries of people's archives, and of rooms'.
        waiting: Of those, what had not reached its recipient.
        moves: Lines of the ledger.

    """

    items: int = 0
    lines: int = 0
    waiting: int = 0
    moves: int = 0

    def __bool__(self) -> bool:
        """Whether anything was."""
        return bool(self.items or self.lines or self.waiting or self.moves)


@dataclass(frozen=True, slots=True)
class Due:
    """What a run would look at.

    Attributes:
        items: Items that are old enough.
        waiting: Entries among them that stay because they have not reached their owner.

    """

    items: int
    waiting: int


class RetentionStore(Protocol):
    """What retention asks of a store; each ``drop`` is one short transaction.

    All raise ``UnavailableError`` when the store cannot do it now.
    """

    async def count_items(self, before: ItemId) -> int:
        """Count the items below ``before``."""
        ...

    async def owners(self) -> Sequence[PersonNumber]:
        """Return who has archive lines: people, those too who are no more, and rooms."""
        ...

    async def received_up_to(self, owner: PersonNumber) -> ItemId | None:
        """Return up to where everything has reached ``owner``; ``None``: it is no person."""
        ...

    async def count_waiting(self, owner: PersonNumber, before: ItemId) -> int:
        """Count what is below ``before`` and has not reached ``owner``."""
        ...

    async def drop_lines(self, owner: PersonNumber, before: ItemId, *, incoming: bool) -> int:
        """Drop the oldest lines of a lane below ``before``; return how many, 0: none is left."""
        ...

    async def drop_passing(self, before: ItemId) -> int:
        """Drop what only waits and is below ``before``; return how many."""
        ...

    async def drop_items(self, after: ItemId, before: ItemId) -> tuple[ItemId, int] | None:
        """Drop those of the next items that nobody has.

        Returns:
            Up to where it looked, and how many went; ``None``: there are no more.

        """
        ...

    async def drop_moves(self, before: ItemId) -> int:
        """Drop the oldest moves below ``before`` and what follows of them; return how many."""
        ...


class Retention:
    """Deletes what is too old: every day, and when an operator says so.

    Args:
        store: Where everything is.
        auditor: Keeps an entry when something is removed, and of what.
        clock: Tells what is old, and when it is time.
        bus: Hears of new settings.
        policy: For how long what is kept.

    """

    def __init__(
        self,
        store: RetentionStore,
        auditor: Auditor,
        clock: Clock,
        bus: Bus,
        policy: RetentionConfig,
    ) -> None:
        self.policy = policy
        self._store = store
        self._auditor = auditor
        self._clock = clock
        self._running = False
        bus.subscribe(PoliciesChanged, self._policies_changed)

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``: runs soon after the start, and then every day."""
        async with crew() as hands:
            hands.spawn(self._daily(), name="retention")
            yield

    async def due(self) -> Due:
        """Say what a run would look at.

        Raises:
            UnavailableError: The store cannot answer.

        """
        before, late = self._bounds()
        if before == FIRST:
            return Due(0, 0)
        waiting = 0
        for owner in await self._store.owners():
            if await self._store.received_up_to(owner) is not None:
                waiting += await self._store.count_waiting(owner, before)
                waiting -= await self._store.count_waiting(owner, late)
        return Due(await self._store.count_items(before), waiting)

    async def run(self, progress: Progress = lambda done, total: None) -> Removed:
        """Delete what is too old.

        Args:
            progress: Told how much is done, and of how much.

        Raises:
            UnavailableError: A run is under way, or the store cannot go on.

        """
        if self._running:
            raise UnavailableError("a retention run is under way already")
        self._running = True
        try:
            return await self._run(progress)
        finally:
            self._running = False

    async def _run(self, progress: Progress) -> Removed:
        removed = Removed()
        before, late = self._bounds()
        if before == FIRST:
            return removed
        total = 3 * await self._store.count_items(before)

        async def step(done: int) -> None:
            progress(min(done, total), total)
            await self._rest()

        for owner in await self._store.owners():
            up_to = await self._store.received_up_to(owner)
            while count := await self._store.drop_lines(owner, before, incoming=False):
                removed.lines += count
                await step(removed.lines)
            reached = before if up_to is None else min(before, _behind(up_to))
            while count := await self._store.drop_lines(owner, reached, incoming=True):
                removed.lines += count
                await step(removed.lines)
            while count := await self._store.drop_lines(owner, late, incoming=True):
                removed.lines += count
                removed.waiting += count
                await step(removed.lines)
        while count := await self._store.drop_passing(late):
            removed.waiting += count
            await step(removed.lines)
        at = FIRST
        while (found := await self._store.drop_items(at, before)) is not None:
            at, count = found
            removed.items += count
            await step(removed.lines + removed.items)
        while count := await self._store.drop_moves(before):
            removed.moves += count
            await step(removed.lines + removed.items)
        progress(total, total)
        if removed:
            details = {**asdict(removed), "before": self._days(self.policy.messages)}
            await self._auditor.record(SERVER, "retention.done", "", details)
            log.info("old messages were deleted", **asdict(removed))
        return removed

    async def _daily(self) -> None:
        delay = FIRST_RUN
        while True:
            await self._wait(delay)
            delay = DAY
            try:
                with self._auditor.act(SERVER, "retention.run", "", self.told()):
                    await self.run()
            except ClarionError as error:
                log.warning("retention goes on tomorrow", why=str(error))

    def told(self) -> dict[str, Any]:
        """Return the policy in force, for an entry."""
        return {"messages_days": self.policy.messages, "waiting_days": self.policy.waiting}

    def _bounds(self) -> tuple[ItemId, ItemId]:
        """Return below which items go, and below which those too that wait."""
        before = self._below(self.policy.messages)
        return before, min(before, self._below(self.policy.waiting))

    def _below(self, days: int) -> ItemId:
        return earliest(self._days(days)) if days else FIRST

    def _days(self, days: int) -> float:
        return self._clock.wall() - days * DAY

    def _policies_changed(self, event: PoliciesChanged) -> None:
        self.policy = event.config.retention

    async def _rest(self) -> None:
        await self._wait(PAUSE)

    async def _wait(self, seconds: float) -> None:
        over = asyncio.Event()
        self._clock.call_later(seconds, over.set)
        await over.wait()


def _behind(item: ItemId) -> ItemId:
    """Return the smallest id above ``item``."""
    number = int.from_bytes(item, "big") + 1
    return ItemId(number.to_bytes(len(item) + 1, "big")[-len(item) :])
