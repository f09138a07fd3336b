"""A folder as ``clarion init`` makes it, and a command line that is run in this process."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from clarion.cli.root import clarion

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    before = list(logging.getLogger().handlers)
    level = logging.getLogger().level
    structlog.reset_defaults()  # other tests may have left it configured, to standard output
    yield
    logging.getLogger().handlers[:] = before
    logging.getLogger().setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``clarion`` with these arguments; ``input`` is standard input."""
    monkeypatch.delenv("CLARION_CONFIG", raising=False)

    def run(*arguments: str | Path, input: str | None = None) -> Result:  # noqa: A002  # as CliRunner calls it
        result = CliRunner().invoke(clarion, [str(one) for one in arguments], input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return run


@pytest.fixture
def settings(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the configuration of an organisation without a server."""
    folder = tmp_path_factory.mktemp("c")
    (folder / "clarion.toml").write_text('domain = "corp.example"\ndata = "data"\n')
    return folder / "clarion.toml"


@pytest.fixture
def person(run: Run, settings: Path) -> Callable[..., Any]:
    """Run ``clarion person ... --json`` and return what it prints."""

    def person(*arguments: str | Path, input: str | None = None) -> Any:  # noqa: A002  # as CliRunner calls it
        result = run("person", *arguments, "--json", "--config", settings, input=input)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return person
