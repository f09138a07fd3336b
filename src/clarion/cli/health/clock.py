"""The clock: log-ins, certificates and the order of messages depend on it."""

import ctypes
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from clarion.cli.health.finding import Finding, bad, doubtful, good

PART: Final = "clock"
AHEAD: Final = 60.0
"""Seconds by which the newest message may be ahead of the clock."""
_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES: Final = 512  # more than struct timex has anywhere


def look(
    now: float, newest: float | None, synchronised: Callable[[], bool | None]
) -> Iterator[Finding]:
    """Compare the clock with what is known.

    Args:
        now: UNIX seconds, UTC.
        newest: When the newest message was sent, UNIX seconds; ``None``: unknown.
        synchronised: Asks the system; ``None``: it does not tell.

    """
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if newest is not None and newest > now + AHEAD:
        yield bad(
            PART,
            f"it says {shown}, and the newest message is from "
            f"{datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M:%S} UTC",
            "set the clock; until then new messages are dated like the newest one",
        )
    else:
        yield good(PART, f"it says {shown}")
    held = synchronised()
    if held is True:
        yield good(PART, "it is kept by NTP")
    elif held is False:
        yield doubtful(PART, "nothing keeps it right", "install chrony or systemd-timesyncd")


def kernel_synchronised() -> bool | None:
    """Ask Linux whether its clock is kept by NTP (adjtimex(2)); ``None`` elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
