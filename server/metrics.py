"""What the product measures of itself, as one table, and the registry that keeps it.

Owns: the names, kinds, label values and help of every metric, and the text of `/metrics`.
Does not own: the moments when something is measured; each service records its own.
Invariants: names read `<noun>_<verb>_<unit>` behind the prefix `wenming_`; every label has a closed list
of values, written here, so that no person and no path can grow the table; every series exists from the
start with 0, so that a rate never begins at a gap.

Where do I add a metric: one line in METRICS, then `metrics.record(...)`, `observe(...)` or `hold(...)`.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import prometheus_client.core as prometheus
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

PREFIX = "wenming_"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Kind = Literal["counter", "gauge", "histogram"]

# A store answers within a millisecond, a stalled disk within a second; most steps lie where people begin to feel it.
STORE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# A poster takes about 0.03 s of one core, behind at most 64 others.
DRAWING_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

# A batch holds 1 to 512 participations.
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
REFUSALS = ("not_open", "ended", "paused", "frozen", "voided", "busy")


@dataclass(frozen=True)
class Metric:
    """One metric: `labels` maps each label to all values that it may have."""

    name: str
    kind: Kind
    help: str
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()


METRICS: tuple[Metric, ...] = (
    # requests
    Metric("requests_answered_total", "counter", "HTTP requests answered, by class of status.",
           {"status": ("1xx", "2xx", "3xx", "4xx", "5xx")}),
    Metric("requests_served_seconds", "histogram", "Time from a request's headers to its answer.", buckets=STORE_SECONDS),
    # counting
    Metric("participations_accepted_total", "counter", "Participations accepted, by what was new.",
           {"outcome": ("participant", "activity", "repeat")}),
    Metric("participations_refused_total", "counter", "Participations refused by the counting script.", {"reason": REFUSALS}),
    Metric("receipts_honoured_total", "counter", "Lost cells restored from a receipt."),
    Metric("batches_sent_participations", "histogram", "Participations of one script call.", buckets=BATCH_SIZES),
    Metric("batches_answered_seconds", "histogram", "Time of one call of the counting script.", buckets=STORE_SECONDS),
    # ledger
    Metric("changes_written_total", "counter", "Changes of the journals written to MongoDB."),
    Metric("changes_poisoned_total", "counter", "Changes set aside because MongoDB refused them; audit fails until settled."),
    Metric("conflicts_found_total", "counter", "Documents that disagreed with the journal."),
    Metric("journals_waiting_count", "gauge", "Changes of all running campaigns that MongoDB does not have yet."),
    Metric("journals_held_bytes", "gauge", "Memory that the journals of running campaigns take in Redis."),
    Metric("journals_alarmed_count", "gauge", "Journals that are half full or fuller: MongoDB is slow or away."),
    # callbacks
    Metric("callbacks_answered_total", "counter", "Callbacks of WeChat answered.",
           {"outcome": ("replied", "empty", "repeat", "late", "refused", "failed")}),
    # the platform
    Metric("platform_called_total", "counter", "Calls to WeChat, by how they ended.", {"outcome": ("ok", "refused", "unreachable")}),
    Metric("platform_answered_seconds", "histogram", "Time that WeChat took to answer.", buckets=STORE_SECONDS),
    # live
    Metric("sockets_connected_count", "gauge", "Live sockets open in this process."),
    Metric("sockets_refused_total", "counter", "Upgrades refused because the process was full or closing."),
    Metric("frames_built_total", "counter", "Live frames built.", {"type": ("snapshot", "delta", "heartbeat")}),
    Metric("frames_sent_total", "counter", "Live frames handed to sockets."),
    Metric("frames_skipped_total", "counter", "Live frames that slow readers did not get."),
    Metric("figures_read_seconds", "histogram", "Time to read the figures of one campaign.", buckets=STORE_SECONDS),
    Metric("figures_failed_total", "counter", "Reads of figures that failed; the last known figures stayed."),
    # posters
    Metric("posters_drawn_seconds", "histogram", "Time to draw one poster.", buckets=DRAWING_SECONDS),
    Metric("posters_refused_total", "counter", "Posters refused because the queue was full."),
)


class Series:
    """One counter or gauge: its value."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Buckets:
    """One histogram: how many fell into each bucket, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds_or_size: float) -> None:
        self.counts[bisect_left(self.bounds, seconds_or_size)] += 1
        self.total += seconds_or_size


class Metrics:
    """The series of one process, all written by its loop. prometheus_client writes the text; its own counters take a lock and two
    calls for each of the three figures of a salute, which is a tenth of its whole time, so the figures are kept here."""

    def __init__(self, table: tuple[Metric, ...] = METRICS) -> None:
        self._table = table
        self._series: dict[tuple[str, ...], Series] = {}
        self._buckets: dict[tuple[str, ...], Buckets] = {}
        for metric in table:
            for values in itertools.product(*metric.labels.values()):
                if metric.kind == "histogram":
                    self._buckets[metric.name, *values] = Buckets(metric.buckets)
                else:
                    self._series[metric.name, *values] = Series()
        self._registry = CollectorRegistry()
        ProcessCollector(namespace=PREFIX.rstrip("_"), registry=self._registry)
        self._registry.register(self)

    def record(self, name: str, *values: str, amount: float = 1) -> None:
        """Add to a counter. `values` are the label values in the order of METRICS. Raises KeyError for one outside the table."""
        self._series[(name, *values)].value += amount

    def observe(self, name: str, seconds_or_size: float, *values: str) -> None:
        """Add one observation to a histogram."""
        self._buckets[(name, *values)].add(seconds_or_size)

    def series(self, name: str, *values: str) -> Series:
        """One counter or gauge, for who adds to it too often to find it anew. Raises KeyError for one outside the table."""
        return self._series[(name, *values)]

    def buckets(self, name: str, *values: str) -> Buckets:
        """One histogram, likewise."""
        return self._buckets[(name, *values)]

    def hold(self, name: str, amount: float, *values: str) -> None:
        """Set a gauge to what holds now."""
        self._series[(name, *values)].value = amount

    def snapshot(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[prometheus.Metric]:
        """What prometheus_client asks of a collector."""
        for metric in self._table:
            name, names = PREFIX + metric.name, tuple(metric.labels)
            if metric.kind == "histogram":
                histogram = HistogramMetricFamily(name, metric.help, labels=names)
                for values in itertools.product(*metric.labels.values()):
                    kept = self._buckets[metric.name, *values]
                    bounds = [*(str(float(bound)) for bound in kept.bounds), "+Inf"]
                    histogram.add_metric(values, list(zip(bounds, itertools.accumulate(kept.counts), strict=True)), kept.total)
                yield histogram
                continue
            family = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(name, metric.help, labels=names)
            for values in itertools.product(*metric.labels.values()):
                family.add_metric(values, self._series[metric.name, *values].value)
            yield family
