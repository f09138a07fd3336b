"""What a server adds to what it delivers, and XEP-0082."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.stamps import delay, microseconds, stanza_id, utc


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert utc(0) == "1970-01-01T00:00:00.000Z"
    assert utc(1_750_000_000.123) == "2025-06-15T15:06:40.123Z"


@given(st.integers(0, 253_402_300_799_999))
@settings(deadline=None)
def test_what_is_written_is_read_to_the_millisecond(milliseconds: int) -> None:
    assert microseconds(utc(milliseconds / 1000)) == milliseconds * 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-07-21T02:56:15Z", -14_159_025_000_000),
        ("1969-07-20T21:56:15-05:00", -14_159_025_000_000),
        ("2025-06-15T17:06:40.1234567+02:00", 1_750_000_000_123_456),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000_000),
        ("9999-12-31T23:59:59.999999-12:00", 253_402_343_999_999_999),
    ],
)
def test_times_are_read(text: str, expected: int) -> None:
    assert microseconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "20260131T12:00:00Z",
        "2026-W05-6T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:01Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+99:00",
        "2026-01-31T12:00:00Z\n",
        "\u0662026-01-31T12:00:00Z",
        "2026-01-31T12:00:00." + "0" * 100_000 + "Z",
    ],
)
def test_what_is_no_date_and_time_is_refused_in_few_words(text: str) -> None:
    with pytest.raises(PeerError, match="no date and time") as refusal:
        microseconds(text)
    assert len(str(refusal.value)) < 200


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(PeerError):
        microseconds(text)


def test_the_elements() -> None:
    assert stanza_id("o'neil@corp.example", "ab") == (
        b"<stanza-id xmlns='urn:xmpp:sid:0' by='o&apos;neil@corp.example' id='ab'/>"
    )
    assert delay("corp.example", 0.5) == (
        b"<delay xmlns='urn:xmpp:delay' from='corp.example' stamp='1970-01-01T00:00:00.500Z'/>"
    )
