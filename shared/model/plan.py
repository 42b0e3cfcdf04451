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


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowCluster:
    """Have a cluster's MachineDeployment make more nodes."""

    kind: Literal["grow_cluster"] = "grow_cluster"
    cluster: ClusterName
    namespace: str
    machine_deployment: str
    nodes_before: int
    nodes: int
    expected_minutes: float
    """Until the new nodes are ready."""

    def __post_init__(self) -> None:
        if self.nodes <= self.nodes_before:
            raise ValueError(f"growth of {self.cluster} from {self.nodes_before} to {self.nodes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkCluster:
    """Have a cluster's MachineDeployment take nodes away, the emptiest first."""

    kind: Literal["shrink_cluster"] = "shrink_cluster"
    cluster: ClusterName
    namespace: str
    machine_deployment: str
    nodes_before: int
    nodes: int
    expected_minutes: float
    """Until they would be back."""

    def __post_init__(self) -> None:
        if self.nodes >= self.nodes_before:
            raise ValueError(f"shrinking {self.cluster} from {self.nodes_before} to {self.nodes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCluster:
    """Make the cluster of a Site that has none, from the template the Site names."""

    kind: Literal["create_cluster"] = "create_cluster"
    site: ClusterName
    template: str
    expected_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Let one cluster use another one, so that there is a link between them."""

    kind: Literal["peer"] = "peer"
    consumer: ClusterName
    provider: ClusterName

    def __post_init__(self) -> None:
        if self.consumer == self.provider:
            raise ValueError(f"a peering of {self.consumer} with itself")


ApplicationAction = OffloadNamespace | Move | Scale
"""What a decision for an application may ask for."""
FleetAction = GrowCluster | ShrinkCluster | CreateCluster | Peer
"""What a decision for the fleet itself (`_capacity`) may ask for."""
Action = ApplicationAction | FleetAction


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
            return _describe_for_fleet(action)


def _describe_for_fleet(action: FleetAction) -> str:
    match action:
        case GrowCluster():
            return f"grow {action.cluster} from {action.nodes_before} to {action.nodes} nodes"
        case ShrinkCluster():
            return f"shrink {action.cluster} from {action.nodes_before} to {action.nodes} nodes"
        case CreateCluster():
            return f"create {action.site} from {action.template}"
        case Peer():
            return f"peer {action.consumer} with {action.provider}"
        case _:
            assert_never(action)


def fleet_after(fleet: Fleet, plan: Plan) -> Fleet:
    """Return the fleet the plan should lead to, as far as its placements differ."""
    for action in plan.actions:
        fleet = _after(fleet, action)
    return fleet


def _after(fleet: Fleet, action: Action) -> Fleet:
    match action:
        case OffloadNamespace() | GrowCluster() | ShrinkCluster() | CreateCluster() | Peer():
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
