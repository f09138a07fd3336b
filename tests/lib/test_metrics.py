from prometheus_client.core import GaugeMetricFamily

from clarion.lib.histogram import Histogram
from clarion.lib.metrics import FRESH_SECONDS, Exposition, histogram


def test_a_scrape_soon_after_another_costs_nothing():
    asked: list[int] = []
    now = 100.0

    def source():
        asked.append(1)
        yield GaugeMetricFamily("clarion_asked", "How often.", len(asked))

    exposition = Exposition([source], lambda: now)
    kind, text = exposition.text("")
    assert kind.startswith("text/plain")
    assert b"clarion_asked 1.0\n" in text
    now += FRESH_SECONDS / 2
    assert exposition.text("") == (kind, text)
    now += FRESH_SECONDS / 2
    assert b"clarion_asked 2.0\n" in exposition.text("")[1]


def test_memory_and_cpu_of_the_process_come_by_themselves():
    text = Exposition([], lambda: 0.0).text("")[1]
    assert b"process_resident_memory_bytes" in text
    assert b"process_cpu_seconds_total" in text


def test_a_histogram_for_each_value_of_a_label():
    one, other = Histogram((1,)), Histogram((1,))
    one.observe(0.5)
    family = histogram("clarion_x", "X.", {"a": one, "b": other}, "part")
    samples = {(s.name, s.labels.get("part"), s.labels.get("le")): s.value for s in family.samples}
    assert samples["clarion_x_bucket", "a", "1.0"] == 1
    assert samples["clarion_x_bucket", "b", "+Inf"] == 0
    assert samples["clarion_x_sum", "a", None] == 0.5
