"""Tables, times and the bar."""

import json
import time

import pytest

from clarion.cli.output import BAR_AFTER, Bar, moment, print_json, print_table
from fakes.clock import FakeClock


def test_a_table_that_goes_to_a_file_is_not_cut(capsys: pytest.CaptureFixture[str]):
    long = "x" * 500
    print_table(("A", "B"), [(long, "[red]y[/red]")])
    assert capsys.readouterr().out.splitlines()[1].split() == [long, "[red]y[/red]"]


def test_a_table_may_be_empty_or_without_a_header(capsys: pytest.CaptureFixture[str]):
    print_table(("A", "B"), [])
    assert capsys.readouterr().out.split() == ["A", "B"]
    print_table((), [("a", "b")])
    assert capsys.readouterr().out.split() == ["a", "b"]


def test_json_keeps_every_script(capsys: pytest.CaptureFixture[str]):
    print_json({"name": "张伟"})
    out = capsys.readouterr().out
    assert "张伟" in out
    assert json.loads(out) == {"name": "张伟"}


def test_times_are_local(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert moment(0.0) == "1970-01-01 09:00:00"
        assert moment(None) == ""
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_bar_appears_when_it_takes_long(capsys: pytest.CaptureFixture[str]):
    clock = FakeClock()
    with Bar("Importing", clock, terminal=True) as bar:
        bar(1, 10)
        clock.advance(BAR_AFTER - 0.01)
        bar(2, 10)
        assert capsys.readouterr().err == ""
        clock.advance(0.02)
        bar(3, 10)
        bar(4, 10)
    shown = capsys.readouterr()
    assert "Importing" in shown.err
    assert "4/10" in shown.err
    assert shown.out == ""


def test_the_bar_never_appears_off_a_terminal(capsys: pytest.CaptureFixture[str]):
    clock = FakeClock()
    with Bar("Importing", clock) as bar:
        clock.advance(BAR_AFTER * 10)
        bar(1, 10)
    assert capsys.readouterr().err == ""
