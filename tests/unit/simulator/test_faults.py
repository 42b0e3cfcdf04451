"""What each kind of fault does to the world, and that its second event ends it."""

import pytest

from services.observe.core.queries import QUERIES
from shared.messages.readings import Signal
from simulator.events import (
    Event,
    GatewayEvent,
    LeakEvent,
    LinkEvent,
    NodeEvent,
    StarvationEvent,
    UsersEvent,
)
from simulator.queries import answer
from simulator.samples import families_of
from simulator.truth import true_latency_ms
from simulator.world import World
from tests.support.worlds import GIB, a_world, a_world_of, arena, run

MIB = 2**20


def told(world: World, signal: Signal) -> dict[tuple[str, ...], float]:
    """Return what Observe is answered: cluster and subject to value."""
    scrapes = {
        cluster: families_of(world, cluster, world.wall_seconds())
        for cluster in world.scenario.fleet.clusters
        if world.is_alive(cluster)
    }
    vector = answer(QUERIES[signal].promql, scrapes, at=0.0)
    return {tuple(value for _, value in labels): number for labels, number in vector.items()}


def world_after(*events: Event, seconds: float) -> World:
    """Return the demo's world some seconds into a scenario."""
    world = a_world_of(events)
    run(world, seconds)
    return world


def test_a_lost_node_is_not_ready_and_tells_nothing_and_its_pods_do_not_serve() -> None:
    world = world_after(NodeEvent(at=5, kind="node-lost", node="metro-1"), seconds=10)
    ready = told(world, Signal.NODE_READY)
    assert (ready["metro", "metro-1"], ready["metro", "metro-2"]) == (0.0, 1.0)
    for signal in (Signal.NODE_USED_CORES, Signal.NODE_USED_BYTES, Signal.NODE_SOFTIRQ_CORES):
        nodes = told(world, signal)
        assert ("metro", "metro-1") not in nodes
        assert ("metro", "metro-2") in nodes
    assert world.serving(arena(world), "render") == {"metro": 1}
    assert len(told(world, Signal.POD_USED_CORES)) == 9


def test_pods_of_a_lost_node_start_elsewhere_in_half_a_minute_and_the_node_returns_empty() -> None:
    events = (
        NodeEvent(at=5, kind="node-lost", node="metro-1"),
        NodeEvent(at=60, kind="node-returns", node="metro-1"),
    )
    world = world_after(*events, seconds=34)
    assert world.serving(arena(world), "render") == {"metro": 1}
    run(world, 2)
    assert world.serving(arena(world), "render") == {"metro": 2}
    run(world, 30)
    assert told(world, Signal.NODE_READY)["metro", "metro-1"] == 1.0
    assert told(world, Signal.NODE_USED_CORES)["metro", "metro-1"] < 2.0
    assert {world.nodes[pod.uid] for pod in world.pods_on("metro")} == {"metro-2"}


def test_where_no_node_is_left_nothing_serves() -> None:
    lost = [NodeEvent(at=5, kind="node-lost", node=f"metro-{n}") for n in (1, 2)]
    world = world_after(*lost, seconds=60)
    assert world.serving(arena(world), "render") == {}
    assert true_latency_ms(world, arena(world), arena(world).users[0]) is None
    assert world.link("home", "metro") is not None


def test_on_a_starved_node_work_takes_longer_and_more_of_the_node_is_used() -> None:
    starved = StarvationEvent(at=5, kind="cpu-starved", node="metro-1", share=0.5)
    ended = StarvationEvent(at=60, kind="cpu-free", node="metro-1")
    calm, world = a_world(), world_after(starved, ended, seconds=30)
    (first,) = (pod for pod in world.pods_on("metro") if world.nodes[pod.uid] == "metro-1")
    run(calm, 30)
    used = told(world, Signal.NODE_USED_CORES)["metro", "metro-1"]
    before = told(calm, Signal.NODE_USED_CORES)["metro", "metro-1"]
    softirq = told(calm, Signal.NODE_SOFTIRQ_CORES)["metro", "metro-1"]
    assert used - before == pytest.approx(8.0 - (world.pod_states[first.uid].slowdown - 2), abs=1.5)
    assert softirq < before < used <= 16
    throttled = told(world, Signal.POD_THROTTLED_RATIO)
    assert throttled["metro", first.name] == pytest.approx(0.6, abs=0.12)
    assert throttled["home", "track-home-1-1"] < 0.03
    slow, usual = (w.processing_ms(arena(w), "render") for w in (world, calm))
    assert usual == 3.4
    assert slow > 1.4 * usual
    run(world, 40)
    assert world.processing_ms(arena(world), "render") == 3.4


def test_starved_components_take_longer_for_users_too() -> None:
    starved = [
        StarvationEvent(at=5, kind="cpu-starved", node=f"metro-{n}", share=0.75) for n in (1, 2)
    ]
    calm, world = a_world(), world_after(*starved, seconds=10)
    run(calm, 10)
    usual, slow = (true_latency_ms(w, arena(w), arena(w).users[0]) for w in (calm, world))
    assert usual is not None
    assert slow is not None
    assert slow - usual == pytest.approx(world.processing_ms(arena(world), "render") - 3.4)
    assert slow - usual > 3 * 3.4


