"""A placement that can be reached, with what follows from it: latencies, traffic, room left.

Replicas of a component share its load evenly, so a flow of m Mbit/s puts m / (Rs * Rt) on each
pair of replicas, its limits hold for every pair, and a user group is promised the slowest
combination. A latency measured under the present load is taken as it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

from services.decide.core.headroom import Headroom, put
from services.decide.core.problem import (
    Candidate,
    Pair,
    Problem,
    ProblemFlow,
    ProblemGroup,
    Spread,
)
from services.decide.core.traffic import crossing, summed
from shared.model.names import ClusterName
from shared.model.path import Way, slowest_way

T = TypeVar("T")

UNKNOWN = math.inf
"""Latency of a group one of whose hops is not measured."""
FULL = 2.0
"""The most that one violation counts, in its weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What the placement at the start sets: the latency each group may take, and other traffic."""

    limits_ms: tuple[float, ...]
    own_mbps: Mapping[Pair, float]
    """The part of what is measured on each link that is this application's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A placement that can be reached, with everything its score is made of."""

    spreads: tuple[Spread, ...]
    """Per component, without what is lost."""
    asked: tuple[int, ...]
    """Replicas each workload asks for."""
    rooms: Mapping[ClusterName, Headroom]
    """What is left after new copies; what old ones free is not counted on: on which node it
    becomes free is not known before it is observed."""
    homeless: tuple[tuple[ClusterName, int], ...]
    """New copies that found no node on a cluster."""
    latencies_ms: tuple[float | None, ...]
    """Per group. None: not counted. UNKNOWN: cannot be told."""
    broken: tuple[float, ...]
    """Per flow, how badly its limits are broken (0 to 2)."""
    crossings: tuple[tuple[tuple[Pair, float], ...], ...]
    """Per flow, what it puts on links."""
    yardstick: Yardstick


def start(problem: Problem) -> Standing:
    """Return the placement that is there now."""
    spreads = tuple(c.alive for c in problem.components)
    crossings = tuple(_crossing(f, spreads) for f in problem.flows)
    latencies = tuple(group_latency_ms(problem, g, spreads) for g in problem.groups)
    return Standing(
        spreads=spreads,
        asked=tuple(c.component.replicas for c in problem.components),
        rooms={name: cluster.headroom for name, cluster in problem.clusters.items()},
        homeless=(),
        latencies_ms=latencies,
        broken=tuple(_broken(problem, f, spreads) for f in problem.flows),
        crossings=crossings,
        yardstick=Yardstick(
            limits_ms=tuple(map(_limit_ms, problem.groups, latencies, _guards(problem))),
            own_mbps=summed(crossings),
        ),
    )


def with_change(problem: Problem, standing: Standing, candidate: Candidate) -> Standing:
    """Return the placement after a change, its new copies charged beside the old ones."""
    changed = candidate.component
    part = problem.components[changed]
    spread, new_copies = _spread_after(standing.spreads[changed], candidate)
    spreads = with_item(standing.spreads, changed, spread)
    room, homeless = put(standing.rooms[candidate.cluster], part.component.requests, new_copies)
    latencies_ms = list(standing.latencies_ms)
    for index in part.groups:
        latencies_ms[index] = group_latency_ms(problem, problem.groups[index], spreads)
    broken, crossings = list(standing.broken), list(standing.crossings)
    for index in part.flows:
        broken[index] = _broken(problem, problem.flows[index], spreads)
        crossings[index] = _crossing(problem.flows[index], spreads)
    return Standing(
        spreads=spreads,
        asked=with_item(standing.asked, changed, candidate.replicas),
        rooms={**standing.rooms, candidate.cluster: room},
        homeless=(*standing.homeless, *(((candidate.cluster, homeless),) if homeless else ())),
        latencies_ms=tuple(latencies_ms),
        broken=tuple(broken),
        crossings=tuple(crossings),
        yardstick=standing.yardstick,
    )


def _spread_after(spread: Spread, candidate: Candidate) -> tuple[Spread, int]:
    """Return where the replicas stand then, and how many new copies that takes on the cluster.

    A move starts all its pods anew, also where some stand on the target already.
    """
    if not candidate.is_scale:
        return ((candidate.cluster, candidate.replicas),), candidate.replicas
    others = tuple((c, n) for c, n in spread if c != candidate.cluster)
    before = sum(n for c, n in spread if c == candidate.cluster)
    here = candidate.replicas - sum(n for _, n in others)
    after = tuple(sorted((*others, *(((candidate.cluster, here),) if here > 0 else ()))))
    return after, max(0, here - before)


def with_item(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    """Return a tuple with one item replaced."""
    return (*items[:index], item, *items[index + 1 :])


def group_latency_ms(
    problem: Problem, group: ProblemGroup, spreads: tuple[Spread, ...]
) -> float | None:
    """Return the end-to-end latency of a group over its slowest replicas.

    None where a component stands nowhere, UNKNOWN where a hop cannot be told.
    """
    if not all(spreads[index] for index in group.path):
        return None
    way = way_of(problem, group, spreads)
    return UNKNOWN if way is None else way.latency_ms + group.processing_ms


def way_of(problem: Problem, group: ProblemGroup, spreads: tuple[Spread, ...]) -> Way | None:
    """Return the slowest way of a group whose components all stand. None: a hop is not known."""
    return slowest_way(
        [[cluster for cluster, _ in spreads[index]] for index in group.path],
        access=group.access_ms.get,
        link=partial(link_ms, problem),
    )


def link_ms(problem: Problem, source: ClusterName, target: ClusterName) -> float | None:
    """Return the latency between two clusters; 0 inside one, None where it is down or unknown."""
    if source == target:
        return 0.0
    link = problem.links.get((source, target))
    return link.latency_ms if link and link.is_up else None


def _guards(problem: Problem) -> list[float]:
    return [g.group.budget_ms * (1.0 - problem.policy.guard_band_ratio) for g in problem.groups]


def _limit_ms(group: ProblemGroup, latency_ms: float | None, guarded_ms: float) -> float:
    if latency_ms is None or latency_ms > group.group.budget_ms:
        return guarded_ms
    return max(guarded_ms, latency_ms)


def _broken(problem: Problem, flow: ProblemFlow, spreads: tuple[Spread, ...]) -> float:
    pairs = product(spreads[flow.source], spreads[flow.target])
    return max((_broken_between(problem, flow, a, b) for (a, _), (b, _) in pairs), default=0.0)


def _broken_between(problem: Problem, flow: ProblemFlow, a: ClusterName, b: ClusterName) -> float:
    if a == b:
        return 0.0
    link = problem.links.get((a, b))
    if link is None or not link.is_up:
        return FULL
    limits = (
        (link.latency_ms, flow.flow.max_latency_ms),
        (link.loss_ratio, flow.flow.max_loss_ratio),
        (link.jitter_ms, flow.flow.max_jitter_ms),
    )
    return max(violation(value, limit) for value, limit in limits)


def violation(value: float | None, limit: float | None, *, room: float | None = None) -> float:
    """Return how much a value above its limit counts, in the weight of what it breaks (0 to 2).

    `room` is what the excess is measured against; the limit itself unless given.
    """
    if limit is None:
        return 0.0
    if value is None:
        return FULL
    if value <= limit + 1e-9:
        return 0.0
    scale = limit if room is None else room
    return FULL if scale <= 0 else 1.0 + min((value - limit) / scale, 1.0)


def _crossing(flow: ProblemFlow, spreads: tuple[Spread, ...]) -> tuple[tuple[Pair, float], ...]:
    return crossing(flow.flow.mbps, spreads[flow.source], spreads[flow.target])
