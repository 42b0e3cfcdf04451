"""Which series are forecast, their ceilings, and what is told of them."""

import numpy as np
import pytest

from services.orient.core.forecasts.demand import collect_demand
from services.orient.core.forecasts.forecast import Forecasts, forecast
from shared.messages.insight import Forecast
from shared.messages.inventory import Inventory, Pod
from shared.messages.readings import Reading, Readings, Signal
from shared.model.fleet import Fleet
from tests.support.builders import ARENA, a_fleet, an_observation, later

RENDER = (Signal.POD_USED_CORES, "", f"{ARENA}/render")


def a_reading(signal: Signal, cluster: str, subject: str, value: float) -> Reading:
    """Return a fresh reading."""
    return Reading(signal, cluster, subject, value, 0.0)


def a_pod(name: str, workload: str = "render") -> Pod:
    """Return a ready pod of the arena."""
    return Pod(namespace="xr", name=name, workload=workload, node="metro", ready=True)


INVENTORY = Inventory(pods=(a_pod("render-1"), a_pod("render-2"), a_pod("other-1", "other")))


def collected(*rows: Reading, fleet: Fleet | None = None) -> dict[tuple[str, str, str], float]:
    """Return what is forecast of these readings."""
    found = collect_demand(fleet or a_fleet(), Readings.from_rows(rows), INVENTORY).readings
    columns = (found.signals.tolist(), found.clusters.tolist(), found.subjects.tolist())
    return dict(zip(zip(*columns, strict=True), found.values.tolist(), strict=True))


def test_the_demand_of_a_component_is_what_its_pods_use_wherever_they_stand() -> None:
    cores = Signal.POD_USED_CORES
    found = collected(
        a_reading(cores, "home", "render-1", 0.5),
        a_reading(cores, "metro", "render-2", 0.7),
        a_reading(cores, "metro", "other-1", 9.0),
        a_reading(cores, "metro", "unknown", 9.0),
    )
    assert found == {RENDER: pytest.approx(1.2)}


def test_a_cluster_uses_what_its_nodes_use() -> None:
    found = collected(
        a_reading(Signal.NODE_USED_CORES, "metro", "a", 1.0),
        a_reading(Signal.NODE_USED_CORES, "metro", "b", 2.0),
    )
    assert found[Signal.NODE_USED_CORES, "metro", ""] == 3.0
    assert len(found) == 3


def test_ceilings_are_what_nodes_offer_links_carry_and_components_asked_for() -> None:
    ceilings = collect_demand(a_fleet(), Readings.from_rows(()), INVENTORY).ceilings
    assert ceilings[Signal.NODE_USED_CORES, "metro", "metro-node-1"] == 16.0
    assert ceilings[Signal.NODE_USED_BYTES, "metro", ""] == 64e9
    assert ceilings[Signal.LINK_USED_MBPS, "home", "metro"] == 10_000.0
    assert ceilings[RENDER] == 2.0


def told_after(*, link_mbps: float, step_mbps: float = 0.0) -> tuple[Forecast, ...]:
    """Return what is told after three hours of ticks a minute apart."""
    memory = Forecasts()
    told: tuple[Forecast, ...] = ()
    noise = np.random.default_rng(0).normal(size=181)
    for minute in range(181):
        mbps = link_mbps + step_mbps * minute + noise[minute]
        readings = Readings.from_rows(
            (
                a_reading(Signal.LINK_USED_MBPS, "home", "metro", mbps),
                a_reading(Signal.LINK_RTT_MS, "home", "metro", 1.0),
                a_reading(Signal.POD_USED_CORES, "metro", "render-1", 0.5),
                a_reading(Signal.NODE_USED_CORES, "metro", "metro-node-1", 0.5),
            )
        )
        observation = an_observation(later(60.0 * minute), readings=readings, inventory=INVENTORY)
        told, memory = forecast(a_fleet(), observation, memory)
    return told


def test_components_and_clusters_are_told_and_idle_links_and_nodes_are_not() -> None:
    told = told_after(link_mbps=100.0)
    assert [(f.signal, f.cluster, f.subject) for f in told] == [
        (Signal.NODE_USED_CORES, "metro", ""),
        RENDER,
    ]
    assert [o.horizon_seconds for o in told[1].outlooks] == [900.0, 3600.0, 14_400.0]
    assert told[1].outlooks[0].expected == pytest.approx(0.5, abs=0.01)
    assert told[1].ceiling == 2.0
    assert told[1].ceiling_probability == pytest.approx(0.0, abs=1e-3)
    assert told[1].seconds_to_ceiling is None


def test_a_link_that_is_full_is_told_with_when() -> None:
    (link,) = [f for f in told_after(link_mbps=10_050.0) if f.signal == Signal.LINK_USED_MBPS]
    assert link.ceiling_probability == pytest.approx(1.0, abs=0.01)
    assert link.seconds_to_ceiling == 300.0


def test_nothing_is_told_before_a_bucket_is_whole() -> None:
    observation = an_observation(inventory=INVENTORY)
    assert forecast(a_fleet(), observation, Forecasts())[0] == ()
