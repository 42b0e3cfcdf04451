"""Observe's query table against a real Prometheus and a real Thanos."""

from collections.abc import Iterator

import pytest

from console.real.metrics import MetricsStack, real_metrics
from console.real.processes import wait_until
from console.real.prometheus import instant
from services.observe.core.queries import QUERIES
from shared.messages.readings import Signal
from shared.runtime.clock import now
from tests.support.exporter import a_cluster_exports, serving_exporter

pytestmark = pytest.mark.real

EXPECTED = {
    Signal.LINK_RTT_MS: 2.1,
    Signal.LINK_JITTER_MS: 0.1,
    Signal.LINK_LOSS_RATIO: 0.001,
    Signal.LINK_CAPACITY_MBPS: 10_000,
    Signal.LINK_USED_MBPS: 8,
    Signal.LINK_UP: 1,
    Signal.NODE_ALLOCATABLE_CORES: 16,
    Signal.NODE_ALLOCATABLE_BYTES: 64e9,
    Signal.NODE_REQUESTED_CORES: 8,
    Signal.NODE_REQUESTED_BYTES: 16e9,
    Signal.NODE_USED_CORES: 0.5,
    Signal.NODE_READY: 1,
    Signal.NODE_USED_BYTES: 24e9,
    Signal.NODE_SOFTIRQ_CORES: 0.1,
    Signal.POD_USED_CORES: 2.5,
    Signal.POD_USED_BYTES: 3e9,
    Signal.POD_THROTTLED_RATIO: 0.1,
    Signal.POD_RESTARTS: 2,
}
RATES = {
    Signal.LINK_USED_MBPS,
    Signal.NODE_USED_CORES,
    Signal.NODE_SOFTIRQ_CORES,
    Signal.POD_USED_CORES,
    Signal.POD_THROTTLED_RATIO,
}
"""Over a window of a minute, of which the test is there for some seconds only."""
SUBJECTS = {
    "cluster_id": {"home": "metro", "metro": "home"},
    "node": {"home": "home-node-1", "metro": "metro-node-1"},
    "pod": {"home": "render-home", "metro": "render-metro"},
}


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricsStack]:
    with (
        serving_exporter(a_cluster_exports("home", "metro")) as home,
        serving_exporter(a_cluster_exports("metro", "home")) as metro,
        real_metrics(
            tmp_path_factory.mktemp("metrics"),
            {"home": home.url, "metro": metro.url},
            scrape_interval=0.5,
        ) as stack,
    ):
        used = QUERIES[Signal.LINK_USED_MBPS].promql
        wait_until(
            lambda: len(instant(stack.query.url, used)["data"]["result"]) == 2,
            what="a rate of each cluster: two samples",
            seconds=10,
        )
        yield stack


@pytest.mark.parametrize("signal", QUERIES, ids=str)
def test_prometheus_accepts_the_query_and_the_one_of_its_freshness(
    metrics: MetricsStack, signal: Signal
) -> None:
    for promql in (QUERIES[signal].promql, QUERIES[signal].freshness):
        assert instant(metrics.prometheus[0].url, promql)["status"] == "success"


@pytest.mark.parametrize("signal", QUERIES, ids=str)
def test_thanos_gives_each_cluster_s_value_with_its_labels(
    metrics: MetricsStack, signal: Signal
) -> None:
    query = QUERIES[signal]
    answer = instant(metrics.query.url, query.promql)
    found = {s["metric"]["cluster"]: s for s in answer["data"]["result"]}
    subjects = SUBJECTS[query.subject]
    assert {c: s["metric"] for c, s in found.items()} == {
        c: {"cluster": c, query.subject.value: subject} for c, subject in subjects.items()
    }
    for series in found.values():
        value = float(series["value"][1])
        if signal in RATES:
            assert 0 < value <= EXPECTED[signal] * 1.2
        else:
            assert value == pytest.approx(EXPECTED[signal])


@pytest.mark.parametrize("signal", QUERIES, ids=str)
def test_freshness_is_the_instant_of_the_newest_scrape(
    metrics: MetricsStack, signal: Signal
) -> None:
    answer = instant(metrics.query.url, QUERIES[signal].freshness)
    instants = {s["metric"]["cluster"]: float(s["value"][1]) for s in answer["data"]["result"]}
    assert instants.keys() == {"home", "metro"}
    for instant_of_sample in instants.values():
        assert 0 <= now().timestamp() - instant_of_sample < 3
