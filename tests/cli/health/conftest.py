"""What the tests of the doctor's parts share."""

from pathlib import Path

import pytest

from clarion.store.opening import connect_writer


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "clarion.db"
    connect_writer(path).close()
    return path
