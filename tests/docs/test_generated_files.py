"""What is made from the code is current; ``make docs`` writes it anew."""

import importlib.util
import json
from pathlib import Path

import pytest

from clarion.config.load import load
from clarion.xmpp import protocols

ROOT = Path(__file__).resolve().parents[2]


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(generator().PAGES))
def test_the_page_is_current(name: str):
    text = generator().PAGES[name]()
    assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name}: run `make docs`"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project whose record says that everything ran and passed."""
    module = generator()
    named = {card.test for card in protocols.CARDS} | set(module.talks())
    for name in (*module.PAGES, module.RECORD, *named):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for name in named:
        (tmp_path / name).touch()
    version = module.version_of(tmp_path / module.talks()[0])  # all are empty
    record = {name: {"version": version, "passed": True, "failed": []} for name in named}
    (tmp_path / module.RECORD).write_text(json.dumps(record))
    return tmp_path


def test_the_generator_writes_only_what_is_not_current(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    module = generator()
    assert module.main(root=project) == 0
    assert capsys.readouterr().out == "".join(f"{name} written\n" for name in module.PAGES)
    assert module.main(root=project) == 0
    assert capsys.readouterr().out == ""


def changed(project: Path, **outcome: object) -> None:
    """Let the record say something else of the test of XEP-0199."""
    module = generator()
    record = json.loads((project / module.RECORD).read_text())
    if outcome:
        record["tests/xmpp/test_ping.py"] |= outcome
    else:
        del record["tests/xmpp/test_ping.py"]
    (project / module.RECORD).write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        ({}, "did not run"),
        ({"passed": False, "failed": []}, "was skipped"),
        ({"passed": True, "failed": ["a::b"]}, "failed: ['a::b']"),
        ({"version": "of before"}, "has changed since it ran"),
    ],
)
def test_the_protocols_are_not_written_unless_everything_ran_and_passed(
    project: Path, capsys: pytest.CaptureFixture[str], outcome: dict[str, object], why: str
):
    module = generator()
    changed(project, **outcome)
    assert module.main(root=project) == 1
    said = capsys.readouterr()
    assert f"tests/xmpp/test_ping.py {why}\n" in said.err
    assert "run `make test` first" in said.err
    assert not (project / module.PROTOCOLS).exists()
    assert (project / "docs" / "settings.md").exists()
    assert module.main(["--check"], root=project) == 1


def test_the_protocols_are_not_written_when_a_test_is_not_there(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    (project / "tests" / "xmpp" / "test_ping.py").unlink()
    (project / "tests" / "talk" / "xmpp" / "xep0199_ping.talk").unlink()
    assert generator().main(root=project) == 1
    said = capsys.readouterr().err
    assert "XEP-0199 (src/clarion/xmpp/ext/ping.py): tests/xmpp/test_ping.py is not there" in said


def test_the_protocols_are_not_written_before_tests_ran(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    module = generator()
    (project / module.RECORD).unlink()
    assert module.main(root=project) == 1
    assert "no tests ran here yet" in capsys.readouterr().err


def test_checking_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]):
    module = generator()
    assert module.main(["--check"], root=project) == 0
    assert capsys.readouterr().out == ""
    assert not any((project / name).exists() for name in module.PAGES)


def test_the_minimal_configuration_loads():
    config = load(ROOT / "config" / "minimal.toml")
    assert config.domain == "corp.example"
    assert config.tls.certificate == ROOT / "config" / "certs" / "fullchain.pem"
