"""``clarion init`` makes all that is needed and overwrites nothing."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clarion.config.load import load

Run = Callable[..., Any]


def test_it_writes_what_the_server_needs(run: Run, tmp_path: Path):
    folder = tmp_path / "new" / "place"
    result = run("init", folder, "--domain", "Corp.EXAMPLE")
    assert result.exit_code == 0, result.stderr
    config = load(folder / "clarion.toml")
    assert config.domain == "corp.example"
    assert config.data == folder / "data"
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    certificates = {one.name: one for one in (folder / "certs").iterdir()}
    assert sorted(certificates) == ["ca.key", "ca.pem", "server.key", "server.pem"]
    for name in ("ca.key", "server.key"):
        assert stat.S_IMODE(certificates[name].stat().st_mode) == 0o600
    assert run("check", "--config", folder / "clarion.toml").exit_code == 0


@pytest.mark.parametrize("name", ["clarion.toml", "certs/ca.key"])
def test_it_overwrites_nothing(run: Run, tmp_path: Path, name: str):
    there = tmp_path / name
    there.parent.mkdir(exist_ok=True)
    there.write_text("precious")
    result = run("init", tmp_path, "--domain", "corp.example")
    assert result.exit_code == 1
    assert result.stderr == f"clarion: {there}: exists already and is not overwritten\n"
    assert [one.name for one in tmp_path.rglob("*") if one.is_file()] == [there.name]


def test_what_is_no_domain_is_wrong_usage(run: Run, tmp_path: Path):
    result = run("init", tmp_path, "--domain", "not a domain")
    assert result.exit_code == 2
    assert result.stderr.startswith("clarion: invalid value for '--domain'")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path):
    (tmp_path / "file").write_text("")
    result = run("init", tmp_path / "file" / "x", "--domain", "corp.example")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
