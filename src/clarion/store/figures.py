"""What the store tells Prometheus."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from clarion.lib.metrics import histogram
from clarion.store.meter import Meter


def store_figures(meter: Meter) -> Iterable[Metric]:
    """See ``lib.metrics.Source``."""
    yield CounterMetricFamily(
        "clarion_store_writes", "Writes committed or refused by the database.", meter.committed
    )
    yield CounterMetricFamily(
        "clarion_store_writes_refused",
        "Writes refused because too many waited.",
        meter.refused,
    )
    yield GaugeMetricFamily(
        "clarion_store_writer_queue",
        "Writes that wait for their commit.",
        max(0, meter.put - meter.refused - meter.committed),
    )
    yield GaugeMetricFamily(
        "clarion_store_reader_queue",
        "Queries that wait for a reader or run.",
        meter.reading,
    )
    yield histogram(
        "clarion_store_commit_seconds", "One transaction with its fsync.", meter.commits
    )
    yield histogram("clarion_store_batch_writes", "Writes in one transaction.", meter.batches)
    yield histogram(
        "clarion_store_read_seconds",
        "One query, waiting for a reader included; part archive: a page of the archive.",
        meter.reads,
        "part",
    )
