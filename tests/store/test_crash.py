"""After ``kill -9`` at each crash point, everything acknowledged is there, and whole."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from clarion.lib.crashpoint import AFTER_COMMIT, BEFORE_COMMIT, MID_BATCH, VARIABLE

SCRIPT = Path(__file__).with_name("crash_writer.py")
IN_A_BATCH = 7


@pytest.mark.parametrize("name", [MID_BATCH, BEFORE_COMMIT, AFTER_COMMIT])
def test_what_was_acknowledged_survives(tmp_path: Path, name: str):
    path = tmp_path / "clarion.db"
    done = subprocess.run(
        [sys.executable, SCRIPT, path],
        env={**os.environ, VARIABLE: f"{name}:5"},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert done.stderr.decode().strip() == f"crash point {name} reached"
    acknowledged = set(done.stdout.decode().split())
    assert acknowledged
    with closing(sqlite3.connect(path)) as connection:
        kept = {row[0] for row in connection.execute("SELECT name FROM secret")}
    assert acknowledged <= kept
    assert {key + "'" for key in kept if not key.endswith("'")} <= kept  # no write is half there
    assert len(kept) // 2 - len(acknowledged) == (IN_A_BATCH if name == AFTER_COMMIT else 0)
