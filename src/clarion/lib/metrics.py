"""What Prometheus is told: families of samples, and the text of a scrape.

On the hot paths there are only plain integers and ``Histogram.observe``;
families are made when somebody asks for them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from clarion.lib.histogram import Histogram

FRESH_SECONDS: Final = 1.0
"""LIMIT: a scrape within this time gets the text of the one before; many scrapers cost as one."""

Source = Callable[[], Iterable[Metric]]
"""A part of the house that tells its figures, on the loop."""


def histogram(
    name: str, text: str, one: Histogram | Mapping[str, Histogram], label: str = ""
) -> Metric:
    """Return the family of a histogram, or of one for each value of a label."""
    family = HistogramMetricFamily(name, text, labels=[label] if label else None)
    for value, each in one.items() if isinstance(one, Mapping) else (("", one),):
        buckets, total = each.buckets()
        family.add_metric([value] if label else [], buckets, sum_value=total)
    return family


class _Joined(Collector):
    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        for source in self._sources:
            yield from source()


class Exposition:
    """Writes what all parts tell, in the format that a scraper asks for.

    Args:
        sources: The parts; memory and CPU of the process come by themselves.
        monotonic: Seconds, for ``FRESH_SECONDS``.

    """

    def __init__(self, sources: Sequence[Source], monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Joined(sources))
        ProcessCollector(registry=self._registry)
        self._kept: dict[str, tuple[float, bytes]] = {}

    def text(self, accept: str) -> tuple[str, bytes]:
        """Return the media type and the text.

        Args:
            accept: The scraper's ``Accept``; OpenMetrics where it asks for it.

        """
        encoder, kind = choose_encoder(accept)
        now = self._monotonic()
        kept = self._kept.get(kind)
        if kept is None or now - kept[0] >= FRESH_SECONDS:
            kept = self._kept[kind] = (now, encoder(self._registry))
        return kind, kept[1]
