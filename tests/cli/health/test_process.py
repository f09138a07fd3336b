from pathlib import Path

import pytest

from clarion.cli.health import process
from fakes.findings import told


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ("512", "bad: the server may open 512"),
        ("4096", "doubtful: the server may open 4096"),
        ("65536", "good: the server may open 65536"),
        ("unlimited", "good: the server may open any number"),
    ],
)
def test_open_files_of_the_server(tmp_path: Path, limit: str, line: str):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "limits").write_text(
        f"Limit Soft Hard\nMax open files   {limit}   9  files\n"
    )
    assert told(process.look_at_files(7, tmp_path)) == [line]


def test_open_files_without_a_server(tmp_path: Path):
    for asked in (None, 8):
        (line,) = told(process.look_at_files(asked, tmp_path))
        assert "a process started here may open" in line


@pytest.mark.parametrize(
    ("expat", "sqlite", "verdicts"),
    [
        ((2, 7, 0), (3, 45, 0), {"good"}),
        ((2, 5, 0), (3, 45, 0), {"good", "doubtful"}),
        ((2, 2, 0), (3, 31, 0), {"good", "bad"}),
    ],
)
def test_native_parts(expat: tuple[int, int, int], sqlite: tuple[int, ...], verdicts: set[str]):
    lines = told(process.look_at_parts(expat, sqlite))
    assert {line.partition(":")[0] for line in lines} == verdicts


def test_without_uvloop(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    assert any("no uvloop" in line for line in told(process.look_at_parts()))
