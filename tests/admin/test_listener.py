"""The administration door on its Unix socket, and the command line's side of it."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from clarion.admin import client as client_module
from clarion.admin import listener as listener_module
from clarion.admin.client import NoServerError, ask
from clarion.admin.lines import LINE_LIMIT
from clarion.admin.listener import AdminListener
from clarion.admin.unix import PATH_LIMIT, is_alive, open_socket
from clarion.lib.errors import ClarionError, PeerError, UnavailableError, UsageError
from fakes.organisation import Organisation


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a") / "clarion.sock"


@pytest.fixture
async def door(house: Organisation, path: Path) -> AsyncGenerator[AdminListener, None]:
    listener = AdminListener(path, house.desk)
    async with listener.serve():
        yield listener


def write_file(path: Path, text: str) -> None:
    path.write_text(text)


def look_at(path: Path) -> tuple[int, list[str]]:
    """Return the mode of a file and the names in its folder."""
    return path.stat().st_mode, [one.name for one in path.parent.iterdir()]


async def said(path: Path, *chunks: bytes) -> list[Any]:
    """Say ``chunks``, hang up, and return every answer."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2 * LINE_LIMIT)
    for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
    answers = (await reader.read()).splitlines()
    writer.close()
    return [json.loads(line) for line in answers]


async def asked(path: Path, verb: str, **arguments: Any) -> Any:
    return await asyncio.to_thread(ask, path, verb, arguments, lambda *_: None)


@pytest.mark.usefixtures("door")
async def test_only_this_user_can_reach_the_socket(path: Path):
    mode, names = look_at(path)
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert names == ["clarion.sock"]


async def test_the_umask_is_left_as_it_was(house: Organisation, path: Path):
    before = os.umask(0o022)
    try:
        async with AdminListener(path, house.desk).serve():
            now = os.umask(0o022)
    finally:
        os.umask(before)
    assert now == 0o022
    assert not is_alive(path)
    with pytest.raises(FileNotFoundError):
        look_at(path)


@pytest.mark.usefixtures("door")
async def test_the_command_line_asks_and_is_answered(house: Organisation, path: Path):
    record = await asked(path, "person.add", address="ann@corp.example", name="Änn")
    assert record["name"] == "Änn"
    assert house.directory.person("ann@corp.example") is not None
    with pytest.raises(UsageError, match="there is a person with this address already"):
        await asked(path, "person.add", address="ann@corp.example")


@pytest.mark.usefixtures("door")
async def test_many_requests_on_one_connection_however_they_are_cut(path: Path):
    line = b'{"verb": "status"}\n'
    answers = await said(path, *(line[at : at + 1] for at in range(len(line))), line + line)
    assert [answer["result"]["persons"] for answer in answers] == [0, 0, 0]


@pytest.mark.usefixtures("door")
async def test_garbage_is_answered_and_hurts_nobody(path: Path):
    garbage = [b"GET / HTTP/1.1\r\n", b"\x00\xff\xfe\n", b"[]\n", b'{"verb": 7}\n', b"\n"]
    answers = await said(path, *garbage, b'{"verb": "status"}\n', b"half a line")
    assert [answer["error"]["kind"] for answer in answers[:5]] == ["peer"] * 5
    assert "result" in answers[5]
    assert answers[6]["error"]["kind"] == "peer"
    assert (await asked(path, "status"))["persons"] == 0


@pytest.mark.usefixtures("door")
async def test_a_line_has_a_limit(path: Path, monkeypatch: pytest.MonkeyPatch):
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"x" * (LINE_LIMIT + 2))
    answer = json.loads(await reader.readline())
    assert answer["error"]["text"] == f"a line has at most {LINE_LIMIT} bytes"
    assert await reader.read() == b""
    writer.close()
    assert (await asked(path, "status"))["persons"] == 0


@pytest.mark.usefixtures("door")
async def test_too_large_a_request_is_refused_before_it_is_sent(path: Path):
    with pytest.raises(UsageError, match="split it"):
        await asked(path, "status", filler="x" * LINE_LIMIT)


