"""A made-up fleet of any size: edge, metro and cloud clusters, links, and applications on them."""

import random
from dataclasses import dataclass, replace
from math import hypot

from shared.model.application import Application, Component, Flow, UserGroup, WorkloadRef
from shared.model.names import ApplicationName, ClusterName, ComponentName, GroupName
from shared.model.resources import Resources
from shared.model.site import Access, Site, Tier
from simulator.fleet import ClusterSpec, FleetSpec, LinkSpec, NoiseSpec, UsersSpec
from simulator.load import GIB

SIZES = {Tier.EDGE: (2, 16, 64), Tier.METRO: (3, 32, 128), Tier.CLOUD: (4, 64, 256)}
"""Nodes of a cluster, and the cores and GiB of each."""
LEAST_LINKS, MOST_LINKS = 3, 6
MS_ACROSS = 8.0
"""One way, from one side of the fleet's region to the other."""
CLOUD_MS = 5.0
NOISE = NoiseSpec(
    bursts_per_hour=0.5,
    burst_jitter_ms=0.2,
    burst_seconds=8.0,  # one that lasts for minutes is a fault
    outliers_per_hour=0.5,
    outlier_ms=1.0,
    blips_per_hour=0.3,
    blip_loss_ratio=0.002,
)
CAPTURE, RENDER, STORE = (ComponentName(name) for name in ("capture", "render", "store"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What stands where at the start."""

    spec: FleetSpec
    sites: tuple[Site, ...]
    applications: tuple[Application, ...]
    homes: dict[tuple[str, str], str]
    """Namespace and workload to the cluster of its replicas."""
    access_ms: dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    tier: Tier
    x: float
    y: float

    def ms_to(self, other: "_Place") -> float:
        far = CLOUD_MS * (Tier.CLOUD in (self.tier, other.tier))
        return 0.3 + MS_ACROSS * hypot(self.x - other.x, self.y - other.y) + far


def plan_fleet(clusters: int, seed: int) -> Plan:
    """Return a fleet of so many clusters, at least 6; the first is home."""
    chance = random.Random(seed)
    places = _places(clusters, chance)
    pairs = _pairs(places)
    applications, homes = _applications(places, pairs, chance)
    edges = [p for p in places.values() if p.tier is Tier.EDGE]
    access = {(f"venue-{e.name}", p.name): 1.0 + e.ms_to(p) for e in edges for p in places.values()}
    users: dict[str, UsersSpec] = {
        group.name: UsersSpec(site=group.site, count=chance.randint(60, 300))
        for application in applications
        for group in application.users
    }
    spec = FleetSpec(
        seed=seed,
        clusters={p.name: _cluster(p) for p in places.values()},
        links=tuple(_link(places[a], places[b], chance) for a, b in pairs),
        users=users,
        user_sites=tuple(f"venue-{e.name}" for e in edges),
        noise=NOISE,
    )
    return Plan(
        spec=spec,
        sites=tuple(_site(p, access) for p in places.values()),
        applications=applications,
        homes=homes,
        access_ms=access,
    )


def _places(clusters: int, chance: random.Random) -> dict[str, _Place]:
    found = [_Place("home", Tier.METRO, 0.5, 0.5)]
    for number in range(1, clusters):
        tier = (Tier.EDGE, Tier.METRO, Tier.EDGE, Tier.EDGE, Tier.CLOUD)[number % 5]
        if tier is Tier.CLOUD and number % 10 != 4:
            tier = Tier.METRO
        found.append(_Place(f"{tier}-{number:02d}", tier, chance.random(), chance.random()))
    return {p.name: p for p in found}


def _pairs(places: dict[str, _Place]) -> list[tuple[str, str]]:
    """Link every cluster to the nearest that still take a link."""
    links: dict[str, set[str]] = {name: set() for name in places}
    for one in places.values():
        near = sorted(
            (other for other in places.values() if other is not one),
            key=lambda other, one=one: (one.ms_to(other), other.name),  # type: ignore[misc]
        )
        for other in near:
            if len(links[one.name]) >= LEAST_LINKS:
                break
            if len(links[other.name]) < MOST_LINKS:
                links[one.name].add(other.name)
                links[other.name].add(one.name)
    return sorted({(a, b) for a, others in links.items() for b in others if a < b})


def _link(one: _Place, other: _Place, chance: random.Random) -> LinkSpec:
    gbps = {Tier.EDGE: 10.0, Tier.METRO: 40.0, Tier.CLOUD: 100.0}
    return LinkSpec(
        between=(one.name, other.name),
        milliseconds=one.ms_to(other),
        jitter_ms=chance.uniform(0.05, 0.3),
        gbps=min(gbps[one.tier], gbps[other.tier]),
    )


def _cluster(place: _Place) -> ClusterSpec:
    nodes, cores, gib = SIZES[place.tier]
    return ClusterSpec(
        home=place.name == "home",
        region=place.tier,
        nodes=nodes,
        cores_per_node=cores,
        gib_per_node=gib,
    )


def _site(place: _Place, access: dict[tuple[str, str], float]) -> Site:
    return Site(
        name=ClusterName(place.name),
        home=place.name == "home",
        tier=place.tier,
        region=place.tier,
        owner="operator",
        access=tuple(
            Access(user_site=site, latency_ms=ms)
            for (site, cluster), ms in access.items()
            if cluster == place.name
        ),
    )


def _applications(
    places: dict[str, _Place], pairs: list[tuple[str, str]], chance: random.Random
) -> tuple[tuple[Application, ...], dict[tuple[str, str], str]]:
    """Put capture at an edge, render at a neighbour of it, and store at a neighbour of that."""
    near: dict[str, list[str]] = {name: [] for name in places}
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    edges = [p.name for p in places.values() if p.tier is Tier.EDGE]
    found, homes = [], {}
    for number in range(max(2, len(places) // 2)):
        edge = edges[number % len(edges)]
        middle = chance.choice(near[edge])
        far = chance.choice([n for n in near[middle] if n != edge])
        application = _application(number, f"venue-{edge}", chance)
        found.append(_with_budgets(application, (edge, middle, far), places))
        for component, cluster in zip(application.components, (edge, middle, far), strict=True):
            homes[application.namespace, component.workload.name] = cluster
    return tuple(found), homes


def _application(number: int, site: str, chance: random.Random) -> Application:
    def component(name: ComponentName, cores: float, most: int) -> Component:
        replicas = chance.randint(1, most)
        return Component(
            name=name,
            workload=WorkloadRef(name=name),
            replicas=replicas,
            max_replicas=most + 1,
            requests=Resources(cpu_cores=cores, memory_bytes=2 * cores * GIB),
            processing_ms=chance.uniform(1.0, 4.0),
        )

    path = (CAPTURE, RENDER, STORE)
    return Application(
        name=ApplicationName(f"xr-{number}/arena"),
        components=(
            component(CAPTURE, 1.0, 2),
            component(RENDER, 2.0, 3),
            component(STORE, 1.0, 2),
        ),
        flows=(
            Flow(source=CAPTURE, target=RENDER, mbps=chance.uniform(200, 800)),
            Flow(source=RENDER, target=STORE, mbps=chance.uniform(50, 200)),
            Flow(source=RENDER, target=CAPTURE, mbps=chance.uniform(100, 400)),
        ),
        users=tuple(
            UserGroup(name=GroupName(f"users-{number}-{letter}"), site=site, path=path)
            for letter in "ab"
        ),
    )


def _with_budgets(
    application: Application, clusters: tuple[str, str, str], places: dict[str, _Place]
) -> Application:
    """Return it with budgets that hold in calm: half as much again as the way takes."""
    edge, middle, far = (places[c] for c in clusters)
    there = 2.0 + edge.ms_to(edge) + edge.ms_to(far) + edge.ms_to(middle) + middle.ms_to(far)
    way = there + sum(c.processing_ms for c in application.components)
    groups = tuple(replace(g, budget_ms=1.5 * way + 2.0) for g in application.users)
    return replace(application, users=groups)
