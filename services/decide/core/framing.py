"""From an Insight to the problem of one application: what it needs, and what is ruled out."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from services.decide.core.ground import Ground
from services.decide.core.headroom import put
from services.decide.core.problem import (
    Objection,
    Pair,
    Problem,
    ProblemCluster,
    ProblemComponent,
    ProblemFlow,
    ProblemGroup,
    ProblemLink,
    Spread,
    Talk,
)
from services.decide.core.promises import Promises
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.messages.readings import Signal
from shared.model.application import Application, Component, Constraints
from shared.model.names import ClusterName, ComponentName
from shared.model.site import Site


def problem_of(
    insight: Insight, ground: Ground, application: Application, promises: Promises
) -> Problem:
    """Put one application's problem together, on room that is promised to nobody."""
    clusters = _with_promises(ground.clusters, promises)
    index = {c.name: i for i, c in enumerate(application.components)}
    return Problem(
        application=application,
        at=insight.at,
        policy=insight.policy,
        clusters=clusters,
        links=ground.links,
        components=tuple(
            _component(insight, replace(ground, clusters=clusters), application, c)
            for c in application.components
        ),
        flows=tuple(
            ProblemFlow(
                term=f"quality:flow:{application.name}/{f.source}>{f.target}",
                flow=f,
                source=index[f.source],
                target=index[f.target],
            )
            for f in application.flows
        ),
        groups=_groups(application, index, clusters, ground.links),
        talks=_talks(application, index),
        promised_mbps=promises.mbps,
        stale=ground.stale,
    )


def _with_promises(
    clusters: Mapping[ClusterName, ProblemCluster], promises: Promises
) -> Mapping[ClusterName, ProblemCluster]:
    rooms = {name: cluster.headroom for name, cluster in clusters.items()}
    for promise in promises.rooms:
        if promise.cluster in rooms:
            taken, _ = put(rooms[promise.cluster], promise.request, promise.replicas)
            rooms[promise.cluster] = taken
    return {
        name: replace(cluster, headroom=rooms[name]) if promises.rooms else cluster
        for name, cluster in clusters.items()
    }


def _component(
    insight: Insight,
    ground: Ground,
    application: Application,
    component: Component,
) -> ProblemComponent:
    clusters, term = ground.clusters, f"{application.name}/{component.name}"
    least, most = ground.ranges.get(term, (component.min_replicas, component.max_replicas))
    placements = insight.fleet.placements_of(application.name, component.name)
    standing: Spread = tuple((p.cluster, p.replicas) for p in placements if p.replicas > 0)
    ruled_out = {
        name: _forbidden(component.constraints, cluster.site) or cluster.leaving
        for name, cluster in clusters.items()
    }
    return ProblemComponent(
        term=term,
        component=component,
        wanted=max(min(component.replicas, most), least),
        least=least,
        most=most,
        standing=standing,
        alive=tuple((c, n) for c, n in standing if c in clusters and not clusters[c].is_lost),
        forbidden={name: objection for name, objection in ruled_out.items() if objection},
        flows=tuple(
            index
            for index, flow in enumerate(application.flows)
            if component.name in (flow.source, flow.target)
        ),
        groups=tuple(
            index
            for index, group in enumerate(application.users)
            if component.name in group.round_trip
        ),
    )


def _forbidden(constraints: Constraints, site: Site) -> Objection | None:
    checks = (
        ("region", site.region, constraints.allowed_regions, constraints.forbidden_regions),
        ("owner", site.owner, constraints.allowed_owners, constraints.forbidden_owners),
        ("cluster", site.name, constraints.allowed_clusters, constraints.forbidden_clusters),
    )
    for what, value, allowed, forbidden in checks:
        if value in forbidden or (allowed and value not in allowed):
            word = "forbidden" if value in forbidden else "not allowed"
            return Objection(
                reason=Reason.NOT_ALLOWED, detail=f"{what} {value or 'without a name'} is {word}"
            )
    return None


def _groups(
    application: Application,
    index: Mapping[ComponentName, int],
    clusters: Mapping[ClusterName, ProblemCluster],
    links: Mapping[Pair, ProblemLink],
) -> tuple[ProblemGroup, ...]:
    return tuple(
        ProblemGroup(
            term=f"quality:group:{application.name}/{group.name}",
            group=group,
            path=tuple(index[name] for name in group.round_trip),
            processing_ms=sum(application.component(n).processing_ms for n in group.round_trip),
            access_ms={
                name: _access_ms(group.site, cluster.site, links)
                for name, cluster in clusters.items()
            },
        )
        for group in application.users
    )


def _access_ms(user_site: str, site: Site, links: Mapping[Pair, ProblemLink]) -> float | None:
    """Return the declared access latency; else, where users sit in a cluster, the link's."""
    declared = site.access_ms(user_site)
    if declared is not None:
        return declared
    if user_site == site.name:
        return 0.0
    link = links.get((ClusterName(user_site), site.name))
    return link.latency_ms if link else None


def _talks(application: Application, index: Mapping[ComponentName, int]) -> tuple[Talk, ...]:
    needed: dict[tuple[int, int], set[Signal]] = defaultdict(set)
    for group in application.users:
        way = group.round_trip
        for source, target in pairwise(way):
            needed[index[source], index[target]].add(Signal.LINK_RTT_MS)
    for flow in application.flows:
        wanted = (
            (Signal.LINK_RTT_MS, flow.max_latency_ms is not None),
            (Signal.LINK_LOSS_RATIO, flow.max_loss_ratio is not None),
            (Signal.LINK_JITTER_MS, flow.max_jitter_ms is not None),
            (Signal.LINK_CAPACITY_MBPS, flow.mbps > 0),
            (Signal.LINK_USED_MBPS, flow.mbps > 0),
        )
        needed[index[flow.source], index[flow.target]].update(s for s, yes in wanted if yes)
    return tuple(
        Talk(source=source, target=target, signals=tuple(sorted(signals)))
        for (source, target), signals in sorted(needed.items())
    )
