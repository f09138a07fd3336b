"""The cast: client processes, and waiting for what they saw."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clarion.lib.errors import UnavailableError

PATIENCE: Final = 20.0  # seconds for one thing to be seen; the first hashing in pure Python is slow
GOODBYE: Final = 5.0  # seconds for a client to leave


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the people connect.

    Attributes:
        host: Loopback address.
        port: Of the STARTTLS listener.
        ca: The development CA's certificate.

    """

    host: str
    port: int
    ca: Path


class Actor:
    """One person's client process."""

    def __init__(self, address: str, process: asyncio.subprocess.Process) -> None:
        self.address = address
        self._process = process
        self._seen: list[dict[str, str]] = []
        self._news = asyncio.Event()

    def tell(self, do: str, **more: str) -> None:
        """Give an order."""
        assert self._process.stdin is not None, "the process was started with a pipe"
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")

    async def listen(self) -> None:
        """Collect what the client saw, until it ends."""
        assert self._process.stdout is not None, "the process was started with a pipe"
        while line := await self._process.stdout.readline():
            with suppress(ValueError):
                self._seen.append(json.loads(line))
                self._news.set()

    async def saw(self, what: str, fits: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """Wait until the client has seen something.

        Raises:
            UnavailableError: It did not within ``PATIENCE`` seconds, or could not log in.

        """
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    for event in self._seen:
                        if event["saw"] == what and fits(event):
                            return event
                        if event["saw"] == "refused":
                            raise UnavailableError(f"{self.address} could not log in")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise UnavailableError(f"{self.address} did not see: {what}") from None

    async def leave(self) -> None:
        """Log out and end the process."""
        if self._process.returncode is None:
            self.tell("leave")
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._process.wait()
                return
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def enter(stage: Stage, address: str, password: str) -> AsyncGenerator[Actor, None]:
    """Start a person's client; it leaves on the way out."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "clarion.demo.person",
        "--address",
        address,
        "--host",
        stage.host,
        "--port",
        str(stage.port),
        "--ca",
        str(stage.ca),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None, "the process was started with a pipe"
    process.stdin.write(password.encode() + b"\n")
    actor = Actor(address, process)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(actor.listen())
        try:
            yield actor
        finally:
            await actor.leave()
            listening.cancel()


Rows = list[dict[str, Any]]
