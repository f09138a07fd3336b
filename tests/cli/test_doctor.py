"""``clarion doctor`` as a whole: a line for each finding, JSON, and the exit code."""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clarion.cli import doctor as module
from clarion.cli.doctor import examine
from clarion.cli.health.finding import Finding, Verdict, bad, doubtful, good
from clarion.cli.health.names import CouldNotAskError
from clarion.config.load import load

Run = Callable[..., Any]


class Silence:
    async def ask(self, name: str, kind: str) -> Any:
        raise CouldNotAskError("no network")


def findings(monkeypatch: pytest.MonkeyPatch, *given: Finding) -> None:
    monkeypatch.setattr(module, "examine", lambda *_: iter(given))


def test_what_people_read(run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch):
    findings(
        monkeypatch,
        good("disk", "wide"),
        doubtful("disk", "slow", "buy another"),
        bad("dns", "[red]gone", "look for it"),
    )
    result = run("doctor", "--config", settings)
    assert result.exit_code == 1
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines == [
        "good      disk  wide",
        "doubtful        slow",
        "                -> buy another",
        "bad       dns   [red]gone",
        "                -> look for it",
        "",
        "1 good, 1 doubtful, 1 bad",
    ]


def test_doubts_are_no_failure(run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch):
    findings(monkeypatch, doubtful("disk", "slow", "buy another"))
    result = run("doctor", "--json", "--config", settings)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "findings": [
            {"part": "disk", "verdict": "doubtful", "text": "slow", "advice": "buy another"}
        ],
        "good": 0,
        "doubtful": 1,
        "bad": 0,
    }


def test_a_configuration_that_cannot_be_used_is_2(run: Run, tmp_path: Path):
    assert run("doctor", "--config", tmp_path / "none.toml").exit_code == 2


def test_every_part_is_looked_at_without_a_server(run: Run, tmp_path: Path):
    run("init", tmp_path / "c", "--domain", "corp.org")
    path = tmp_path / "c" / "clarion.toml"
    text = path.read_text().replace("0.0.0.0:5222", "127.0.0.1:0")
    path.write_text(text.replace("0.0.0.0:5223", "127.0.0.1:0"))
    run("person", "add", "ann@corp.org", "--config", path)
    seen = list(examine(load(path), path, Silence(), 4e9, lambda: None))
    parts = list(dict.fromkeys(one.part for one in seen))
    assert parts == [
        "server", "certificate", "dns", "ports", "clock", "disk", "database", "backup",
        "permissions", "open files", "parts",
    ]  # fmt: skip
    assert seen[0].text == "it does not run"
    assert next(one for one in seen if one.part == "dns").verdict is Verdict.DOUBTFUL


def test_a_server_that_does_not_answer_is_bad(
    settings: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(module, "SILENCE_LIMIT", 0.05)
    config = load(settings)
    config.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(config.socket))
        server.listen()
        finding, status = module._server(config)
    assert status is None
    assert finding.verdict is Verdict.BAD


def test_a_running_server_is_asked(settings: Path):
    config = load(settings)
    config.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(config.socket))
        server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b'{"result": {"version": "9", "sessions": 3}}\n')

        thread = threading.Thread(target=answer)
        thread.start()
        finding, status = module._server(config)
        thread.join()
    assert finding.text == "9 runs, with 3 sessions"
    assert status == {"version": "9", "sessions": 3}


def test_the_newest_message_is_looked_up(run: Run, settings: Path):
    config = load(settings)
    assert module._newest(config.database) is None
    run("person", "add", "ann@corp.example", "--config", settings)
    assert module._newest(config.database) is None
    config.database.write_text("rubbish" * 100)
    assert module._newest(config.database) is None
