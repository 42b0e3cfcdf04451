"""Counters, gauges and histograms under one prefix, and their text for Prometheus."""

from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

PREFIX = "crossloop_"
CONTENT_TYPE = CONTENT_TYPE_LATEST


def counter(name: str, question: str, labels: Sequence[str] = ()) -> Counter:
    """Return a new counter. `name` without prefix: `decide_decisions_total`."""
    return Counter(PREFIX + name, question, labels)


def gauge(name: str, question: str, labels: Sequence[str] = ()) -> Gauge:
    """Return a new gauge. `name` without prefix: `observe_coverage_ratio`."""
    return Gauge(PREFIX + name, question, labels)


def histogram(
    name: str, question: str, labels: Sequence[str] = (), *, buckets: Sequence[float]
) -> Histogram:
    """Return a new histogram. `name` without prefix, in seconds: `orient_turn_seconds`."""
    return Histogram(PREFIX + name, question, labels, buckets=buckets)


def exposition() -> bytes:
    """Return all of them as Prometheus reads them."""
    return generate_latest()
