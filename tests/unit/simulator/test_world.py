import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.events import ProviderEvent
from simulator.network import queue_ms
from simulator.samples import families_of
from tests.support.worlds import a_pod, a_world, a_world_of, pods_at, run


@given(st.floats(0, 5), st.floats(0, 5))
def test_a_fuller_link_never_gets_faster(one: float, other: float) -> None:
    assert queue_ms(min(one, other)) <= queue_ms(max(one, other))


def test_the_same_seed_gives_the_same_world() -> None:
    one, other = a_world(), a_world()
    run(one, 100)
    run(other, 100)
    assert families_of(one, "home", 100.0) == families_of(other, "home", 100.0)


def test_a_fast_world_is_the_same_world() -> None:
    slow, fast = a_world("link-degrades"), a_world("link-degrades", speed=50)
    run(slow, 100)
    run(fast, 100)
    assert fast.link("home", "metro").rtt_ms == slow.link("home", "metro").rtt_ms


def test_traffic_between_clusters_uses_the_link_and_traffic_inside_one_does_not() -> None:
    world = a_world()
    link = world.link("home", "metro")
    assert link.used_mbps["metro"] == pytest.approx(12_000 + 50)
    assert link.used_mbps["home"] == pytest.approx(200)
    world.see(pods_at())
    assert link.used_mbps == {}


def test_traffic_is_split_evenly_over_pairs_of_replicas() -> None:
    world = a_world()
    half = [p for p in pods_at(render="metro") if p.name != "render-metro-1"]
    world.see([*half, a_pod("render", "home-1", 1)])
    assert world.link("home", "metro").used_mbps["home"] == pytest.approx(100)


def test_pods_that_do_not_serve_send_nothing() -> None:
    world = a_world()
    standing = [p for p in pods_at() if p.workload != "render"]
    world.see([*standing, a_pod("render", "metro", ready=False)])
    assert world.link("home", "metro").used_mbps == {}


def test_a_link_over_its_capacity_loses_what_does_not_fit() -> None:
    world = a_world(render="edge-north")
    link = world.link("home", "edge-north")
    assert link.loss_ratio == pytest.approx(1 - 10_000 / 12_050, abs=1e-3)
    assert link.carried_mbps("edge-north") == 10_000


def test_counters_are_continuous_and_count_per_second_of_wall_time() -> None:
    world = a_world(speed=10)
    key = ("transmit", "metro", "home")
    run(world, 20)
    two_seconds = world.counter(key, 2.0)
    assert two_seconds == pytest.approx(2.0 * world.rates[key])
    assert world.counter(key, 2.05) == pytest.approx(two_seconds + 0.05 * world.rates[key])


@given(st.lists(st.floats(0, 30), min_size=2), st.lists(st.booleans(), min_size=1))
def test_a_counter_never_goes_back_whatever_moves_and_whenever_it_is_read(
    instants: list[float], moves: list[bool]
) -> None:
    world = a_world()
    read = []
    for instant, is_home in zip(sorted(instants), itertools.cycle(moves)):
        for _ in world.steps_to(instant - 0.5):
            pass
        read.append(world.counter(("transmit", "metro", "home"), instant))
        world.see(pods_at() if is_home else pods_at(render="metro"), instant)
        read.append(world.counter(("transmit", "metro", "home"), instant))
    assert read == sorted(read)


def test_a_link_event_happens_at_its_time_and_lasts() -> None:
    world = a_world("link-degrades")
    run(world, 59)
    assert world.link("home", "metro").rtt_ms == pytest.approx(2.0, abs=0.3)
    run(world, 1)
    assert world.link("home", "metro").rtt_ms == pytest.approx(14.0, abs=0.3)
    assert world.link("home", "metro").jitter_ms == pytest.approx(1.0, rel=0.4)


def test_a_dead_cluster_has_no_links_and_serves_nothing_until_it_returns() -> None:
    world = a_world("cluster-lost")
    run(world, 60)
    assert world.link("home", "metro") is None
    assert world.serving(world.applications[0], "render") == {}
    run(world, 540)
    assert world.serving(world.applications[0], "render") == {"metro": 2}


def test_replicas_on_a_provider_are_packed_onto_its_real_nodes_and_stay_there() -> None:
    world = a_world()
    before = dict(world.nodes)
    assert {before["render-metro-1"], before["render-metro-2"]} == {"metro-1", "metro-2"}
    world.see([*pods_at(render="metro"), *(a_pod("encode", "metro", n) for n in (3, 4))])
    assert {uid: world.nodes[uid] for uid in before} == before
    assert {world.nodes["encode-metro-3"], world.nodes["encode-metro-4"]} == {"metro-1", "metro-2"}


def test_a_pod_that_fits_on_no_real_node_of_its_provider_is_on_none() -> None:
    world = a_world()
    world.see(a_pod("render", "edge-north", number) for number in (1, 2))
    assert sorted(world.nodes) == ["render-edge-north-1"]


def test_a_provider_without_room_keeps_what_runs_and_takes_nothing_new() -> None:
    world = a_world_of([ProviderEvent(at=1, kind="provider-full", cluster="metro")])
    run(world, 1)
    more = a_pod("render", "metro", 3)
    world.see([*pods_at(render="metro"), more])
    assert more.uid not in world.nodes
    assert sum(world.runs(pod) for pod in world.pods_on("metro")) == 2


def test_what_happens_to_a_provider_ends() -> None:
    pairs = {
        "tenant": ("tenant-cordoned", "tenant-uncordoned"),
        "room": ("provider-full", "provider-free"),
        "kubelet": ("kubelet-dies", "kubelet-returns"),
    }
    events = [
        ProviderEvent(at=at, kind=kind, cluster="metro")
        for pair in pairs.values()
        for at, kind in enumerate(pair, start=1)
    ]
    world = a_world_of(events)
    run(world, 1)
    assert (set(world.faults.cordoned), set(world.faults.full)) == ({"metro"}, {"metro"})
    assert world.kubelets_lost["metro"].lasts()
    run(world, 1)
    assert (world.faults.cordoned, world.faults.full) == ({}, {})
    assert world.kubelets_lost["metro"].returned_at == 2
