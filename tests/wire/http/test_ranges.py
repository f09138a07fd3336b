"""Ranges and preconditions of RFC 9110, sentence by sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.http.ranges import (
    DIGITS_LIMIT,
    Part,
    RangeError,
    Verdict,
    http_date,
    judge,
    part_of,
    range_holds,
)

ETAG = '"abc"'
AT = 1_750_000_000.5
DATE = "Sun, 15 Jun 2025 15:06:40 GMT"
EARLIER, LATER = "Sun, 15 Jun 2025 15:06:39 GMT", "Sun, 15 Jun 2025 15:06:41 GMT"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=0-499", Part(0, 500)),
        ("bytes=500-999", Part(500, 500)),
        ("bytes=500-", Part(500, 500)),
        ("bytes=500-99999", Part(500, 500)),
        ("bytes=-500", Part(500, 500)),
        ("bytes=-5000", Part(0, 1000)),
        ("Bytes = 1-2", Part(1, 2)),
    ],
)
def test_a_part(header: str, part: Part):
    assert part_of(header, 1000) == part


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=2-1",
        "bytes=0-1,5-6",
        "lines=0-1",
        "bytes=\u0661-\u0662",
        f"bytes=0-{'9' * (DIGITS_LIMIT + 1)}",
    ],
)
def test_what_is_ignored(header: str | None):
    assert part_of(header, 1000) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_what_is_not_there(header: str):
    with pytest.raises(RangeError):
        part_of(header, 1000)


@given(st.text(max_size=60), st.integers(0, 10_000))
def test_any_header_is_a_part_of_the_file_or_none(text: str, size: int):
    for header in (text, f"bytes={text}"):
        try:
            part = part_of(header, size)
        except RangeError:
            continue
        assert part is None or (part.length > 0 and part.start + part.length <= size)
        judge({"If-None-Match": text, "If-Modified-Since": text, "If-Match": text}, ETAG, AT)
        range_holds(text, ETAG, AT)


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, Verdict.GO_ON),
        ({"If-None-Match": ETAG}, Verdict.NOT_MODIFIED),
        ({"If-None-Match": f'"x", W/{ETAG}'}, Verdict.NOT_MODIFIED),
        ({"If-None-Match": "*"}, Verdict.NOT_MODIFIED),
        ({"If-None-Match": '"x"'}, Verdict.GO_ON),
        # section 13.1.3: not looked at beside If-None-Match
        ({"If-None-Match": '"x"', "If-Modified-Since": LATER}, Verdict.GO_ON),
        ({"If-Modified-Since": DATE}, Verdict.NOT_MODIFIED),
        ({"If-Modified-Since": EARLIER}, Verdict.GO_ON),
        ({"If-Modified-Since": "yesterday"}, Verdict.GO_ON),
        ({"If-Match": ETAG}, Verdict.GO_ON),
        ({"If-Match": "*"}, Verdict.GO_ON),
        ({"If-Match": f"W/{ETAG}"}, Verdict.FAILED),
        ({"If-Match": '"x"', "If-None-Match": ETAG}, Verdict.FAILED),
        ({"If-Unmodified-Since": EARLIER}, Verdict.FAILED),
        ({"If-Unmodified-Since": DATE}, Verdict.GO_ON),
        ({"If-Match": ETAG, "If-Unmodified-Since": EARLIER}, Verdict.GO_ON),
    ],
)
def test_preconditions(headers: dict[str, str], verdict: Verdict):
    assert judge(headers, ETAG, AT) is verdict


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        (None, True),
        (ETAG, True),
        (f"W/{ETAG}", False),
        ('"x"', False),
        (DATE, True),
        (LATER, False),
        ("nonsense", False),
    ],
)
def test_if_range(header: str | None, holds: bool):
    assert range_holds(header, ETAG, AT) is holds


def test_a_date():
    assert http_date(AT) == DATE