@pytest.mark.usefixtures("door")
async def test_progress_comes_before_the_result(path: Path):
    persons = [{"address": f"p{number}@corp.example"} for number in range(300)]
    line = json.dumps({"verb": "person.import", "arguments": {"persons": persons}}).encode()
    answers = await said(path, line + b"\n")
    assert answers[-1]["result"]["added"] == 300
    steps = [answer["progress"] for answer in answers[:-1]]
    assert steps[-1] == [300, 300]
    assert len(steps) <= 101  # a line per hundredth, not per person


@pytest.mark.usefixtures("door")
async def test_a_fault_of_ours_is_told_and_ends_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def broken(*arguments: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(listener_module, "perform", broken)
    with pytest.raises(ClarionError, match="the server failed; see its log"):
        await asked(path, "status")
    monkeypatch.undo()
    assert (await asked(path, "status"))["persons"] == 0


@pytest.mark.usefixtures("door")
async def test_who_hangs_up_hurts_nobody(house: Organisation, path: Path):
    persons = [{"address": f"p{number}@corp.example"} for number in range(50)]
    line = json.dumps({"verb": "person.import", "arguments": {"persons": persons}}).encode()
    _, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line + b"\n")
    await writer.drain()
    writer.close()
    assert (await asked(path, "status"))["domain"] == "corp.example"


@pytest.mark.usefixtures("door")
async def test_connections_have_a_limit(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listener_module, "CONNECTIONS_LIMIT", 1)
    _, first = await asyncio.open_unix_connection(str(path))
    first.write(b"{")
    reader, second = await asyncio.open_unix_connection(str(path))
    answer = json.loads(await reader.readline())
    assert answer["error"] == {"kind": "unavailable", "text": "at most 1 connections at once"}
    first.close()
    second.close()


@pytest.mark.usefixtures("door")
async def test_a_second_server_is_refused(house: Organisation, path: Path):
    with pytest.raises(UsageError, match="another server listens at"):
        async with AdminListener(path, house.desk).serve():
            pass
    assert (await asked(path, "status"))["persons"] == 0


async def test_a_dead_servers_socket_is_replaced(house: Organisation, path: Path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    assert not is_alive(path)
    async with AdminListener(path, house.desk).serve():
        assert (await asked(path, "status"))["persons"] == 0


def test_what_is_no_socket_is_left_alone(path: Path):
    write_file(path, "precious")
    with pytest.raises(UsageError, match="is no socket; move it away"):
        open_socket(path)
    assert path.read_text() == "precious"


async def test_a_path_that_cannot_be_is_refused(path: Path):
    with pytest.raises(UsageError, match=f"at most {PATH_LIMIT} bytes"):
        open_socket(path.with_name("x" * PATH_LIMIT))
    with pytest.raises(UsageError, match="cannot be made: No such file"):
        open_socket(path.parent / "no" / "clarion.sock")
    write_file(path, "")
    with pytest.raises(UsageError, match="cannot be made: Not a directory"):
        open_socket(path / "clarion.sock")


async def test_the_longest_path_works(house: Organisation):
    folder = Path("/tmp")  # the test's own folder may be too long a path already
    path = folder / ("s" * (PATH_LIMIT - len(str(folder)) - 1))
    async with AdminListener(path, house.desk).serve():
        assert (await asked(path, "status"))["persons"] == 0


async def test_without_a_server_the_command_line_knows_it(path: Path):
    with pytest.raises(NoServerError):
        await asked(path, "status")
    write_file(path, "")
    with pytest.raises(NoServerError):
        await asked(path, "status")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (b"", UnavailableError, "went away before it answered"),
        (b"garbage\n", PeerError, "no JSON"),
        (b'{"odd": 1}\n', PeerError, "cannot be understood"),
    ],
)
async def test_a_server_that_answers_oddly(
    path: Path, answer: bytes, error: type[ClarionError], text: str
):
    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(odd, str(path)):
        with pytest.raises(error, match=text):
            await asked(path, "status")


async def test_a_server_that_is_silent(path: Path):
    assert client_module.SILENCE_LIMIT == 120
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(1)
        with pytest.raises(UnavailableError, match="does not answer"):
            await asyncio.to_thread(ask, path, "status", {}, lambda *_: None, 0.01)
