"""How often a value was how large: one bisection and two additions a value."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for what takes a millisecond when all is well."""
COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
"""Bounds for how many were done together."""


class Histogram:
    """How often a value was how large. Not thread-safe: one thread observes.

    Args:
        bounds: Upper bounds of the buckets, rising; one without bound comes on top.

    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Return how many values were not above each bound, and the sum of all."""
        total = 0
        found: list[tuple[str, float]] = []
        for bound, count in zip((*self._bounds, None), list(self._counts), strict=True):
            total += count
            found.append(("+Inf" if bound is None else str(float(bound)), float(total)))
        return found, self._sum
