"""``clarion run`` and ``clarion demo`` hand over and give back the exit code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clarion.cli import demo as demo_module
from clarion.cli import run as run_module
from clarion.config.load import load
from clarion.lib.errors import UsageError

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def files_are_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "check_files", lambda *_: ())


def test_run_says_all_that_is_wrong_with_the_files(
    run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run_module, "check_files", lambda *_: ("one thing", "another"))
    result = run("run", "--config", settings)
    assert (result.exit_code, result.stderr) == (2, "clarion: one thing\nclarion: another\n")


def test_run_hands_the_configuration_to_the_server(
    run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch
):
    ran: list[Any] = []
    monkeypatch.setattr(run_module.app, "run", lambda *given: ran.append(given))
    assert run("run", "--config", settings).exit_code == 0
    assert ran == [(load(settings), settings)]


def test_a_server_that_cannot_start_is_2(run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(config: Any, source: Path) -> None:
        raise UsageError("port 5222 is taken")

    monkeypatch.setattr(run_module.app, "run", refuse)
    result = run("run", "--config", settings)
    assert (result.exit_code, result.stderr) == (2, "clarion: port 5222 is taken\n")


@pytest.mark.parametrize("once", [True, False])
def test_demo_gives_back_what_came_of_it(run: Run, monkeypatch: pytest.MonkeyPatch, once: bool):
    asked: list[bool] = []

    def main(*, once: bool) -> int:
        asked.append(once)
        return 1

    monkeypatch.setattr(demo_module, "main", main)
    assert run("demo", *(["--once"] if once else [])).exit_code == 1
    assert asked == [once]
