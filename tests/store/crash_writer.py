"""Run by test_crash.py: writes without end and prints what was committed, until it dies."""

import asyncio
import os
import sys
from pathlib import Path

from clarion.core.ports import Shape, WriteOp, person_entity
from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.store.sqlite import open_database

INSERT = "INSERT INTO secret (name, value) VALUES (?, ?)"
PAIR = Shape((INSERT, INSERT), mergeable=True)


async def main(path: Path) -> None:
    crash_points = CrashPoints.from_environment(os.environ)
    async with open_database(path, clock=SystemClock(), crash_points=crash_points) as database:
        for round_ in range(1000):
            futures = []
            for number in range(7):
                name = f"{round_}.{number}"
                op = WriteOp(PAIR, ((name, b""), (name + "'", b"")))
                future = database.put(person_entity("ann@corp.example"), op)
                future.add_done_callback(lambda _, name=name: os.write(1, f"{name}\n".encode()))
                futures.append(future)
            await asyncio.gather(*futures)


asyncio.run(main(Path(sys.argv[1])))
