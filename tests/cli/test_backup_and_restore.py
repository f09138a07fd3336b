"""``clarion backup`` and ``clarion restore`` without a server: what they print and refuse."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clarion.admin.unix import open_socket
from clarion.store.opening import lock

Run = Callable[..., Any]


@pytest.fixture
def place(run: Run, settings: Path, tmp_path: Path) -> Path:
    """A folder for backups, beside an organisation with Ann in it."""
    assert run("person", "add", "ann@corp.example", "--config", settings).exit_code == 0
    return tmp_path


def people(run: Run, settings: Path) -> list[str]:
    result = run("person", "list", "--json", "--config", settings)
    return [person["address"] for person in json.loads(result.stdout)]


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with open_socket(path) as server:
        yield server
    path.unlink()


def test_there_and_back(run: Run, settings: Path, place: Path):
    file = place / "b.db"
    result = run("backup", file, "--config", settings)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"Wrote and checked {file}: 0.")
    run("person", "add", "bob@corp.example", "--config", settings)
    result = run("restore", file, "--config", settings)
    assert result.exit_code == 0, result.stderr
    first, second = result.stdout.splitlines()
    assert first == f"Restored {file} to {settings.parent}/data/clarion.db."
    assert second.startswith("The database as it was is kept as ")
    assert people(run, settings) == ["ann@corp.example"]


def test_programs_get_json(run: Run, settings: Path, place: Path):
    file = place / "b.db"
    made = json.loads(run("backup", file, "--json", "--config", settings).stdout)
    assert made["file"] == str(file)
    assert made["domain"] == "corp.example"
    looked = json.loads(run("restore", "--look", file, "--json").stdout)
    assert looked["good"] is True
    assert looked["manifest"]["at"] == made["at"]
    done = json.loads(run("restore", file, "--json", "--config", settings).stdout)
    assert done["restored"] is True
    assert Path(done["previous"]).exists()


def test_a_file_that_exists_needs_force(run: Run, settings: Path, place: Path):
    file = place / "b.db"
    file.write_text("precious")
    result = run("backup", file, "--config", settings)
    assert (result.exit_code, file.read_text()) == (1, "precious")
    assert "exists already; name another file, or use --force" in result.stderr
    assert run("backup", file, "--force", "--config", settings).exit_code == 0


def test_nothing_to_back_up(run: Run, settings: Path, tmp_path: Path):
    result = run("backup", tmp_path / "b.db", "--config", settings)
    assert result.exit_code == 1
    assert "there is nothing to back up yet" in result.stderr


def test_a_backup_is_looked_at(run: Run, settings: Path, place: Path):
    file = place / "b.db"
    run("backup", file, "--config", settings)
    shown = run("restore", "--look", file).stdout
    assert "corp.example" in shown
    assert "good" in shown
    database = settings.parent / "data" / "clarion.db"
    assert "by other means" in run("restore", "--look", database).stdout
    file.write_text("rubbish" * 100)
    result = run("restore", "--look", file)
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_running_server_is_not_disturbed(run: Run, settings: Path, place: Path):
    file = place / "b.db"
    run("backup", file, "--config", settings)
    data = settings.parent / "data"
    with listening(data / "clarion.sock"):
        result = run("restore", file, "--config", settings)
        assert result.exit_code == 1
        assert "the server is running: stop it and try again, or use --at-restart" in result.stderr
        assert run("backup", place / "second.db", "--config", settings).exit_code == 0
    with lock(data):  # one that starts or stops
        result = run("restore", file, "--config", settings)
        assert result.exit_code == 1
        assert "another Clarion is running" in result.stderr
    assert not list(data.glob("*.before-*"))


def test_a_restore_is_prepared_and_taken_back(run: Run, settings: Path, place: Path):
    file = place / "b.db"
    run("backup", file, "--config", settings)
    run("person", "add", "bob@corp.example", "--config", settings)
    result = run("restore", file, "--at-restart", "--config", settings)
    assert "restart the server to take it" in result.stdout
    assert (settings.parent / "data" / "clarion.db.restore").exists()
    assert run("restore", "--cancel", "--config", settings).stdout == "Nothing will be restored.\n"
    assert run("restore", "--cancel", "--config", settings).exit_code == 1
    assert len(people(run, settings)) == 2
    run("restore", file, "--at-restart", "--json", "--config", settings)
    assert people(run, settings) == ["ann@corp.example"]  # whoever opens it next takes it


def test_another_domains_backup_needs_force(run: Run, settings: Path, place: Path):
    file = place / "b.db"
    run("backup", file, "--config", settings)
    settings.write_text('domain = "other.example"\ndata = "data"\n')
    result = run("restore", file, "--config", settings)
    assert result.exit_code == 1
    assert "is of corp.example, and this configuration is for other.example" in result.stderr
    assert run("restore", file, "--force", "--config", settings).exit_code == 0


def test_a_new_machine_begins_with_the_settings(run: Run, tmp_path: Path):
    old, new = tmp_path / "old", tmp_path / "new"
    run("init", old, "--domain", "corp.example")
    config = old / "clarion.toml"
    run("person", "add", "ann@corp.example", "--config", config)
    file = tmp_path / "b.db"
    run("backup", file, "--config", config)
    result = run("restore", file, "--settings", new)
    assert result.exit_code == 0, result.stderr
    assert (
        result.stdout.splitlines()[-1]
        == f"Next: clarion restore {file} --config {new}/clarion.toml"
    )
    for name in ("clarion.toml", "certs/server.pem", "certs/server.key"):
        assert (new / name).read_bytes() == (old / name).read_bytes()
        assert (new / name).stat().st_mode & 0o777 == 0o600
    assert not (new / "certs" / "ca.key").exists()
    assert run("restore", file, "--config", new / "clarion.toml").exit_code == 0
    assert people(run, new / "clarion.toml") == ["ann@corp.example"]
    result = run("restore", file, "--settings", new)
    assert result.exit_code == 1
    assert "exists already and is not overwritten" in result.stderr


def test_files_from_elsewhere_stay_inside_of_the_folder(run: Run, tmp_path: Path):
    for folder in ("away", "home"):
        (tmp_path / folder).mkdir()
    key = tmp_path / "away" / "privkey.pem"
    key.write_text("a key")
    config = tmp_path / "home" / "clarion.toml"
    config.write_text(
        f'domain = "corp.example"\ndata = "data"\n[tls]\ncertificate = "none.pem"\nkey = "{key}"\n'
    )
    run("person", "add", "ann@corp.example", "--config", config)
    file = tmp_path / "b.db"
    assert run("backup", file, "--config", config).exit_code == 0
    result = run("restore", file, "--settings", tmp_path / "new")
    assert (tmp_path / "new" / "certs" / "privkey.pem").read_text() == "a key"
    assert f"The configuration names {key}: put it there, or change it." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "missing argument 'FILE'"),
        (("--cancel", "b.db"), "--cancel stands alone"),
        (("--look", "--at-restart", "b.db"), "exclude each other"),
    ],
)
def test_wrong_usage_is_2(run: Run, arguments: tuple[str, ...], line: str):
    result = run("restore", *arguments)
    assert result.exit_code == 2
    assert line in result.stderr


def test_a_database_without_settings_gives_none(run: Run, settings: Path, place: Path):
    database = settings.parent / "data" / "clarion.db"
    result = run("restore", database, "--settings", place / "new")
    assert result.exit_code == 1
    assert "holds no configuration" in result.stderr
