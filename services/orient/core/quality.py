"""What each user group gets: latency along its path with its split by hop, jitter, loss, room."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from services.orient.core.memory import Verdicts
from shared.messages.hops import hops_along
from shared.messages.insight import Hop, Quality
from shared.model.application import Application, UserGroup
from shared.model.fleet import Fleet, Link
from shared.model.names import ClusterName
from shared.model.path import Way, access_latency_ms, link_latency_ms, slowest_way
from shared.model.policy import FleetPolicy

WINDOW = timedelta(hours=1)


def assess_quality(
    fleet: Fleet, policy: FleetPolicy, verdicts: tuple[Verdicts, ...]
) -> tuple[tuple[Quality, ...], tuple[Verdicts, ...]]:
    """Return the quality of every user group, and the verdicts of the last hour with this one."""
    past = {v.key: v.history for v in verdicts}
    qualities: list[Quality] = []
    remembered: list[Verdicts] = []
    for application in fleet.applications:
        for group in application.users:
            quality = _of_group(fleet, policy, application, group)
            key = (application.name, group.name)
            history = _with_verdict(past.get(key, ()), met=quality.is_met, at=fleet.at)
            remembered.append(Verdicts(key=key, history=history))
            qualities.append(_with_share(quality, history))
    return tuple(qualities), tuple(remembered)


def _of_group(
    fleet: Fleet, policy: FleetPolicy, application: Application, group: UserGroup
) -> Quality:
    way, reason = _way_of(fleet, application, group)
    links = _links_of(fleet, way) if way else ()
    return Quality(
        application=application.name,
        group=group.name,
        latency_ms=_total_ms(application, group, way) if way else None,
        budget_ms=group.budget_ms,
        guard_band_ms=group.budget_ms * policy.guard_band_ratio,
        target_ratio=group.target_ratio,
        hops=_hops(fleet, application, group, way) if way else (),
        jitter_ms=_jitter_ms(links),
        loss_ratio=_loss_ratio(links),
        headroom_mbps=_headroom_mbps(links),
        reason=reason,
    )


def _way_of(fleet: Fleet, application: Application, group: UserGroup) -> tuple[Way | None, str]:
    choices: list[list[ClusterName]] = []
    for name in group.round_trip:
        placements = fleet.placements_of(application.name, name)
        ready = [p.cluster for p in placements if p.ready_replicas > 0]
        if not ready:
            return None, f"{name} has no ready replica"
        choices.append(ready)
    way = slowest_way(
        choices,
        access=partial(access_latency_ms, fleet, group.site),
        link=partial(link_latency_ms, fleet),
    )
    return way, "" if way else _what_is_missing(fleet, group, choices)


def _what_is_missing(
    fleet: Fleet, group: UserGroup, choices: Sequence[Sequence[ClusterName]]
) -> str:
    for cluster in (*choices[0], *choices[-1]):
        if access_latency_ms(fleet, group.site, cluster) is None:
            return f"no access latency is known between {group.site} and {cluster}"
    for sources, targets in itertools.pairwise(choices):
        for source in sources:
            for target in targets:
                if link_latency_ms(fleet, source, target) is None:
                    return f"the latency from {source} to {target} is not measured"
    return "a hop is not measured"


def _total_ms(application: Application, group: UserGroup, way: Way) -> float:
    return way.latency_ms + sum(
        application.component(name).processing_ms for name in group.round_trip
    )


def _hops(fleet: Fleet, application: Application, group: UserGroup, way: Way) -> tuple[Hop, ...]:
    return hops_along(
        way,
        group,
        processing_ms={c.name: c.processing_ms for c in application.components},
        access=partial(access_latency_ms, fleet, group.site),
        link=partial(link_latency_ms, fleet),
    )


def _links_of(fleet: Fleet, way: Way) -> tuple[Link, ...]:
    pairs = itertools.pairwise(way.clusters)
    links = (fleet.link(a, b) for a, b in pairs if a != b)
    return tuple(link for link in links if link)


def _jitter_ms(links: tuple[Link, ...]) -> float | None:
    """Add the links' variations as independent ones: in quadrature."""
    known = [link.jitter_ms for link in links if link.jitter_ms is not None]
    if len(known) < len(links):
        return None
    return math.sqrt(sum(jitter**2 for jitter in known))


def _loss_ratio(links: tuple[Link, ...]) -> float | None:
    kept = 1.0
    for link in links:
        if link.loss_ratio is None:
            return None
        kept *= 1.0 - link.loss_ratio
    return 1.0 - kept


def _headroom_mbps(links: tuple[Link, ...]) -> float | None:
    left = [
        link.capacity_mbps - link.used_mbps
        for link in links
        if link.capacity_mbps is not None and link.used_mbps is not None
    ]
    return min(left) if left and len(left) == len(links) else None


def _with_verdict(
    history: tuple[tuple[datetime, bool], ...], *, met: bool | None, at: datetime
) -> tuple[tuple[datetime, bool], ...]:
    recent = tuple(entry for entry in history if at - entry[0] < WINDOW and entry[0] < at)
    return recent if met is None else (*recent, (at, met))


def _with_share(quality: Quality, history: tuple[tuple[datetime, bool], ...]) -> Quality:
    if not history:
        return quality
    share = sum(met for _, met in history) / len(history)
    return replace(quality, within_ratio=share)