def test_a_leak_grows_by_its_rate_up_to_the_limit_and_then_the_container_starts_again() -> None:
    begin = LeakEvent(at=5, kind="memory-leak", workload="xr/track", mebibytes_per_second=20)
    end = LeakEvent(at=100, kind="leak-ends", workload="xr/track")
    world = world_after(begin, end, seconds=5)
    pod = ("home", "track-home-1-1")
    early = told(world, Signal.POD_USED_BYTES)[pod]
    run(world, 40)
    late = told(world, Signal.POD_USED_BYTES)[pod]
    assert late - early == pytest.approx(800 * MIB, rel=0.1)
    assert told(world, Signal.POD_RESTARTS)[pod] == 0.0
    run(world, 15)
    assert told(world, Signal.POD_USED_BYTES)[pod] < 1.3 * GIB
    assert told(world, Signal.POD_RESTARTS)[pod] == 1.0
    run(world, 55)
    assert told(world, Signal.POD_USED_BYTES)[pod] == pytest.approx(GIB, rel=0.1)
    assert told(world, Signal.POD_RESTARTS)["home", "ingest-home-1-1"] == 0.0


def test_a_pod_does_not_serve_for_some_seconds_after_its_container_was_started_again() -> None:
    leak = LeakEvent(at=1, kind="memory-leak", workload="xr/track", mebibytes_per_second=100)
    world = world_after(leak, seconds=5)
    served = [sum(world.serving(arena(world), "track").values()) for _ in world.steps_to(20.0)]
    assert min(served) == 0
    assert served[-1] == 2


def test_a_saturated_gateway_makes_all_links_of_its_cluster_worse_and_its_node_busy() -> None:
    begin = GatewayEvent(at=5, kind="gateway-saturated", cluster="metro")
    end = GatewayEvent(at=30, kind="gateway-free", cluster="metro")
    calm, world = a_world(), world_after(begin, end, seconds=10)
    run(calm, 10)
    for peer in ("home", "edge-north", "edge-south", "cloud"):
        worse, usual = world.link("metro", peer), calm.link("metro", peer)
        assert worse.rtt_ms == pytest.approx(usual.rtt_ms + 6.0, abs=0.2)
        assert worse.loss_ratio == pytest.approx(usual.loss_ratio + 0.005)
        assert worse.jitter_ms > 5 * usual.jitter_ms
        assert worse.capacity_mbps == usual.capacity_mbps / 2
    assert world.link("home", "cloud").rtt_ms == calm.link("home", "cloud").rtt_ms
    busy, usual = (told(w, Signal.NODE_SOFTIRQ_CORES) for w in (world, calm))
    assert busy["metro", "metro-1"] - usual["metro", "metro-1"] == pytest.approx(3.0, rel=0.3)
    assert busy["metro", "metro-2"] == usual["metro", "metro-2"]
    run(world, 30)
    assert world.link("home", "metro").loss_ratio == calm.link("home", "metro").loss_ratio


def test_a_link_loses_jitters_and_is_squeezed_as_told_until_its_next_event() -> None:
    worse = LinkEvent(
        at=5, kind="link", between=("metro", "home"), add_loss_ratio=0.02, add_jitter_ms=2.0
    )
    squeezed = LinkEvent(at=10, kind="link", between=("home", "metro"), capacity_ratio=0.25)
    as_before = LinkEvent(at=20, kind="link", between=("home", "metro"))
    world = world_after(worse, squeezed, as_before, seconds=7)
    link = world.link("home", "metro")
    assert link.loss_ratio == pytest.approx(0.02, rel=0.01)
    assert link.jitter_ms > 1.4
    run(world, 5)
    assert told(world, Signal.LINK_CAPACITY_MBPS)["home", "metro"] == pytest.approx(10_000)
    assert told(world, Signal.LINK_USED_MBPS)["metro", "home"] == pytest.approx(10_000)
    assert link.loss_ratio == pytest.approx(1 - 10_000 / 12_050, abs=1e-3)
    assert link.rtt_ms > 2.0 + 4
    run(world, 10)
    assert link.loss_ratio == pytest.approx(0.00001)


def test_more_users_mean_more_traffic_more_cpu_use_and_in_the_end_longer_work() -> None:
    surge = [
        UsersEvent(at=5, kind="users", group="north", site="venue-north", count=240),
        UsersEvent(at=5, kind="users", group="south", site="venue-south", count=160),
    ]
    calm, world = a_world(), world_after(*surge, seconds=10)
    run(calm, 10)
    assert world.load_ratio == 2.0
    used, usual = (told(w, Signal.LINK_USED_MBPS)["metro", "home"] for w in (world, calm))
    assert used == pytest.approx(2 * usual)
    pod = ("metro", "render-metro-1")
    assert told(world, Signal.POD_USED_CORES)[pod] > 1.5 * told(calm, Signal.POD_USED_CORES)[pod]
    assert told(world, Signal.POD_THROTTLED_RATIO)[pod] > 0.1
    assert world.processing_ms(arena(world), "render") > 3.4


def test_processing_times_are_told_as_observe_asks_for_them() -> None:
    world = a_world()
    scrapes = {"home": families_of(world, "home", 0.0)}
    for where in ('component="render"', 'namespace="xr",component="render"'):
        query = f"max(xr_processing_seconds{{{where}}}) * 1000"
        assert answer(query, scrapes, at=0.0) == {(): pytest.approx(3.4)}
    gone = 'max(xr_processing_seconds{component="gone"}) * 1000'
    assert answer(gone, scrapes, at=0.0) == {}


def test_a_container_without_a_limit_is_never_told_to_be_throttled() -> None:
    world = a_world()
    free = [
        type(pod)(
            **{
                **{name: getattr(pod, name) for name in pod.__slots__},
                "containers": tuple(
                    type(c)(name=c.name, cores=c.cores, memory_bytes=c.memory_bytes)
                    for c in pod.containers
                ),
            }
        )
        for pod in world.pods
    ]
    world.see(free)
    run(world, 5)
    assert told(world, Signal.POD_THROTTLED_RATIO) == {}
    assert len(told(world, Signal.POD_USED_CORES)) == 10
