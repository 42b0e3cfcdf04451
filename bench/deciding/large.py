"""One large fleet made up, seeded: 100 clusters, 200 applications, all well but for a few."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from shared.messages.insight import Forecast, Insight, Outlook
from shared.messages.readings import Signal
from shared.model.application import (
    Application,
    Component,
    Constraints,
    Flow,
    UserGroup,
    WorkloadRef,
)
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node, Placement
from shared.model.names import (
    ApplicationName,
    ClusterName,
    ComponentName,
    CycleId,
    FleetName,
    GroupName,
)
from shared.model.policy import FleetPolicy
from shared.model.resources import Resources
from shared.model.site import Access, Prices, Site, Tier

GIB = 2.0**30
PARTS = ("ingest", "track", "render", "encode", "relay")
MBPS = (40.0, 25.0, 60.0, 30.0)
"""Of the flows between them."""
AT = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
SIDE_MS = 30.0
"""Latency from one side of the country to the other."""


Places = dict[str, tuple[float, float]]
"""Where each cluster lies, in a square of side 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a fleet is, and how many of its applications have something wrong."""

    clusters: int = 100
    applications: int = 200
    wrong: int = 8

    def __str__(self) -> str:
        return f"{self.clusters}x{self.applications * len(PARTS)}"


def an_insight(size: Size, seed: int = 1) -> Insight:
    """Return the first insight of a fleet with a full mesh of links."""
    dice = Random(seed)
    places = {_name(i): (dice.random(), dice.random()) for i in range(size.clusters)}
    applications = tuple(_application(dice, i, places) for i in range(size.applications))
    placements = _placements(dice, applications, places, size.wrong)
    fleet = Fleet(
        at=AT,
        clusters=tuple(_cluster(dice, name, places) for name in sorted(places)),
        links=tuple(_link(a, b, places) for a in sorted(places) for b in sorted(places) if a != b),
        applications=applications,
        placements=placements,
    )
    return Insight(
        cycle=CycleId("20261124T070000000Z"),
        fleet_name=FleetName("large"),
        at=AT,
        interval_seconds=INTERVAL.total_seconds(),
        fleet=_requested(fleet),
        policy=FleetPolicy(),
        forecasts=tuple(_forecasts(dice, applications)),
    )


def measured_again(insight: Insight, turn: int, seed: int = 1) -> Insight:
    """Return an insight so many turns later: the same fleet, every link measured anew."""
    dice, at = Random(f"{seed} {turn}"), insight.at + turn * INTERVAL
    links = tuple(
        replace(
            link,
            latency_ms=(link.latency_ms or 0.0) * dice.uniform(0.99, 1.01),
            used_mbps=(link.used_mbps or 0.0) * dice.uniform(0.9, 1.1),
        )
        for link in insight.fleet.links
    )
    return replace(
        insight,
        cycle=CycleId(f"{at:%Y%m%dT%H%M%S}000Z"),
        at=at,
        fleet=replace(insight.fleet, at=at, links=links),
    )


def _name(index: int) -> str:
    return f"site-{index:03}"


def _region(place: tuple[float, float]) -> str:
    north, east = place[1] > 0.5, place[0] > 0.5
    return ("north" if north else "south") + ("-east" if east else "-west")


def _ms(a: str, b: str, places: Places) -> float:
    return 0.3 + SIDE_MS * math.dist(places[a], places[b])


def _cluster(dice: Random, name: str, places: Places) -> Cluster:
    """Return an empty cluster of three nodes."""
    near = sorted(places, key=lambda other: _ms(name, other, places))[: len(places) // 2]
    price = dice.uniform(0.039, 0.041)
    site = Site(
        name=ClusterName(name),
        tier=dice.choice(list(Tier)),
        region=_region(places[name]),
        owner=dice.choice(("city", "operator")),
        prices=Prices(core_hour=price, gib_hour=price / 8.0, gb_egress=0.01, kwh=0.2),
        watts_per_core=8.0,
        access=tuple(Access(user_site=o, latency_ms=1.0 + _ms(name, o, places)) for o in near),
        gateway_mbps=40_000.0,
    )
    room = Resources(cpu_cores=64.0, memory_bytes=256.0 * GIB)
    nodes = (Node(name=f"{name}-{i}", allocatable=room, requested=Resources()) for i in range(3))
    return Cluster(site=site, state=ClusterState.READY, nodes=tuple(nodes))


def _link(a: str, b: str, places: Places) -> Link:
    return Link(
        source=ClusterName(a),
        target=ClusterName(b),
        latency_ms=_ms(a, b, places),
        jitter_ms=0.2,
        loss_ratio=0.0001,
        capacity_mbps=10_000.0,
        used_mbps=200.0,
        up=True,
    )


def _application(dice: Random, index: int, places: Places) -> Application:
    """Return a chain of five components, some of which must not leave their part of the country."""
    name, home = f"xr/service-{index:03}", dice.choice(sorted(places))
    names = [ComponentName(part) for part in PARTS]
    regions = sorted({_region(place) for place in places.values()} - {_region(places[home])})
    forbidden = tuple(dice.sample(regions, dice.randint(0, 1)))
    components = tuple(
        Component(
            name=part,
            workload=WorkloadRef(name=f"service-{index:03}-{part}"),
            replicas=1 + (dice.random() < 0.2),
            max_replicas=4,
            is_elastic=dice.random() < 0.3,
            requests=Resources(cpu_cores=dice.choice((1.0, 2.0, 4.0)), memory_bytes=4.0 * GIB),
            processing_ms=dice.uniform(0.5, 2.0),
            constraints=Constraints(forbidden_regions=forbidden),
            state_mib=dice.uniform(0.0, 500.0),
        )
        for part in names
    )
    groups = (
        UserGroup(name=GroupName(f"users-{i}"), site=home, path=tuple(names[i:]), budget_ms=15.0)
        for i in range(1 + index % 2)
    )
    flows = (
        Flow(source=a, target=b, mbps=mbps)
        for a, b, mbps in zip(names, names[1:], MBPS, strict=False)
    )
    return Application(
        name=ApplicationName(name), components=components, flows=tuple(flows), users=tuple(groups)
    )


def _placements(
    dice: Random,
    applications: tuple[Application, ...],
    places: Places,
    wrong: int,
) -> tuple[Placement, ...]:
    """Put each application on one or two clusters near its users, the first ones further away.

    Half of those are so far away that no single move makes anything better.
    """
    found = []
    for index, application in enumerate(applications):
        by_distance = _allowed_by_distance(application, places)
        hosts = by_distance[:1]
        if index < wrong:
            far = len(by_distance) - 1 if index % 2 else len(by_distance) // 4
            hosts = by_distance[far - 1 : far + 1]
        split = dice.randint(1, len(PARTS))
        found += [
            Placement(
                application=application.name,
                component=component.name,
                cluster=ClusterName(hosts[0] if i < split else hosts[-1]),
                replicas=component.replicas,
                ready_replicas=component.replicas,
            )
            for i, component in enumerate(application.components)
        ]
    return tuple(sorted(found, key=lambda p: (p.application, p.component, p.cluster)))


def _allowed_by_distance(application: Application, places: Places) -> list[str]:
    users, forbidden = application.users[0].site, application.components[0].constraints
    allowed = [n for n in places if _region(places[n]) not in forbidden.forbidden_regions]
    return sorted(allowed, key=lambda name: _ms(name, users, places))


def _requested(fleet: Fleet) -> Fleet:
    """Return the fleet with the requests of what stands, spread over the nodes of each cluster."""
    parts = {(a.name, c.name): c.requests for a in fleet.applications for c in a.components}
    taken = {c.name: Resources() for c in fleet.clusters}
    for p in fleet.placements:
        taken[p.cluster] += parts[p.application, p.component] * p.replicas
    clusters = (
        replace(
            c,
            nodes=tuple(
                replace(n, requested=taken[c.name] * (1.0 / len(c.nodes))) for n in c.nodes
            ),
        )
        for c in fleet.clusters
    )
    return replace(fleet, clusters=tuple(clusters))


def _forecasts(dice: Random, applications: tuple[Application, ...]) -> Iterator[Forecast]:
    """Foresee the demand of each elastic component: about what it has."""
    for application in applications:
        for component in application.components:
            if component.is_elastic:
                used = component.requests.cpu_cores * component.replicas * dice.uniform(0.65, 0.9)
                yield Forecast(
                    signal=Signal.POD_USED_CORES,
                    cluster="",
                    subject=f"{application.name}/{component.name}",
                    outlooks=tuple(
                        Outlook(horizon_seconds=s, expected=used, low=used * 0.9, high=used * 1.1)
                        for s in (300.0, 900.0, 3600.0)
                    ),
                )
