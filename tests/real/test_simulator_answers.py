"""The simulator's answers to Observe's queries, against a real Thanos over the same exporters."""

from collections.abc import Iterator
from typing import Any

import pytest

from console.real.http import post
from console.real.metrics import real_metrics
from console.real.prometheus import instant
from console.stack import simulator_child, wait_for_endpoints
from services.observe.core.queries import QUERIES
from shared.messages.readings import Signal
from tests.support.processes import running, wait_until

pytestmark = [pytest.mark.real, pytest.mark.slow]

RATES = {
    *(Signal.LINK_USED_MBPS, Signal.NODE_USED_CORES, Signal.NODE_SOFTIRQ_CORES),
    *(Signal.POD_USED_CORES, Signal.POD_THROTTLED_RATIO),
}
"""Over a minute of which the real Prometheus has seen some seconds only."""
MEASURED = {
    *(Signal.LINK_RTT_MS, Signal.LINK_JITTER_MS, Signal.LINK_LOSS_RATIO),
    *(Signal.NODE_USED_BYTES, Signal.POD_USED_BYTES),
}
"""Noisy, and asked some hundred milliseconds apart."""
TAKING = 'max(xr_processing_seconds{component="render"}) * 1000'
"""As it could ask how long a component takes."""
USERS = 'sum by (site) (xr_users{group="north"})'
"""As the example application asks where its users are."""

Vector = dict[frozenset[tuple[str, str]], float]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where the simulator answers, and a real Thanos over its exporters."""
    directory = tmp_path_factory.mktemp("simulator")
    simulator = simulator_child(directory, scenario="calm", speed=1)
    with running(simulator):
        endpoints = wait_for_endpoints(directory, simulator)
        with real_metrics(directory, endpoints.exporters, scrape_interval=0.5) as metrics:
            post(endpoints.start)
            for signal in (Signal.LINK_USED_MBPS, Signal.POD_THROTTLED_RATIO):
                asked = QUERIES[signal].promql
                wait_until(
                    lambda asked=asked: (
                        labels(metrics.query.url, asked) == labels(endpoints.thanos, asked)
                    ),
                    what=f"a rate for each {signal}: two samples",
                    seconds=15,
                )
            yield endpoints.thanos, metrics.query.url


def vector(url: str, promql: str) -> Vector:
    """Return an instant vector: labels to value."""
    answer: dict[str, Any] = instant(url, promql)
    return {
        frozenset(series["metric"].items()): float(series["value"][1])
        for series in answer["data"]["result"]
    }


def labels(url: str, promql: str) -> set[frozenset[tuple[str, str]]]:
    return set(vector(url, promql))


@pytest.mark.parametrize("signal", QUERIES, ids=str)
def test_the_simulator_answers_as_the_real_thanos_does(
    both: tuple[str, str], signal: Signal
) -> None:
    simulated, real = (vector(url, QUERIES[signal].promql) for url in both)
    assert simulated
    assert simulated.keys() == real.keys()
    if signal in RATES:
        assert all(value >= 0 for value in (*simulated.values(), *real.values()))
    else:
        tolerance = 0.5 if signal in MEASURED else 1e-9
        assert simulated == {key: pytest.approx(real[key], rel=tolerance) for key in simulated}


@pytest.mark.parametrize("signal", QUERIES, ids=str)
def test_the_simulator_tells_the_same_freshness(both: tuple[str, str], signal: Signal) -> None:
    simulated, real = (vector(url, QUERIES[signal].freshness) for url in both)
    assert simulated
    assert simulated == {key: pytest.approx(real[key], abs=3) for key in real}


def test_the_simulator_tells_how_long_a_component_takes(both: tuple[str, str]) -> None:
    simulated, real = (vector(url, TAKING) for url in both)
    assert simulated == real == {frozenset(): 3.4}


def test_the_simulator_tells_where_users_are(both: tuple[str, str]) -> None:
    simulated, real = (vector(url, USERS) for url in both)
    assert simulated
    assert simulated == real
