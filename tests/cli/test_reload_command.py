"""``clarion reload`` asks the running server, and prints what came of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clarion.cli import reload as module
from clarion.lib.errors import UsageError

Run = Callable[..., Any]


def answer(monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
    done = {"certificate": False, "changed": [], "restart": []} | given
    monkeypatch.setattr(module, "ask", lambda *_: done)


def test_without_a_server_it_says_so(run: Run, settings: Path):
    result = run("reload", "--config", settings)
    assert result.exit_code == 1
    assert result.stderr.startswith("clarion: no server runs with ")


def test_people_read_what_changed(run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch):
    answer(monkeypatch, certificate=True, changed=["log.level"], restart=["xmpp.rooms"])
    result = run("reload", "--config", settings)
    assert result.stdout.splitlines() == [
        "The certificate was read again.",
        "log.level: in force now",
        "xmpp.rooms: needs a restart",
    ]


def test_people_read_that_nothing_changed(
    run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch
):
    answer(monkeypatch)
    assert run("reload", "--config", settings).stdout == "No setting has changed.\n"


def test_programs_get_json(run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch):
    answer(monkeypatch, changed=["log.level"])
    done = json.loads(run("reload", "--json", "--config", settings).stdout)
    assert done == {"certificate": False, "changed": ["log.level"], "restart": []}


def test_every_error_is_a_line(run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise UsageError("one\ntwo")

    monkeypatch.setattr(module, "ask", refuse)
    result = run("reload", "--config", settings)
    assert (result.exit_code, result.stderr) == (1, "clarion: one\nclarion: two\n")
