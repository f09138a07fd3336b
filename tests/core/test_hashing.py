"""The hashing threads: bounded, and an import leaves room for log-ins."""

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest

from clarion.core.hashing import QUEUE_LIMIT, THREADS, Hashers
from clarion.lib.errors import UnavailableError


@pytest.fixture
async def hashers() -> AsyncGenerator[Hashers, None]:
    made = Hashers()
    yield made
    made.close()


async def test_work_is_done_in_another_thread(hashers: Hashers):
    here = threading.get_ident()
    assert await hashers.verify(threading.get_ident) != here
    assert await hashers.derive(threading.get_ident) != here


async def test_log_ins_queue_up_to_the_limit_and_no_further(hashers: Hashers):
    gate = threading.Event()
    waiting = [
        asyncio.get_running_loop().create_task(hashers.verify(gate.wait))
        for _ in range(QUEUE_LIMIT)
    ]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="too many log-ins at once"):
        await hashers.verify(gate.wait)
    gate.set()
    assert all(await asyncio.gather(*waiting))
    assert await hashers.verify(lambda: 7) == 7


async def test_new_passwords_never_queue_before_a_log_in(hashers: Hashers):
    gate = threading.Event()
    imported = [
        asyncio.get_running_loop().create_task(hashers.derive(gate.wait)) for _ in range(100)
    ]
    await asyncio.sleep(0)
    assert hashers._pool._work_queue.qsize() <= THREADS
    login = asyncio.get_running_loop().create_task(hashers.verify(lambda: "in"))
    await asyncio.sleep(0)
    gate.set()
    assert await login == "in"
    assert sum(task.done() for task in imported) <= 2 * THREADS
    await asyncio.gather(*imported)


async def test_what_fails_in_the_thread_fails_here(hashers: Hashers):
    with pytest.raises(ZeroDivisionError):
        await hashers.derive(lambda: 1 // 0)
    assert await hashers.derive(lambda: 1) == 1
