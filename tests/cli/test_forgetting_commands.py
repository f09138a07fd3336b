"""``clarion person erase`` and ``clarion retention run`` without a server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
ANN = "ann@corp.example"


def test_a_person_is_erased_after_a_question(run: Run, person: Run, settings: Path):
    person("add", ANN, "--name", "Annabella Xylophone", "--phone", "+4930999888777")
    refused = run("person", "erase", ANN, "--config", settings, input="ann\n")
    assert refused.exit_code == 1
    assert "nobody was erased" in refused.stderr
    assert len(person("list")) == 1
    done = run("person", "erase", ANN, "--config", settings, input=f"{ANN}\n")
    assert done.exit_code == 0, done.stderr
    assert f"Erased {ANN}: " in done.stdout
    assert person("list") == []
    data = b"".join(path.read_bytes() for path in (settings.parent / "data").iterdir())
    assert b"Xylophone" not in data
    assert b"999888777" not in data
    again = run("person", "add", ANN, "--config", settings)
    assert again.exit_code == 1
    assert "is not given again" in again.stderr
    person("add", "bob@corp.example")
    told = person("erase", "bob@corp.example", "--yes", "--messages")
    assert (told["address"], told["messages"]) == ("bob@corp.example", True)
    assert run("person", "erase", "bob@corp.example", "--yes", "--config", settings).exit_code == 1


def test_retention_says_what_it_did(run: Run, settings: Path):
    said = run("retention", "run", "--config", settings)
    assert said.exit_code == 1
    assert "[retention] messages is 0: everything is kept for ever" in said.stderr
    said = run("retention", "run", "--dry-run", "--config", settings)
    assert said.stdout == "[retention] messages is 0: everything is kept for ever.\n"
    settings.write_text(settings.read_text() + "[retention]\nmessages = 30\n")
    said = run("retention", "run", "--dry-run", "--config", settings)
    assert said.stdout.startswith("0 items are older than 30 days")
    said = run("retention", "run", "--config", settings)
    assert said.stdout.startswith("Deleted 0 items")
    told = json.loads(run("retention", "run", "--json", "--config", settings).stdout)
    assert (told["messages_days"], told["items"]) == (30, 0)


def test_a_policy_that_makes_no_sense_is_refused(run: Run, settings: Path):
    text = settings.read_text()
    for wrong, why in (
        ("messages = 30\nwaiting = 10", "retention.waiting: must not be below messages (30 days)"),
        ("waiting = 10", "retention.waiting: does nothing while messages is 0"),
        ("messages = -1", "retention.messages: must be 0 to 36500 days"),
    ):
        settings.write_text(f"{text}[retention]\n{wrong}\n")
        said = run("check", "--config", settings)
        assert said.exit_code == 2
        assert why in said.stderr + said.stdout
