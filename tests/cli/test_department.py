"""``clarion department`` without a server: what it prints, and what it leaves in the database."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Person = Callable[..., Any]


@pytest.fixture
def department(run: Run, settings: Path) -> Callable[..., Any]:
    """Run ``clarion department ... --json`` and return what it prints."""

    def department(*arguments: str) -> Any:
        result = run("department", *arguments, "--json", "--config", settings)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return department


def test_departments_from_beginning_to_end(person: Person, department: Run):
    for name in ("ann", "bob"):
        person("add", f"{name}@corp.example", "--name", name.capitalize())
    assert department("list") == []
    made = department("add", "Sales")
    assert (made["address"], made["name"]) == ("sales@corp.example", "Sales")
    export = department("add", "export@corp.example", "--name", "Export", "--parent", "Sales")
    assert export["parent"] == "sales@corp.example"
    joined = department(
        "join", "Export", "ann@corp.example", "bob@corp.example", "--title", "Agent"
    )
    assert [one["title"] for one in joined["members"]] == ["Agent", "Agent"]
    department("join", "Export", "ann@corp.example", "--manager")
    shown = department("show", "export@corp.example")
    assert shown["managers"] == ["ann@corp.example"]
    assert shown["members"][0]["title"] == "Agent"
    assert department("set", "Export", "--parent", "", "--name", "World")["parent"] is None
    assert [one["address"] for one in department("list")] == [
        "export@corp.example",
        "sales@corp.example",
    ]
    assert department("leave", "World", "bob@corp.example")["people"] == 1
    assert person("show", "bob@corp.example")["departments"] == []
    assert department("remove", "World", "--members")["people"] == 1
    assert department("remove", "Sales")["address"] == "sales@corp.example"
    assert department("list") == []


def test_what_people_read(run: Run, person: Person, settings: Path):
    person("add", "ann@corp.example", "--name", "Ann")

    def said(*arguments: str) -> str:
        result = run("department", *arguments, "--config", settings)
        assert result.exit_code == 0, result.stderr
        return str(result.stdout)

    assert said("add", "World") == "Added world@corp.example.\n"
    assert said("add", "Sales", "--parent", "World") == "Added sales@corp.example.\n"
    assert said("join", "Sales", "ann@corp.example", "--title", "Head", "--manager") == (
        "sales@corp.example has 1 person.\n"
    )
    table = [line.split() for line in said("list").splitlines()]
    assert table == [
        ["Name", "Address", "People", "Managers"],
        ["World", "world@corp.example", "0"],
        ["Sales", "sales@corp.example", "1", "ann@corp.example"],
    ]
    assert said("list").splitlines()[2].startswith("  Sales")
    page = said("show", "Sales")
    assert "Above" in page
    assert page.splitlines()[-1].split() == ["ann@corp.example", "Ann", "Head", "manager"]
    assert "Below" in said("show", "World")
    assert said("set", "Sales", "--name", "Vertrieb") == "Changed sales@corp.example.\n"
    assert said("leave", "Vertrieb", "ann@corp.example") == "sales@corp.example has 0 people.\n"
    assert said("remove", "Vertrieb") == "Removed sales@corp.example.\n"


def test_refusals_say_what_to_do(run: Run, person: Person, settings: Path):
    person("add", "ann@corp.example", "--department", "Sales")
    result = run("department", "remove", "Sales", "--config", settings)
    assert result.exit_code == 1
    assert result.stderr == (
        "clarion: sales@corp.example: still has people (1); let them leave first, or say that "
        "their memberships may go (--members)\n"
    )
    result = run("department", "set", "Sales", "--config", settings)
    assert result.exit_code == 2
    assert "nothing to change is given" in result.stderr
    assert run("department", "join", "Sales", "--config", settings).exit_code == 2
