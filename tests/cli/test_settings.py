"""Where the configuration is looked for, and what ``clarion check`` says of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def domain(result: Any) -> str:
    return str(json.loads(result.stdout)[0]["address"]).partition("@")[2]


def test_the_option_comes_before_the_variable_before_the_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("option", "variable", "here"):
        (tmp_path / name).mkdir()
        settings = tmp_path / name / "clarion.toml"
        settings.write_text(f'domain = "{name}.example"\n')
        assert run("person", "add", f"a@{name}.example", "--config", settings).exit_code == 0
    monkeypatch.chdir(tmp_path / "here")
    listing = ("person", "list", "--json")
    assert domain(run(*listing)) == "here.example"
    monkeypatch.setenv("CLARION_CONFIG", str(tmp_path / "variable" / "clarion.toml"))
    assert domain(run(*listing)) == "variable.example"
    option = tmp_path / "option" / "clarion.toml"
    assert domain(run(*listing, "--config", option)) == "option.example"


@pytest.mark.parametrize("command", [("check",), ("run",), ("person", "list")])
def test_every_error_of_the_configuration_is_a_line_and_2(
    run: Run, settings: Path, command: tuple[str, ...]
):
    settings.write_text('domain = "corp.example"\ncolour = 1\n[xmpp]\nlistn = []\n')
    result = run(*command, "--config", settings)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "clarion: xmpp.listn: no such setting; did you mean 'listen'?",
        "clarion: colour: no such setting",
    ]


def test_a_missing_configuration_says_what_to_do(run: Run, tmp_path: Path):
    result = run("person", "list", "--config", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "no such file; `clarion init" in result.stderr


def test_check_looks_at_the_files_too(run: Run, settings: Path):
    result = run("check", "--config", settings)
    assert result.exit_code == 2
    assert "clarion: tls.certificate: " in result.stderr


def test_check_for_programs(run: Run, settings: Path):
    settings.write_text('domain = "corp.example"\n[xmpp]\nlisten = []\nlisten_tls = []\n')
    result = run("check", "--json", "--config", settings)
    assert (result.exit_code, json.loads(result.stdout)["errors"]) == (0, [])
    assert run("check", "--config", settings).stdout == f"{settings}: good\n"
    settings.write_text("domain = 7\n")
    result = run("check", "--json", "--config", settings)
    assert result.exit_code == 2
    assert len(json.loads(result.stdout)["errors"]) == 1
