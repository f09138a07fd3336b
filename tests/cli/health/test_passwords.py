import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clarion.cli.health import passwords
from clarion.wire.sasl.keys import derive_keys
from fakes.findings import told


def keep(database: Path, name: str, password: str, iterations: int = 4096) -> None:
    stored, server = derive_keys(password, b"salt", iterations, "sha256")
    with closing(sqlite3.connect(database)) as connection, connection:
        number = connection.execute(
            "INSERT INTO party (address) VALUES (?)", (f"{name}@corp.example",)
        ).lastrowid
        connection.execute(
            "INSERT INTO person (number, name, language, time_zone, admin, disabled)"
            " VALUES (?, ?, 'en', 'UTC', 0, 0)",
            (number, name),
        )
        connection.execute(
            "INSERT INTO scram_key VALUES (?, '', 'sha256', ?, ?, ?, ?)",
            (number, b"salt", iterations, stored, server),
        )


def test_passwords_that_everybody_tries(database: Path):
    assert told(passwords.look(database)) == []
    keep(database, "ann", "a long and quiet afternoon")
    assert told(passwords.look(database))[0].startswith("good: none of the first 1 of 1 ")
    keep(database, "bob", "bob")
    keep(database, "cai", "secret")
    keep(database, "dan", "another quiet afternoon", iterations=1000)
    assert told(passwords.look(database)) == [
        "bad: anybody guesses those of bob@corp.example, cai@corp.example",
        "doubtful: 1 are kept with fewer than 4096 rounds",
    ]


def test_trying_passwords_ends_in_time(database: Path, monkeypatch: pytest.MonkeyPatch):
    keep(database, "bob", "bob")
    monkeypatch.setattr(passwords, "TIME_LIMIT", -1.0)
    assert "none of the first 0 of 1" in told(passwords.look(database))[0]


def test_no_database_no_passwords(tmp_path: Path):
    assert told(passwords.look(tmp_path / "none")) == []
    (tmp_path / "odd").write_text("rubbish" * 100)
    assert told(passwords.look(tmp_path / "odd")) == []
