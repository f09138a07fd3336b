"""Tasks that live and fall together: the only place that makes tasks."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from clarion.lib.errors import ClarionError
from clarion.lib.log import get_logger

log = get_logger("crew")


class Service(Protocol):
    """What ``app.py`` enters, in order, and leaves in the opposite order."""

    def serve(self) -> AbstractAsyncContextManager[None]:
        """Be ready when entered; be gone, with every task, when left."""
        ...


class Crew:
    """The tasks of one service. Made by ``crew``, never by hand."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run ``work`` until it ends, fails, or the crew is dismissed."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def errand(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run something for one client: when it fails, that is logged and hurts nobody else."""
        return self.spawn(_logged(work, name), name=name)

    def dismiss(self) -> None:
        """Cancel every task that still runs."""
        for task in list(self._tasks):
            task.cancel()


async def _logged(work: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await work
    except ClarionError as error:
        log.warning("given up", task=name, why=str(error))
    except Exception:
        log.exception("a task met a fault of the server", task=name)


@asynccontextmanager
async def crew() -> AsyncGenerator[Crew, None]:
    """Open a crew; on the way out its tasks are cancelled and awaited.

    Raises:
        ExceptionGroup: A task failed. The body was cancelled at its current
            ``await``, so no one goes on working with a broken part.

    """
    async with asyncio.TaskGroup() as group:
        hands = Crew(group)
        try:
            yield hands
        finally:
            hands.dismiss()
