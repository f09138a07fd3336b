"""Migrations: numbered, each whole or not at all, never on what is not ours."""

import sqlite3

import pytest

from clarion.lib.errors import UsageError
from clarion.store.migrations import migrate as module
from clarion.store.migrations.migrate import APPLICATION_ID, migrate, migrations, schema_of


@pytest.fixture
def connection():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {row[0] for row in rows}


def test_a_new_database_gets_every_migration_once(connection: sqlite3.Connection):
    assert schema_of(connection, "x") == 0
    assert migrate(connection, "x") == len(migrations())
    assert schema_of(connection, "x") == len(migrations())
    assert {"item", "line", "move", "person", "roster"} <= tables(connection)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert migrate(connection, "x") == 0


def test_a_failing_migration_leaves_nothing_behind_and_earlier_ones_stand(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
):
    steps = ["CREATE TABLE one (a);", "CREATE TABLE two (a);\nCREATE TABLE one (a);"]
    monkeypatch.setattr(module, "migrations", lambda: tuple(steps))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, "x")
    assert tables(connection) == {"one"}
    assert schema_of(connection, "x") == 1
    steps[1] = "-- Mended.\nCREATE TABLE two (a);\n"
    assert migrate(connection, "x") == 1
    assert tables(connection) == {"one", "two"}


def test_a_newer_database_is_refused(connection: sqlite3.Connection):
    migrate(connection, "x")
    known = len(migrations())
    connection.execute(f"PRAGMA user_version = {known + 1}")
    expected = rf"newer Clarion \(schema {known + 1}; this one knows {known}\)"
    with pytest.raises(UsageError, match=expected):
        migrate(connection, "x")


@pytest.mark.parametrize(
    "made", ["CREATE TABLE theirs (a)", "PRAGMA user_version = 3", "PRAGMA application_id = 9"]
)
def test_a_database_of_another_program_is_refused(connection: sqlite3.Connection, made: str):
    connection.execute(made)
    with pytest.raises(UsageError, match="another program"):
        migrate(connection, "x")
    assert "item" not in tables(connection)
