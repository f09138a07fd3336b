"""A command asks the running server; without one it works on the database itself."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clarion.admin.listener import AdminListener
from clarion.cli import asking
from clarion.cli.asking import TRIES
from clarion.config.load import load
from clarion.lib import log
from clarion.store.opening import lock
from fakes.database import InMemoryDatabase
from fakes.organisation import Organisation

Run = Callable[..., Any]


@contextmanager
def server(socket: Path) -> Iterator[Organisation]:
    """Run an administration door in a thread of its own; its log goes nowhere."""
    log.configure("error", "text", stream=io.StringIO())
    opened: list[Organisation] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        house = Organisation(InMemoryDatabase())
        async with AdminListener(socket, house.desk).serve():
            opened.append(house)
            ready.set()
            await asyncio.to_thread(stop.wait)
        house.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield opened[0]
    finally:
        stop.set()
        thread.join()


def test_the_running_server_is_asked(run: Run, person: Any, settings: Path):
    (settings.parent / "data").mkdir()
    socket = load(settings).socket
    with server(socket) as house:
        person("add", "ann@corp.example")
        assert [one.address for one in house.directory.persons()] == ["ann@corp.example"]
        result = run("person", "add", "ann@corp.example", "--config", settings)
        assert result.exit_code == 1
        people = settings.parent / "people.csv"
        people.write_text("address\n" + "".join(f"p{n}@corp.example\n" for n in range(200)))
        assert person("import", people)["added"] == 200
    assert not (settings.parent / "data" / "clarion.db").exists()
    assert person("list") == []


def test_a_server_that_does_not_listen_yet_is_waited_for(
    run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[float] = []
    monkeypatch.setattr(asking.time, "sleep", pauses.append)
    assert run("person", "list", "--config", settings).exit_code == 0
    with lock(settings.parent / "data"):
        result = run("person", "list", "--config", settings)
    assert result.exit_code == 2
    assert result.stderr.startswith("clarion: another Clarion is running on")
    assert len(pauses) == TRIES
