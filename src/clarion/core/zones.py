"""How far a time zone is from UTC at a given moment."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MINUTE: Final = timedelta(minutes=1)


def offset_of(at: float, zone: str) -> str:
    """Return the offset as ``+hh:mm`` or ``-hh:mm`` (XEP-0082 section 3.2, ISO 8601).

    Args:
        at: UNIX seconds.
        zone: IANA name; one that this machine does not know counts as UTC.

    """
    offset = None
    if zone != "UTC":
        try:
            offset = datetime.fromtimestamp(at, tz=UTC).astimezone(ZoneInfo(zone)).utcoffset()
        except (ZoneInfoNotFoundError, ValueError, OSError):
            offset = None
    # No zone in use has an offset with seconds; those of the 19th century had.
    minutes = 0 if offset is None else round(offset / _MINUTE)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
