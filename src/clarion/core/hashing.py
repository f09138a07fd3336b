"""The threads that hash passwords: few, with a bounded queue, so that the loop never hashes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from clarion.lib.errors import UnavailableError

THREADS: Final = 2
"""Hashes at once; OpenSSL lets go of the interpreter while it hashes."""
QUEUE_LIMIT: Final = 256
"""LIMIT: log-ins that wait for a hash, about a second's work; further ones are refused."""

T = TypeVar("T")


class Hashers:
    """Runs slow hashes in threads.

    Log-ins queue up to ``QUEUE_LIMIT``. New passwords come one per thread, so
    an import of thousands of people stands in the way of a log-in for the
    time of one hash only.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="hash")
        self._turns = asyncio.Semaphore(THREADS)
        self._waiting = 0

    async def verify(self, work: Callable[[], T]) -> T:
        """Run ``work`` for somebody who logs in.

        Raises:
            UnavailableError: Too many wait already.

        """
        if self._waiting >= QUEUE_LIMIT:
            raise UnavailableError("too many log-ins at once; try again in a few seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    async def derive(self, work: Callable[[], T]) -> T:
        """Run ``work`` for a new password, when its turn comes."""
        async with self._turns:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """End the threads; what still waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
