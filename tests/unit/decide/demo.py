"""The demo fleet of the examples as Orient would tell it, on whole numbers."""

from dataclasses import replace
from itertools import combinations
from typing import Any

from shared.messages.insight import Insight
from shared.messages.inventory import NamespaceOffloading
from shared.messages.observation import Coverage, CoverageState
from shared.messages.readings import Signal
from shared.model.application import Application, Flow
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node, Placement
from shared.model.names import ClusterName
from shared.model.resources import Resources
from shared.model.site import Access, Prices
from tests.support.builders import (
    ARENA,
    NOW,
    a_component,
    a_flow,
    a_group,
    a_placement,
    a_site,
    an_application,
    an_insight,
    both_ways,
    cycle_at,
    later,
)

CLUSTERS = ("cloud", "edge-north", "edge-south", "home", "metro")
LATENCIES = {
    ("edge-north", "home"): 1.5,
    ("edge-south", "home"): 1.5,
    ("home", "metro"): 1.0,
    ("edge-north", "metro"): 2.0,
    ("edge-south", "metro"): 2.0,
    ("edge-north", "edge-south"): 3.5,
    ("cloud", "home"): 6.0,
    ("cloud", "metro"): 6.0,
    ("cloud", "edge-north"): 8.0,
    ("cloud", "edge-south"): 8.0,
}
ACCESS = {
    "home": (2.2, 2.2, 5.0),
    "metro": (2.6, 2.6, 2.5),
    "edge-north": (1.0, 5.0, 6.0),
    "edge-south": (5.0, 1.0, 3.0),
    "cloud": (9.0, 9.0, 10.0),
}
NODES = {"home": (2, 16), "metro": (2, 16), "edge-north": (1, 12), "edge-south": (1, 12)}
PRICES = {"home": 0.05, "metro": 0.045, "edge-north": 0.12, "edge-south": 0.12, "cloud": 0.03}
COMPONENTS = {
    "ingest": (0.4, 1.0),
    "track": (1.2, 2.0),
    "render": (3.4, 8.0),
    "encode": (1.0, 2.0),
    "sync": (0.5, 1.0),
}
START = {"ingest": "home", "track": "home", "render": "metro", "encode": "home", "sync": "home"}
PATH = ("ingest", "track", "render", "encode")


def flows() -> tuple[Flow, ...]:
    return (
        a_flow("ingest", "track", 400.0),
        a_flow("track", "render", 200.0),
        a_flow("render", "encode", 12_000.0),
        a_flow("render", "sync", 10.0),
        a_flow("sync", "track", 10.0),
    )


def the_arena(**changes: Any) -> Application:
    application = an_application(
        ARENA,
        components=tuple(
            a_component(
                name,
                processing_ms=ms,
                replicas=2,
                requests=Resources(cpu_cores=cores, memory_bytes=2e9),
            )
            for name, (ms, cores) in COMPONENTS.items()
        ),
        flows=flows(),
        users=(
            a_group("north", PATH, site="venue-north"),
            a_group("south", PATH, site="venue-south"),
        ),
    )
    return replace(application, **changes)


def a_demo_cluster(name: str, **changes: Any) -> Cluster:
    """Return a cluster whose nodes carry an equal part of what stands there at the start."""
    count, cores = NODES.get(name, (4, 32))
    requested = sum(2 * COMPONENTS[c][1] for c, cluster in START.items() if cluster == name) / count
    site = a_site(
        name,
        home=name == "home",
        prices=Prices(core_hour=PRICES[name], gb_egress=0.0 if name in ("home", "metro") else 0.02),
        access=tuple(
            Access(user_site=f"venue-{venue}", latency_ms=ms)
            for venue, ms in zip(("north", "south", "coast"), ACCESS[name], strict=True)
        ),
    )
    nodes = tuple(
        Node(
            name=f"{name}-{index}",
            allocatable=Resources(cpu_cores=cores, memory_bytes=64e9),
            requested=Resources(cpu_cores=requested, memory_bytes=4e9 if requested else 0.0),
        )
        for index in range(count)
    )
    return replace(Cluster(site=site, state=ClusterState.READY, nodes=nodes), **changes)


def demo_links(**changes: Any) -> tuple[Link, ...]:
    """Return the mesh. `changes` by pair, as `home_metro={"latency_ms": 7.0}`, for both ways."""
    links: list[Link] = []
    for a, b in combinations(CLUSTERS, 2):
        ways = both_ways(a, b, LATENCIES[a, b], capacity_mbps=25_000.0, used_mbps=carried(a, b))
        about = changes.get(f"{a}_{b}".replace("-", "_"), {})
        links += (replace(link, **about) for link in ways)
    return tuple(sorted(links, key=lambda link: (link.source, link.target)))


def carried(a: str, b: str) -> float:
    return 12_300.0 if (a, b) == ("home", "metro") else 0.0


def start_placements() -> tuple[Placement, ...]:
    return tuple(a_placement(c, cluster, 2) for c, cluster in sorted(START.items()))


def demo_fleet(**changes: Any) -> Fleet:
    fleet = Fleet(
        at=NOW,
        clusters=tuple(a_demo_cluster(name) for name in CLUSTERS),
        links=demo_links(),
        applications=(the_arena(),),
        placements=start_placements(),
    )
    return replace(fleet, **changes)


def demo_insight(fleet: Fleet | None = None, *, seconds: float = 0.0, **changes: Any) -> Insight:
    """Return the insight of a fleet that many seconds after the start."""
    at = later(seconds)
    insight = an_insight(
        replace(fleet or demo_fleet(), at=at),
        cycle=cycle_at(at),
        at=at,
        stretched=(
            NamespaceOffloading(
                namespace="xr",
                phase="Ready",
                ready_clusters=tuple(ClusterName(c) for c in CLUSTERS if c != "home"),
            ),
        ),
    )
    return replace(insight, **changes)


def with_cluster(fleet: Fleet, name: str, **changes: Any) -> Fleet:
    clusters = tuple(replace(c, **changes) if c.name == name else c for c in fleet.clusters)
    return replace(fleet, clusters=clusters)


def silent(cluster: str, state: CoverageState = CoverageState.ABSENT) -> tuple[Coverage, ...]:
    """Return the coverage of a cluster that says nothing."""
    return tuple(
        Coverage(cluster=ClusterName(cluster), signal=signal, state=state) for signal in Signal
    )
