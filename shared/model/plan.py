"""Intended changes, in the fleet's words."""

from dataclasses import dataclass
from typing import Literal, assert_never

from shared.model.application import WorkloadRef
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
    pool: str = ""
    """The virtual node to use where the target has several. Empty: any of them."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpeer:
    """End a peering, once nothing of any application runs on the provider any more."""

    kind: Literal["unpeer"] = "unpeer"
    consumer: ClusterName
    provider: ClusterName

    def __post_init__(self) -> None:
        if self.consumer == self.provider:
            raise ValueError(f"a peering of {self.consumer} with itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCluster:
    """Have Cluster API delete a Site's cluster with its machines. Its Site has to permit it."""

    kind: Literal["delete_cluster"] = "delete_cluster"
    site: ClusterName


@dataclass(frozen=True, slots=True, kw_only=True)
class Evacuate:
    """Let nothing new onto a cluster, and move away all that stands there."""

    kind: Literal["evacuate"] = "evacuate"
    cluster: ClusterName
    moves: tuple[Move, ...] = ()
    """In the order they are begun: what weighs most first."""

    def __post_init__(self) -> None:
        elsewhere = [move for move in self.moves if move.source != self.cluster]
        if elsewhere:
            raise ValueError(f"{describe(elsewhere[0])} does not empty {self.cluster}")


ApplicationAction = OffloadNamespace | Move | Scale
"""What a decision for an application may ask for."""
CapacityAction = GrowCluster | ShrinkCluster | CreateCluster | Peer
"""What Decide asks for of its own accord, so that there is room."""
FleetAction = CapacityAction | DeleteCluster | Unpeer | Evacuate
"""What a decision for the fleet itself (`_capacity`) may ask for; the rest is ordered by people."""
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
            where = f"{action.target} ({action.pool})" if action.pool else action.target
            return f"move {action.component} from {action.source} to {where}"
        case Scale():
            return f"scale {action.component} from {action.replicas_before} to {action.replicas}"
        case Peer():
            return f"peer {action.consumer} with {action.provider}"
        case Unpeer():
            return f"unpeer {action.consumer} from {action.provider}"
        case _:
            return _describe_for_cluster(action)


def _describe_for_cluster(
    action: GrowCluster | ShrinkCluster | CreateCluster | DeleteCluster | Evacuate,
) -> str:
    match action:
        case GrowCluster():
            return f"grow {action.cluster} from {action.nodes_before} to {action.nodes} nodes"
        case ShrinkCluster():
            return f"shrink {action.cluster} from {action.nodes_before} to {action.nodes} nodes"
        case CreateCluster():
            return f"create {action.site} from {action.template}"
        case DeleteCluster():
            return f"delete {action.site}"
        case Evacuate():
            return f"evacuate {action.cluster}"
        case _:
            assert_never(action)


def site_of(action: FleetAction) -> ClusterName:
    """Return the Site whose cluster an action is about: of a peering, the provider's."""
    match action:
        case GrowCluster() | ShrinkCluster() | Evacuate():
            return action.cluster
        case CreateCluster() | DeleteCluster():
            return action.site
        case Peer() | Unpeer():
            return action.provider
        case _:
            assert_never(action)
