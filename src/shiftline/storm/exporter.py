"""A run as Prometheus sees it while it lasts. No user and no password is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from shiftline.errors import ConfigurationError
from shiftline.storm.histogram import Histogram
from shiftline.storm.sample import Sample, status_words

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 32.0)
"""Seconds; upper bounds of the buckets of durations."""


class StormCollector(Collector):
    """Adds up seconds, and tells them when asked; both from threads of their own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._whole = Sample(second=0)

    def add(self, sample: Sample) -> None:
        """A second more."""
        with self._lock:
            self._whole.follow(sample)

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        with self._lock:
            return list(_families(self._whole))


def _families(whole: Sample) -> Iterator[Metric]:
    flows = CounterMetricFamily(
        "shiftline_storm_flows", "Flows that ended, by last status", labels=["status"]
    )
    for word, count in status_words(whole.statuses).items():
        flows.add_metric([word], count)
    yield flows
    yield CounterMetricFamily("shiftline_storm_started", "Flows that began", value=whole.started)
    yield CounterMetricFamily("shiftline_storm_ok", "Flows that succeeded", value=whole.ok)
    yield CounterMetricFamily("shiftline_storm_requests", "Requests", value=whole.requests)
    yield CounterMetricFamily(
        "shiftline_storm_retransmissions", "Copies of requests", value=whole.retransmissions
    )
    yield GaugeMetricFamily("shiftline_storm_in_flight", "Flows under way", value=whole.in_flight)
    for name, words, histogram in (
        ("latency", "From a request's first copy to its final answer", whole.latency),
        ("response", "From a flow's moment to its last answer", whole.response),
        ("send_lag", "From a flow's moment to its first request", whole.lag),
    ):
        yield HistogramMetricFamily(
            f"shiftline_storm_{name}_seconds", words, buckets=_buckets(histogram),
            sum_value=histogram.mean * histogram.count,
        )  # fmt: skip


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    found = histogram.buckets()
    below = [
        (f"{bound:g}", float(sum(count for value, count in found.items() if value <= bound)))
        for bound in _BOUNDS
    ]
    return [*below, ("+Inf", float(histogram.count))]


@contextmanager
def served(collector: StormCollector, port: int) -> Iterator[None]:
    """Serve ``/metrics`` on this port of 127.0.0.1, within the block.

    Raises ConfigurationError if the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise ConfigurationError(
            f"Metrics cannot be served on port {port}: {error.strerror}.", remedy="Give another port."
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
