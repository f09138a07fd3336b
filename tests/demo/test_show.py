"""The demonstration's own decisions: where it may live, what it needs, what it prints."""

import asyncio
import socket
from pathlib import Path

import pytest
from rich.console import Console

from clarion.demo import server as server_module
from clarion.demo import show
from clarion.demo.server import HOST, MARK, DemoServer, prepare
from clarion.lib.errors import UnavailableError


def test_without_the_client_library_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(show, "find_spec", lambda name: None)
    assert show.main(once=True) == 1
    assert "pip install 'clarion[demo]'" in capsys.readouterr().out


def test_a_folder_of_something_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "thesis.txt").write_text("mine")
    monkeypatch.setenv(show.FOLDER, str(tmp_path))
    assert show.main(once=True) == 1
    assert "is no demonstration's" in " ".join(capsys.readouterr().out.split())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_one_that_runs_is_left_alone(tmp_path: Path):
    (tmp_path / MARK).touch()
    (tmp_path / "data").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "data" / "clarion.sock"))
        listener.listen()
        with pytest.raises(UnavailableError, match="is running"):
            prepare(tmp_path)
    assert (tmp_path / MARK).exists()


def test_one_that_ended_is_made_anew(tmp_path: Path):
    (tmp_path / MARK).touch()
    (tmp_path / "old").touch()
    made = prepare(tmp_path)
    assert not (tmp_path / "old").exists()
    assert (made.folder / "clarion.toml").exists()
    assert made.stage.ca.exists()


def test_a_port_that_is_taken_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert server_module._free_port(port) not in {0, port}


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path: Path):
    made = prepare(tmp_path / "demo")
    (made.folder / "clarion.toml").write_text("nonsense = 1\n")
    with pytest.raises(UnavailableError, match="no such setting"), server_module.running(made):
        pass


def test_what_fails_in_the_scenario_comes_out_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def fails(server: DemoServer, console: Console) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
            raise UnavailableError("Bob did not see it")

    monkeypatch.setattr(show, "_scenario", fails)
    with pytest.raises(UnavailableError, match="Bob did not see it"):
        show._play(DemoServer(tmp_path, 1, 2), Console())


def test_the_invitation_can_be_pasted(tmp_path: Path):
    console = Console(record=True, width=60)
    show._invite(DemoServer(tmp_path, 5222, 5223), console)
    told = console.export_text()
    (line,) = (line for line in told.splitlines() if "ledger show" in line)
    assert line.endswith(f"--config {tmp_path / 'clarion.toml'}")
    assert "ann@localhost" in told
    assert "port 5222" in told
