"""The record of what ran, which ``docs/generate.py`` trusts."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "tests" / "conftest.py"


def recording() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recording", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(nodeid: str, outcome: str = "passed", when: str = "call", **properties: str) -> Any:
    return SimpleNamespace(
        nodeid=nodeid,
        outcome=outcome,
        passed=outcome == "passed",
        when=when,
        user_properties=list(properties.items()),
    )


def ran(record: Path, *reports: Any) -> dict[str, Any]:
    recorder = recording().Recorder(record)
    for one in reports:
        recorder.pytest_runtest_logreport(one)
    recorder.pytest_sessionfinish()
    return dict(json.loads(record.read_text()))


def test_what_ran_is_recorded_by_file(tmp_path: Path):
    told = ran(
        tmp_path / "var" / "r.json",
        report("tests/a.py::one", when="setup"),
        report("tests/a.py::one"),
        report("tests/a.py::two", "failed"),
        report("tests/b.py::one", "skipped", when="setup"),
        report("tests/c.py::one[x::y]", shows="tests/talk/x.talk"),
    )
    assert told == {
        "tests/a.py": {"version": "", "passed": True, "failed": ["tests/a.py::two"]},
        "tests/b.py": {"version": "", "passed": False, "failed": []},
        "tests/c.py": {"version": "", "passed": True, "failed": []},
        "tests/talk/x.talk": {"version": "", "passed": True, "failed": []},
    }


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_a_fault_around_a_test_is_a_failure(tmp_path: Path, when: str):
    steps = [report("tests/a.py::one"), report("tests/a.py::one", "failed", when)]
    told = ran(tmp_path / "r.json", *steps)
    assert told["tests/a.py"]["failed"] == ["tests/a.py::one"]


def test_a_run_adds_to_the_record_and_a_failure_stays_until_that_test_passes(tmp_path: Path):
    record = tmp_path / "r.json"
    ran(record, report("tests/a.py::one", "failed"), report("tests/b.py::one"))
    told = ran(record, report("tests/a.py::two"))
    assert told["tests/a.py"] == {"version": "", "passed": True, "failed": ["tests/a.py::one"]}
    assert told["tests/b.py"]["passed"] is True
    assert ran(record, report("tests/a.py::one"))["tests/a.py"]["failed"] == []


def test_what_is_known_of_another_version_is_forgotten():
    merged = recording().merged
    first = merged({}, {"tests/a.py": {"a::gone": "failed", "a::one": "passed"}}, lambda _: "1")
    assert first["tests/a.py"]["failed"] == ["a::gone"]
    second = merged(first, {"tests/a.py": {"a::one": "passed"}}, lambda _: "2")
    assert second["tests/a.py"] == {"version": "2", "passed": True, "failed": []}


def test_versions_are_those_that_the_generator_knows():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert recording().version_of("tests/conftest.py") == generate.version_of(PATH)
    assert recording().version_of("tests/none.py") == generate.version_of(ROOT / "tests/none.py")
    assert recording().RECORD == ROOT / generate.RECORD


def test_a_broken_record_is_begun_anew(tmp_path: Path):
    (tmp_path / "r.json").write_text("{")
    assert list(ran(tmp_path / "r.json", report("tests/a.py::one"))) == ["tests/a.py"]


def test_a_run_of_nothing_leaves_the_record_alone(tmp_path: Path):
    recording().Recorder(tmp_path / "r.json").pytest_sessionfinish()
    assert not (tmp_path / "r.json").exists()


def test_where_nothing_can_be_written_tests_still_run(tmp_path: Path):
    (tmp_path / "var").touch()
    recorder = recording().Recorder(tmp_path / "var" / "r.json")
    recorder.pytest_runtest_logreport(report("tests/a.py::one"))
    recorder.pytest_sessionfinish()


def test_workers_leave_the_record_to_the_process_that_started_them(pytestconfig: pytest.Config):
    worker = hasattr(pytestconfig, "workerinput")
    assert pytestconfig.pluginmanager.hasplugin("clarion-record") is not worker
