"""Parts of a file, and what a client has of it already (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum
from typing import Final

DIGITS_LIMIT: Final = 19
"""LIMIT: digits of a position; no file has more bytes than that can name."""

_SPEC: Final = re.compile(rf"([0-9]{{0,{DIGITS_LIMIT}}})-([0-9]{{0,{DIGITS_LIMIT}}})")
_ETAG: Final = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file.

    Attributes:
        start: The first byte, from 0.
        length: How many.

    """

    start: int
    length: int


class Verdict(Enum):
    """What preconditions lead to (section 13.2.2)."""

    GO_ON = "go on"
    NOT_MODIFIED = "not modified"
    FAILED = "failed"


class RangeError(ValueError):
    """The file has no such part: 416 (section 15.5.17)."""


def http_date(at: float) -> str:
    """Return a UNIX second as an HTTP date (section 5.6.7)."""
    return format_datetime(datetime.fromtimestamp(int(at), UTC), usegmt=True)


def part_of(header: str | None, size_bytes: int) -> Part | None:
    """Return which part of a file ``Range`` asks for.

    Several parts, another unit, and what cannot be understood are ignored, as
    section 14.2 allows: the whole file is the answer then.

    Returns:
        ``None``: the whole file.

    Raises:
        RangeError: The part lies behind the end of the file.

    """
    unit, equals, spec = (header or "").partition("=")
    found = _SPEC.fullmatch(spec.strip())
    if unit.strip().lower() != "bytes" or not equals or found is None:
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        length = min(int(last), size_bytes)
        if length == 0:
            raise RangeError("there are no last bytes")
        return Part(size_bytes - length, length)
    start = int(first)
    if last and int(last) < start:
        return None  # section 14.1.1: not valid, and so ignored
    if start >= size_bytes:
        raise RangeError("the file ends before that")
    end = min(int(last), size_bytes - 1) if last else size_bytes - 1
    return Part(start, end - start + 1)


def judge(headers: Mapping[str, str], etag: str, changed: float) -> Verdict:
    """Look at the preconditions of a GET or HEAD in their order (section 13.2.2).

    Args:
        headers: Of the request; names in any case, as the mapping has it.
        etag: Of the file, strong, with its quotes.
        changed: UNIX seconds when the file was last modified.

    """
    match = headers.get("If-Match")
    if match is not None:
        if not _names(match, etag, weak=False):
            return Verdict.FAILED
    else:
        unmodified = _date(headers.get("If-Unmodified-Since"))
        if unmodified is not None and int(changed) > unmodified:
            return Verdict.FAILED
    none = headers.get("If-None-Match")
    if none is not None:
        return Verdict.NOT_MODIFIED if _names(none, etag, weak=True) else Verdict.GO_ON
    modified = _date(headers.get("If-Modified-Since"))
    if modified is not None and int(changed) <= modified:
        return Verdict.NOT_MODIFIED
    return Verdict.GO_ON


def range_holds(if_range: str | None, etag: str, changed: float) -> bool:
    """Say whether ``Range`` counts, given ``If-Range`` (section 13.1.5)."""
    if if_range is None:
        return True
    text = if_range.strip()
    if text.startswith(('"', "W/")):
        return text == etag  # by strong comparison: a weak one never does
    date = _date(text)
    return date is not None and date == int(changed)


def _names(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not is_weak) for is_weak, tag in _ETAG.findall(header))


def _date(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text.strip())
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
