import pytest

from clarion.cli.health import clock
from fakes.findings import NOW, told


@pytest.mark.parametrize(
    ("newest", "held", "verdicts"),
    [
        (None, None, ["good"]),
        (NOW + 30, True, ["good", "good"]),
        (NOW + 90, False, ["bad", "doubtful"]),
    ],
)
def test_the_clock(newest: float | None, held: bool | None, verdicts: list[str]):
    lines = told(clock.look(NOW, newest, lambda: held))
    assert [line.partition(":")[0] for line in lines] == verdicts


def test_the_kernel_says_yes_no_or_nothing(monkeypatch: pytest.MonkeyPatch):
    assert clock.kernel_synchronised() in {True, False, None}
    monkeypatch.setattr(clock.sys, "platform", "darwin")
    assert clock.kernel_synchronised() is None
