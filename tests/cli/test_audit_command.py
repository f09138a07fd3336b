"""``clarion audit``: list, export, verify; beside no server."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from clarion.admin.audited import local_actor
from clarion.core.audit import canonical, link

Run = Callable[..., Any]
ANN, BOB = "ann@corp.example", "bob@corp.example"


@pytest.fixture
def audit(run: Run, settings: Path) -> Run:
    def audit(*arguments: str | Path, **more: Any) -> Any:
        return run("audit", *arguments, "--config", settings, **more)

    return audit


@pytest.fixture
def acted(person: Run, run: Run, settings: Path) -> None:
    person("add", ANN, "--name", "Ann Xylophone", "--password-stdin", input="secret-one\n")
    person("add", BOB)
    person("disable", BOB)


def tamper(settings: Path, *statements: str) -> None:
    """Do what only somebody with the file in hand can do."""
    with closing(sqlite3.connect(settings.parent / "data" / "clarion.db")) as connection:
        for trigger in ("audit_is_appended", "audit_is_not_changed", "audit_is_not_deleted"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.usefixtures("acted")
def test_entries_are_listed_and_chosen(audit: Run):
    rows = json.loads(audit("list", "--json").stdout)
    assert [(row["verb"], row["target"]) for row in rows] == [
        ("person.add", ANN),
        ("person.add", BOB),
        ("person.disable", BOB),
    ]
    assert {row["actor"] for row in rows} == {local_actor()}
    assert rows[0]["details"] == '{"given":["name","password"]}'
    text = audit("list").stdout
    assert "Xylophone" not in text
    assert "secret-one" not in text
    assert text.split()[:6] == ["Number", "At", "Actor", "Verb", "Target", "Details"]
    for chosen, count in (
        (("--verb", "person"), 3),
        (("--verb", "person.add"), 2),
        (("--verb", "person.a"), 0),
        (("--target", BOB), 2),
        (("--actor", "server"), 0),
        (("--limit", "1"), 1),
        (("--since", "2020-01-01"), 3),
        (("--since", "2999-01-01T00:00+02:00"), 0),
    ):
        assert len(json.loads(audit("list", "--json", *chosen).stdout)) == count, chosen
    assert audit("list", "--since", "yesterday").exit_code == 2


@pytest.mark.usefixtures("acted")
def test_the_export_can_be_checked_without_clarion(audit: Run):
    lines = [json.loads(line) for line in audit("export").stdout.splitlines()]
    previous = ""
    for number, line in enumerate(lines, start=1):
        fields = (line[name] for name in ("at", "actor", "verb", "target", "details"))
        previous = link(previous, number, canonical(*fields))
        assert (line["number"], line["hash"]) == (number, previous)
    assert len(lines) == 3


@pytest.mark.usefixtures("acted")
def test_a_whole_chain_is_good(audit: Run, tmp_path: Path):
    said = audit("verify")
    assert said.exit_code == 0
    assert "The chain is whole: 3 entries, no heads to compare with." in said.stdout
    head = said.stdout.splitlines()[-1].removeprefix("Head: ")
    assert audit("verify", "--head", head).exit_code == 0
    log = tmp_path / "server.log"
    log.write_text(f'{{"event":"audit head","head":"{head}"}}\n')
    told = json.loads(audit("verify", "--log", log, "--json").stdout)
    assert (told["good"], told["heads"], told["head"]) == (True, 1, head)
    assert "1 head compared" in audit("verify", "--log", "-", input=log.read_text()).stdout


@pytest.mark.usefixtures("acted")
def test_what_was_done_to_it_is_found(audit: Run, settings: Path):
    head = json.loads(audit("verify", "--json").stdout)["head"]
    tamper(settings, "UPDATE audit SET target = 'x' WHERE number = 2")
    said = audit("verify")
    assert said.exit_code == 1
    assert "wrong: entry 2 was changed: its hash does not fit" in said.stdout
    assert "The chain is NOT whole" in said.stdout
    with closing(sqlite3.connect(settings.parent / "data" / "clarion.db")) as connection:
        connection.execute("DELETE FROM audit WHERE number >= 2")
        connection.commit()
    assert audit("verify").exit_code == 0  # which is why heads are exported
    said = audit("verify", "--head", head, "--json")
    assert said.exit_code == 1
    (fault,) = json.loads(said.stdout)["faults"]
    assert fault.startswith("2 entries are missing at the end: the log ends with 1, and 3")


@pytest.mark.usefixtures("acted")
def test_a_wrong_head_is_wrong_usage(audit: Run):
    said = audit("verify", "--head", "3:abc")
    assert said.exit_code == 2
    assert "write NUMBER:HASH" in said.stderr


def test_without_a_database_there_is_no_log(audit: Run):
    said = audit("list")
    assert said.exit_code == 1
    assert "there is no audit log yet" in said.stderr


@pytest.mark.usefixtures("acted")
def test_a_backup_and_a_restore_are_in_it(run: Run, audit: Run, settings: Path, tmp_path: Path):
    file = tmp_path / "b.db"
    assert run("backup", file, "--config", settings).exit_code == 0
    run("person", "enable", BOB, "--config", settings)
    head = json.loads(audit("verify", "--json").stdout)["head"]
    assert head.startswith("5:")
    assert run("restore", file, "--config", settings).exit_code == 0
    run("person", "list", "--config", settings)  # whoever opens it next notes it
    rows = json.loads(audit("list", "--json").stdout)
    assert [row["verb"] for row in rows] == [
        "person.add",
        "person.add",
        "person.disable",
        "restore",
    ]
    details = json.loads(rows[-1]["details"])
    assert details["replaced"] == head
    assert rows[-1]["actor"] == local_actor()
    said = audit("verify", "--head", head)
    assert said.exit_code == 0
    assert "heads of a log that a restored backup replaced: 1" in said.stdout
    kept = settings.parent / "data" / details["kept"]
    assert audit("verify", "--head", head, "--database", kept).exit_code == 0
    assert audit("verify", "--database", file).exit_code == 0
