"""What the house as a whole tells Prometheus."""

import platform
import sqlite3
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from clarion import __version__
from clarion.core.directory import Directory


def house_figures(
    kept: int, directory: Directory, certificate_expires: float | None, backed_up: float | None
) -> Iterable[Metric]:
    """See ``lib.metrics.Source``.

    Args:
        kept: Messages put into the archive.
        directory: Counts its people.
        certificate_expires: UNIX seconds, UTC; ``None`` without TLS.
        backed_up: UNIX seconds, UTC, of the last backup; ``None``: there was none.

    """
    yield InfoMetricFamily(
        "clarion_build",
        "What runs here.",
        {
            "version": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
    )
    persons = directory.persons()
    people = GaugeMetricFamily("clarion_persons", "People of the organisation.", labels=["state"])
    disabled = sum(person.disabled for person in persons)
    people.add_metric(["enabled"], len(persons) - disabled)
    people.add_metric(["disabled"], disabled)
    yield people
    yield CounterMetricFamily("clarion_messages_kept", "Messages put into the archive.", kept)
    if certificate_expires is not None:
        yield GaugeMetricFamily(
            "clarion_certificate_expires_timestamp_seconds",
            "When the certificate expires, UNIX time.",
            certificate_expires,
        )
    yield GaugeMetricFamily(
        "clarion_last_backup_timestamp_seconds",
        "When the last backup was taken, UNIX time; 0: never.",
        backed_up or 0.0,
    )
