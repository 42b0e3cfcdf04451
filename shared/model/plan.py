"""Intended changes, in the fleet's words, and the fleet they lead to."""

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from shared.model.application import WorkloadRef
from shared.model.fleet import Fleet, Placement
from shared.model.names import ApplicationName, ClusterName, ComponentName


@dataclass(frozen=True, slots=True, kw_only=True)
class OffloadNamespace:
    """Stretch the application's namespace over these clusters too. It is only ever widened."""

    kind: Literal["offload_namespace"] = "offload_namespace"
    application: ApplicationName
    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Run all replicas of a component on the target: the new ones first, then the old ones go."""

    kind: Literal["move"] = "move"
    application: ApplicationName
    component: ComponentName
    workload: WorkloadRef
    source: ClusterName
    target: ClusterName
    replicas: int

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise ValueError(f"a move of {self.component} from {self.source} to itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Run this many replicas of a component where it stands."""

    kind: Literal["scale"] = "scale"
    application: ApplicationName
    component: ComponentName
    workload: WorkloadRef
    replicas_before: int
    replicas: int


Action = OffloadNamespace | Move | Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Actions in the order they are carried out, each done and proven before the next."""

    actions: tuple[Action, ...] = ()


def describe(action: Action) -> str:
    """Return the action as people say it."""
    match action:
        case OffloadNamespace():
            return f"stretch {action.application} over {', '.join(action.clusters)}"
        case Move():
            return f"move {action.component} from {action.source} to {action.target}"
        case Scale():
            return f"scale {action.component} from {action.replicas_before} to {action.replicas}"
        case _:
            assert_never(action)


def fleet_after(fleet: Fleet, plan: Plan) -> Fleet:
    """Return the fleet the plan should lead to: only its placements differ."""
    for action in plan.actions:
        fleet = _after(fleet, action)
    return fleet


def _after(fleet: Fleet, action: Action) -> Fleet:
    match action:
        case OffloadNamespace():
            return fleet
        case Move():
            return _with_placements(fleet, action, ((action.target, action.replicas),))
        case Scale():
            standing = fleet.placements_of(action.application, action.component)
            if not standing:
                return fleet
            first, *others = standing
            rest = sum(p.replicas for p in others)
            spread = (
                (first.cluster, action.replicas - rest),
                *((p.cluster, p.replicas) for p in others),
            )
            return _with_placements(fleet, action, spread)
        case _:
            assert_never(action)


def _with_placements(
    fleet: Fleet, action: Move | Scale, spread: tuple[tuple[ClusterName, int], ...]
) -> Fleet:
    others = tuple(
        p
        for p in fleet.placements
        if (p.application, p.component) != (action.application, action.component)
    )
    new = tuple(
        Placement(
            application=action.application,
            component=action.component,
            cluster=cluster,
            replicas=replicas,
            ready_replicas=replicas,
        )
        for cluster, replicas in spread
        if replicas > 0
    )
    placements = sorted(others + new, key=lambda p: (p.application, p.component, p.cluster))
    return replace(fleet, placements=tuple(placements))
