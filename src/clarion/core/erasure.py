"""Erasure of a person: everything that is theirs goes, and stays gone after a crash.

A mark says that somebody is being erased; it is set before anything goes and
cleared when all is gone, so whoever finds it goes on. Every step may be done
twice. The order: the mark (with the audit entry), the person with everything
small in one transaction, their archive in small ones, what others and the
ledger have of them, and in the end what the file and its log still hold of
what was deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from clarion.core.audit import SERVER
from clarion.core.auditor import Auditor
from clarion.core.directory import Directory
from clarion.core.model import PersonNumber
from clarion.lib.clock import Clock
from clarion.lib.errors import ClarionError, UnavailableError
from clarion.lib.log import get_logger

PAUSE: Final = 0.02
"""Seconds between two steps, so that the writer has time for the living."""
ROSTER_ROUNDS: Final = 3
"""LIMIT: looks for rosters that still have them: whoever was under way may have put them back."""
SCRUB_PAUSE: Final = 1.0
"""Seconds between two tries to clear the store's log."""
SCRUB_TRIES: Final = 60
"""LIMIT: such tries; who reads a snapshot for longer (a backup) lets it wait for the next start."""

log = get_logger("erasure")

Progress = Callable[[int, int], None]
ForgetContact = Callable[[PersonNumber, str], Awaitable[None]]
ForgetFiles = Callable[[], Awaitable[int]]
"""Deletes files that are nobody's any more; returns how many."""


@dataclass(frozen=True, slots=True)
class Erasing:
    """Somebody who is to go.

    Attributes:
        person: Their number.
        address: Their address, which is not given again.
        messages: Whether the text of what they sent goes from others' archives, too.

    """

    person: PersonNumber
    address: str
    messages: bool


class ErasureStore(Protocol):
    """What erasure asks of a store; every ``drop`` is one short transaction.

    All raise ``UnavailableError`` when the store cannot do it now.
    """

    async def begin(self, erasing: Erasing, at: float) -> None:
        """Set the mark; harmless when it is set."""
        ...

    async def end(self, erasing: Erasing, at: float) -> None:
        """Clear the mark; the address stays taken."""
        ...

    async def under_way(self) -> Sequence[Erasing]:
        """Return whose marks are set."""
        ...

    async def drop_archive(self, erasing: Erasing) -> int:
        """Drop some of their archive, and items that nobody has then; return how much."""
        ...

    async def drop_texts(self, erasing: Erasing) -> int:
        """Drop the text of some of what they sent; return of how many."""
        ...

    async def drop_moves(self, erasing: Erasing) -> int:
        """Drop some of what they read and received from the ledger; return how much."""
        ...

    async def holders(self, erasing: Erasing) -> Sequence[PersonNumber]:
        """Return whose rosters have them."""
        ...

    async def forget_contact(self, owner: PersonNumber, contact: str) -> None:
        """Take somebody out of a roster that is in nobody's memory."""
        ...

    async def drop_rest(self, erasing: Erasing) -> None:
        """Drop what was written while they went."""
        ...

    async def scrub(self) -> bool:
        """Clear the store's log of what was deleted; ``False``: somebody still reads there."""
        ...


class Erasure:
    """Erases persons, one at a time.

    Args:
        store: Where everything is.
        directory: Forgets them, and lets every door know.
        auditor: Keeps an entry at the beginning and at the end.
        clock: For the marks and pauses.
        forget_contact: Takes them out of a roster that may be in memory;
            ``None``: the store does, as no server runs.
        forget_files: Deletes what they uploaded; ``None``: the server does at
            its next start, if it has files.

    """

    def __init__(
        self,
        store: ErasureStore,
        directory: Directory,
        auditor: Auditor,
        clock: Clock,
        forget_contact: ForgetContact | None = None,
        forget_files: ForgetFiles | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._auditor = auditor
        self._clock = clock
        self._forget_contact = forget_contact or store.forget_contact
        self._forget_files = forget_files
        self._lock = asyncio.Lock()

    async def erase(
        self, address: str, *, messages: bool, progress: Progress = lambda done, total: None
    ) -> dict[str, int]:
        """Erase a person; one whose erasure was cut short is erased to the end.

        Args:
            address: In whatever spelling.
            messages: Whether the text of what they sent goes from others' archives, too.
            progress: Told the steps that are done, and of how many so far.

        Returns:
            How much of what went.

        Raises:
            UsageError: There is no such person.
            UnavailableError: The store cannot do it now. What is gone is gone;
                the rest goes when it is said again, or at the next start.

        """
        async with self._lock:
            address = self._directory.own_address(address)
            for erasing in await self._store.under_way():
                if erasing.address == address:
                    return await self._carry_out(erasing, progress)
            person = self._directory.require_person(address)
            erasing = Erasing(person.number, person.address, messages)
            await self._store.begin(erasing, self._clock.wall())
            return await self._carry_out(erasing, progress)

    async def resume(self) -> None:
        """Go on with what was cut short; what cannot be done now is left for the next start."""
        async with self._lock:
            for erasing in await self._store.under_way():
                log.warning("an erasure goes on that was cut short", person=erasing.address)
                try:
                    await self._carry_out(erasing, lambda done, total: None)
                except ClarionError as error:
                    log.warning("an erasure is not done", person=erasing.address, why=str(error))

    async def _carry_out(self, erasing: Erasing, progress: Progress) -> dict[str, int]:
        person = self._directory.person(erasing.address)
        if person is not None and person.number == erasing.person:
            await self._directory.delete(erasing.address, keep_address=True)
        counts = {"archive": 0, "texts": 0, "moves": 0, "rosters": 0}
        steps = 0
        for what, drop in (
            ("archive", self._store.drop_archive),
            ("texts", self._store.drop_texts),
            ("moves", self._store.drop_moves),
        ):
            if what == "texts" and not erasing.messages:
                continue
            while count := await drop(erasing):
                counts[what] += count
                steps += 1
                progress(steps % 100, 100)  # how many there will be is not known
                await self._wait(PAUSE)
        for _ in range(ROSTER_ROUNDS):
            holders = await self._store.holders(erasing)
            for owner in holders:
                await self._forget_contact(owner, erasing.address)
            counts["rosters"] += len(holders)
            if not holders:
                break
        await self._store.drop_rest(erasing)
        if self._forget_files is not None:
            counts["files"] = await self._forget_files()
        await self._scrub(progress)
        with self._auditor.act(SERVER, "person.erased", erasing.address, counts) as act:
            await self._store.end(erasing, self._clock.wall())
            await self._auditor.finish(act)
        await self._scrub(progress)
        log.info("a person was erased", person=erasing.address, **counts)
        return counts

    async def _scrub(self, progress: Progress) -> None:
        for attempt in range(SCRUB_TRIES):
            if await self._store.scrub():
                return
            progress(attempt % 100, 100)
            await self._wait(SCRUB_PAUSE)
        raise UnavailableError(
            "everything is deleted, but somebody reads the database (a backup?) and keeps its "
            "log from being cleared; say it again later, or restart the server"
        )

    async def _wait(self, seconds: float) -> None:
        over = asyncio.Event()
        self._clock.call_later(seconds, over.set)
        await over.wait()
