"""What follows from the declarations alone: it is kept until one of them changes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from services.decide.core.problem import (
    Objection,
    ProblemComponent,
    ProblemFlow,
    ProblemGroup,
    Talk,
)
from shared.messages.decision import Reason
from shared.messages.readings import Signal
from shared.model.application import Application, Constraints
from shared.model.names import ApplicationName, ClusterName, ComponentName
from shared.model.site import Site

Forbidden = Mapping[ClusterName, Objection]
Access = Mapping[ClusterName, float | None]
"""Latency between a user site and each cluster, in milliseconds. None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An application's part of its problem: all but what it shares with the others."""

    application: Application
    components: tuple[ProblemComponent, ...]
    flows: tuple[ProblemFlow, ...]
    groups: tuple[ProblemGroup, ...]
    talks: tuple[Talk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The frames of one cycle, with what they were built from beside the applications."""

    sites: tuple[Site, ...] = ()
    leaving: Forbidden = field(default_factory=dict)
    """Clusters that have to be left."""
    of: Mapping[ApplicationName, Frame] = field(default_factory=dict)


def forbidden(constraints: Constraints, site: Site) -> Objection | None:
    """Say why a component must not be at a site, or None."""
    checks = (
        ("region", site.region, constraints.allowed_regions, constraints.forbidden_regions),
        ("owner", site.owner, constraints.allowed_owners, constraints.forbidden_owners),
        ("cluster", site.name, constraints.allowed_clusters, constraints.forbidden_clusters),
    )
    for what, value, allowed, banned in checks:
        if value in banned or (allowed and value not in allowed):
            word = "forbidden" if value in banned else "not allowed"
            return Objection(
                reason=Reason.NOT_ALLOWED, detail=f"{what} {value or 'without a name'} is {word}"
            )
    return None


def index_of(application: Application) -> Mapping[ComponentName, int]:
    """Return where each component stands in its application."""
    return {component.name: i for i, component in enumerate(application.components)}


def flows_of(application: Application) -> tuple[ProblemFlow, ...]:
    """Return the flows, their ends by index."""
    index = index_of(application)
    return tuple(
        ProblemFlow(
            term=f"quality:flow:{application.name}/{f.source}>{f.target}",
            flow=f,
            source=index[f.source],
            target=index[f.target],
        )
        for f in application.flows
    )


def talks_of(application: Application) -> tuple[Talk, ...]:
    """Return who sends to whom, and what has to be known of the links between them."""
    index = index_of(application)
    needed: dict[tuple[int, int], set[Signal]] = defaultdict(set)
    for group in application.users:
        for source, target in pairwise(group.round_trip):
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
