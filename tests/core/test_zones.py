"""Offsets from UTC."""

import pytest

from clarion.core.zones import offset_of

JANUARY = 1_768_478_400.0  # 2026-01-15T12:00:00Z
JULY = 1_784_116_800.0  # 2026-07-15T12:00:00Z


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        (JANUARY, "UTC", "+00:00"),
        (JANUARY, "Europe/Berlin", "+01:00"),
        (JULY, "Europe/Berlin", "+02:00"),
        (JANUARY, "America/St_Johns", "-03:30"),
        (JANUARY, "Asia/Kathmandu", "+05:45"),
        (JANUARY, "America/New_York", "-05:00"),
        (JANUARY, "Nowhere/Land", "+00:00"),
        (JANUARY, "../etc/passwd", "+00:00"),
    ],
)
def test_offsets(at: float, zone: str, expected: str) -> None:
    assert offset_of(at, zone) == expected
