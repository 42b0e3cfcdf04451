"""Which series are forecast, their ceilings, and what is told of them."""

from dataclasses import replace

import numpy as np
import pytest

from services.orient.core.forecasts.demand import find_ceilings, find_demand
from services.orient.core.forecasts.forecast import Forecasts, forecast
from shared.messages.insight import Forecast
from shared.messages.inventory import Inventory, Pod
from shared.messages.readings import Reading, Readings, Signal
from tests.support.builders import ARENA, a_fleet, an_application, an_observation, later

RENDER = (Signal.POD_USED_CORES, "", f"{ARENA}/render")


def a_reading(signal: Signal, cluster: str, subject: str, value: float) -> Reading:
    """Return a fresh reading."""
    return Reading(signal, cluster, subject, value, 0.0)


def a_pod(name: str, workload: str = "render") -> Pod:
    """Return a ready pod of the arena."""
    return Pod(namespace="xr", name=name, workload=workload, node="metro", ready=True)


INVENTORY = Inventory(
    applications=(an_application(),),
    pods=(a_pod("render-1"), a_pod("render-2"), a_pod("other-1", "other")),
)


def collected(*rows: Reading) -> dict[tuple[str, str, str], float]:
    """Return what is forecast of these readings."""
    readings = Readings.from_rows(rows)
    found = find_demand(None, readings, INVENTORY).gather(readings)
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
    ceilings = find_ceilings(a_fleet())
    assert ceilings[Signal.NODE_USED_CORES, "metro", "metro-node-1"] == 16.0
    assert ceilings[Signal.NODE_USED_BYTES, "metro", ""] == 64e9
    assert ceilings[Signal.LINK_USED_MBPS, "home", "metro"] == 10_000.0
    assert ceilings[RENDER] == 2.0
    fleet = a_fleet()
    unknown = replace(fleet, links=(replace(fleet.links[0], capacity_mbps=None),))
    assert not any(signal == Signal.LINK_USED_MBPS for signal, _, _ in find_ceilings(unknown))


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
    assert told[1].ceiling_probability == pytest.approx(0.0, abs=0.01)
    assert told[1].seconds_to_ceiling is None


def test_a_link_that_is_full_is_told_with_when() -> None:
    (link,) = [f for f in told_after(link_mbps=10_050.0) if f.signal == Signal.LINK_USED_MBPS]
    assert link.ceiling_probability == pytest.approx(1.0, abs=0.1)
    assert link.seconds_to_ceiling == 300.0


def test_nothing_is_told_before_a_bucket_is_whole() -> None:
    observation = an_observation(inventory=INVENTORY)
    assert forecast(a_fleet(), observation, Forecasts())[0] == ()


def test_the_same_readings_are_gathered_as_before_and_others_anew() -> None:
    link, cores = Signal.LINK_USED_MBPS, Signal.POD_USED_CORES
    rows = [a_reading(link, "home", "metro", 1.0), a_reading(cores, "metro", "render-1", 2.0)]
    first = find_demand(None, Readings.from_rows(rows), INVENTORY)
    again = Readings.from_rows([replace(row, value=7.0) for row in rows])
    assert find_demand(first, again, INVENTORY) is first
    assert first.gather(again).values.tolist() == [7.0, 7.0]
    assert find_demand(first, Readings.from_rows(rows[:1]), INVENTORY) is not first
    other = find_demand(first, again, Inventory())
    assert len(other.gather(again)) == 1


def test_of_a_reading_told_twice_the_last_counts_and_a_sum_with_a_gap_is_unknown() -> None:
    cores = Signal.NODE_USED_CORES
    found = collected(
        a_reading(cores, "metro", "a", 5.0),
        a_reading(cores, "metro", "a", 1.0),
        a_reading(cores, "metro", "b", 2.0),
        a_reading(cores, "home", "a", float("nan")),
        a_reading(cores, "home", "b", 2.0),
    )
    assert found[cores, "metro", ""] == 3.0
    assert np.isnan(found[cores, "home", ""])


def test_a_component_named_as_a_reading_is_not_mixed_up_with_it() -> None:
    named = a_reading(Signal.USERS, "", f"{ARENA}/render", 40.0)
    found = collected(named, a_reading(Signal.POD_USED_CORES, "metro", "render-1", 0.5))
    assert found == {(Signal.USERS, "", f"{ARENA}/render"): 40.0, RENDER: 0.5}


def test_a_ramp_is_told_with_the_time_at_which_it_reaches_its_ceiling() -> None:
    memory, noise = Forecasts(), np.random.default_rng(0).normal(size=577) * 20.0
    told: tuple[Forecast, ...] = ()
    for bucket in range(577):
        mbps = 10_000.0 - (576 + 24 - bucket) * 16.0 + noise[bucket]
        readings = Readings.from_rows((a_reading(Signal.LINK_USED_MBPS, "home", "metro", mbps),))
        observation = an_observation(later(300.0 * bucket), readings=readings)
        told, memory = forecast(a_fleet(), observation, memory)
    (link,) = told
    assert link.ceiling_probability is not None
    assert link.seconds_to_ceiling is not None
    assert link.ceiling_probability > 0.5
    assert 7200 / 1.5 < link.seconds_to_ceiling < 7200 * 1.5


def test_many_series_are_told_when_all_of_them_have_learnt() -> None:
    memory, told = Forecasts(), []
    for tick in range(25):
        rows = [a_reading(Signal.USERS, "", f"arena/{i}", 1.0) for i in range(2500)]
        at = later(15.0 * tick)
        observation = an_observation(at, readings=Readings.from_rows(rows))
        told.append(len(forecast(a_fleet(), observation, memory)[0]))
    assert set(told) == {0, 2500}
