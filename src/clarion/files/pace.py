"""How slow an upload may be: a client that sends next to nothing holds a place that others need."""

from typing import Final

GRACE_SECONDS: Final = 60.0
"""LIMIT: from the first byte on nobody is called too slow for so long; networks change cells."""
RATE_BPS: Final = 1024.0
"""LIMIT: bytes a second that an upload must have on average after that."""
STALL_SECONDS: Final = 60.0
"""LIMIT: without a single byte."""


class Pace:
    """Watches one upload, or one download by what the client takes.

    Args:
        now: Monotonic seconds at its beginning.
        rate_bps: See ``RATE_BPS``.
        grace: See ``GRACE_SECONDS``.

    """

    __slots__ = ("_began", "_bytes", "_grace", "_rate")

    def __init__(
        self, now: float, rate_bps: float = RATE_BPS, grace: float = GRACE_SECONDS
    ) -> None:
        self._began = now
        self._rate = rate_bps
        self._grace = grace
        self._bytes = 0

    def came(self, count: int, now: float) -> bool:
        """Count bytes; ``False``: it is too slow.

        Args:
            count: Bytes since the last call.
            now: Monotonic seconds.

        """
        self._bytes += count
        return self._bytes >= (now - self._began - self._grace) * self._rate
