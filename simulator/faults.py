"""What is wrong inside clusters: lost and starved nodes, leaks, saturated gateways."""

from dataclasses import dataclass, field
from typing import TypeVar

from simulator.events import GatewayEvent, LeakEvent, NodeEvent, ProviderEvent, StarvationEvent

MIB = 2**20
EVICTED_SECONDS = 30.0
"""After so long the provider starts the pods of a lost node anew elsewhere, as arena wants it."""

ValueT = TypeVar("ValueT")
Fault = NodeEvent | ProviderEvent | StarvationEvent | LeakEvent | GatewayEvent


@dataclass(slots=True)
class Faults:
    """All that goes on now. Times in simulated seconds."""

    lost_nodes: dict[str, float] = field(default_factory=dict)
    """Real node to when it was lost."""
    starved: dict[str, float] = field(default_factory=dict)
    """Real node to the share of its CPU time that a neighbour takes."""
    leaks: dict[str, float] = field(default_factory=dict)
    """Workload (`namespace/name`) to bytes per second in each of its pods."""
    saturated: dict[str, GatewayEvent] = field(default_factory=dict)
    """By cluster."""
    cordoned: dict[str, float] = field(default_factory=dict)
    """Provider whose Tenant is cordoned to since when."""
    full: dict[str, float] = field(default_factory=dict)
    """Provider without room for anything new to since when."""

    def happen(self, event: Fault, seconds: float) -> None:
        """Begin or end a fault."""
        match event:
            case NodeEvent():
                _keep(self.lost_nodes, event.node, seconds, event.kind == "node-lost")
            case ProviderEvent(kind="tenant-cordoned" | "tenant-uncordoned"):
                _keep(self.cordoned, event.cluster, seconds, event.kind == "tenant-cordoned")
            case ProviderEvent():
                _keep(self.full, event.cluster, seconds, event.kind == "provider-full")
            case StarvationEvent():
                _keep(self.starved, event.node, event.share, event.kind == "cpu-starved")
            case LeakEvent():
                rate = event.mebibytes_per_second * MIB
                _keep(self.leaks, event.workload, rate, event.kind == "memory-leak")
            case GatewayEvent():
                begins = event.kind == "gateway-saturated"
                _keep(self.saturated, event.cluster, event, begins)

    def free_share(self, node: str | None) -> float:
        """Return what part of a node's CPU time is left for those who belong there."""
        return 1.0 - self.starved.get(node or "", 0.0)

    def has_evicted(self, node: str, seconds: float) -> bool:
        """Tell whether a node has been lost for so long that its pods are started elsewhere."""
        return node in self.lost_nodes and seconds - self.lost_nodes[node] >= EVICTED_SECONDS


def _keep(among: dict[str, ValueT], name: str, value: ValueT, begins: bool) -> None:  # noqa: FBT001
    """Enter what begins; strike out what ends, if it is there."""
    among.pop(name, None)
    if begins:
        among[name] = value
