"""What the XMPP door tells Prometheus; worked out when it is asked, from plain numbers."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from clarion.xmpp.door import XmppDoor
from clarion.xmpp.services import Services


def door_figures(door: XmppDoor, services: Services) -> Iterable[Metric]:
    """See ``lib.metrics.Source``; walks the sessions once, some 0.5 us each."""
    connected = waiting = unacknowledged = out = delivered = 0
    for context in door.lifecycle.contexts():
        session = context.session
        if session.line is None:
            waiting += 1
        else:
            connected += 1
        unacknowledged += len(session.unproven)
        if session.outbound is not None:
            unacknowledged += len(session.outbound)
        out += session.sent
        delivered += session.delivered
    tally = services.tally
    connections = GaugeMetricFamily(
        "clarion_connections", "Connections of clients.", labels=["state"]
    )
    connections.add_metric(["logging_in"], door.strangers)
    connections.add_metric(["logged_in"], len(door.connections) - door.strangers)
    yield connections
    sessions = GaugeMetricFamily("clarion_sessions", "Sessions.", labels=["state"])
    sessions.add_metric(["connected"], connected)
    sessions.add_metric(["resumable"], waiting)
    yield sessions
    yield _counter(
        "clarion_sessions_begun",
        "Sessions begun, and taken up again.",
        "how",
        {"bound": 0, "resumed": 0} | tally.sessions,
    )
    throttle = door.throttle
    yield _counter(
        "clarion_log_ins",
        "Log-ins; refused: unseen, because too many waited after failed ones.",
        "result",
        {"good": throttle.good, "bad": throttle.bad, "refused": throttle.refused},
    )
    yield _counter(
        "clarion_stanzas",
        "Stanzas taken from and sent to sessions.",
        "direction",
        {"in": tally.stanzas_in, "out": tally.stanzas_out + out},
    )
    yield CounterMetricFamily(
        "clarion_deliveries",
        "Archived messages handed to sessions.",
        tally.deliveries + delivered,
    )
    yield GaugeMetricFamily(
        "clarion_unacknowledged_stanzas",
        "Stanzas sent that clients have not acknowledged yet.",
        unacknowledged,
    )
    yield _counter(
        "clarion_refusals", "Stanza errors sent to clients.", "condition", tally.refusals
    )
    yield _counter(
        "clarion_connections_refused",
        "Connections cut as soon as they were made.",
        "limit",
        {"connections_per_address": 0, "strangers_per_address": 0} | tally.cut,
    )
    proxy = services.bytestreams
    if proxy is not None:
        yield GaugeMetricFamily("clarion_bytestreams", "Files under way.", len(proxy))
        yield CounterMetricFamily("clarion_bytestreams_begun", "Files relayed.", proxy.begun)
        yield CounterMetricFamily(
            "clarion_bytestreams_bytes", "Relayed by those that are over.", proxy.relayed_bytes
        )


def _counter(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
