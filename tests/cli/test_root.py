"""The command line as a whole: help, versions, exit codes, one line for an error."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
import pytest

from clarion import __version__
from clarion.cli.root import COMMANDS, UnusableError, clarion
from clarion.lib.errors import ClarionError, UnavailableError, UsageError

Run = Callable[..., Any]


def test_help_lists_every_command(run: Run):
    result = run("--help")
    assert result.exit_code == 0
    for name, _, text in COMMANDS:
        assert f"{name} " in result.stdout
        assert text in result.stdout


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_every_command_explains_itself(run: Run, name: str):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: clarion {name}" in result.stdout


def test_every_command_can_be_loaded_by_its_name():
    for name, module, _ in COMMANDS:
        command = import_module(module).command
        assert isinstance(command, click.Command)
        assert command.name == name


def test_the_version_is_printed(run: Run):
    assert run("--version").stdout == f"clarion {__version__}\n"


def test_help_loads_no_command():
    heavy = ("clarion.config.model", "pydantic", "rich.table", "structlog", "cryptography")
    code = (
        "import sys\nfrom clarion.cli.root import clarion\n"
        "try:\n    clarion.main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "clarion: missing command; see 'clarion --help'"),
        (("persn",), "clarion: no such command 'persn'"),
        (("person",), "clarion: missing command; see 'clarion person --help'"),
        (("person", "add"), "clarion: missing argument 'ADDRESS'; see 'clarion person add --help'"),
        (("person", "list", "--jsn"), "clarion: no such option"),
        (("ledger", "show"), "clarion: name an ITEM, --thread A B or --room ROOM"),
        (("ledger", "show", "--thread", "a"), "clarion: option '--thread' requires 2 arguments"),
        (("person", "set", "ann@corp.example"), "clarion: nothing to change is given"),
        (("person", "import", "/no/such/file"), "clarion: invalid value for 'FILE'"),
    ],
)
def test_wrong_usage_is_one_line_and_2(run: Run, arguments: tuple[str, ...], line: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("one\ntwo"), 1, "clarion: one\nclarion: two\n"),
        (UnavailableError("full"), 1, "clarion: full\n"),
        (ClarionError(""), 1, "clarion: \n"),
        (UnusableError("no"), 2, "clarion: no\n"),
        (click.ClickException("odd"), 1, "clarion: odd\n"),
        (click.Abort(), 1, "clarion: interrupted\n"),
    ],
)
def test_each_refusal_has_its_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, text: str
):
    def fail() -> None:
        raise error

    command = click.Command("run", callback=fail)
    monkeypatch.setattr(clarion, "get_command", lambda *_: command)
    result = run("run")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", text)


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Any):
    (tmp_path / "clarion.toml").write_text('domain = "corp.example"\n')
    done = subprocess.run(
        f"{sys.executable} -m clarion person list --config {tmp_path}/clarion.toml | true",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
