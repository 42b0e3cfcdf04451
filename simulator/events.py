"""What can happen to a fleet, as people write it in YAML: what one event begins, a second ends."""

from typing import Annotated, Literal

from pydantic import Field

from simulator.fleet import FleetSpec, NotNegative, Positive, Ratio, Share, Spec, known


class Impairment(Spec):
    """What becomes worse on a link, each way, against its own start."""

    add_milliseconds: NotNegative = 0.0
    add_jitter_ms: NotNegative = 0.0
    add_loss_ratio: Ratio = 0.0
    capacity_ratio: Positive = 1.0


class LinkEvent(Impairment):
    """A link changes against its own start, until the next event of that link."""

    at: NotNegative
    kind: Literal["link"]
    between: tuple[str, str]


class GatewayEvent(Impairment):
    """The gateway of a cluster is too busy with packets: all links of the cluster become worse."""

    at: NotNegative
    kind: Literal["gateway-saturated", "gateway-free"]
    cluster: str
    add_milliseconds: NotNegative = 3.0
    add_jitter_ms: NotNegative = 1.0
    add_loss_ratio: Ratio = 0.005
    capacity_ratio: Positive = 0.5
    softirq_cores: NotNegative = 3.0
    """What its node spends on packets then, above what it carries."""


class ClusterEvent(Spec):
    """A cluster with everything in it dies, or returns."""

    at: NotNegative
    kind: Literal["cluster-dies", "cluster-returns"]
    cluster: str


class NodeEvent(Spec):
    """A real node of a provider is lost with the pods on it, or returns."""

    at: NotNegative
    kind: Literal["node-lost", "node-returns"]
    node: str


class ProviderEvent(Spec):
    """A provider takes pods no more, or again, though its Node says Ready.

    Its Tenant is cordoned; its quota promises room that others took; its virtual kubelet, which
    runs at home, dies.
    """

    at: NotNegative
    kind: Literal[
        "tenant-cordoned",
        "tenant-uncordoned",
        "provider-full",
        "provider-free",
        "kubelet-dies",
        "kubelet-returns",
    ]
    cluster: str


class StarvationEvent(Spec):
    """A neighbour takes a share of the CPU time of a node, or is gone."""

    at: NotNegative
    kind: Literal["cpu-starved", "cpu-free"]
    node: str
    share: Share = 0.6


class LeakEvent(Spec):
    """The memory of each pod of a workload grows up to its limit, over and over, or is mended."""

    at: NotNegative
    kind: Literal["memory-leak", "leak-ends"]
    workload: Annotated[str, Field(pattern="^[^/]+/[^/]+$")]
    """`namespace/name`."""
    mebibytes_per_second: Positive = 20.0


class UsersEvent(Spec):
    """A user group goes elsewhere, or becomes larger or smaller."""

    at: NotNegative
    kind: Literal["users"]
    group: str
    site: str
    count: Annotated[int, Field(ge=0)] | None = None


class MetricsEvent(Spec):
    """The Thanos sidecar of a cluster dies, or returns; the cluster itself is well."""

    at: NotNegative
    kind: Literal["metrics-lost", "metrics-found"]
    cluster: str


Event = Annotated[
    LinkEvent
    | GatewayEvent
    | ClusterEvent
    | NodeEvent
    | ProviderEvent
    | StarvationEvent
    | LeakEvent
    | UsersEvent
    | MetricsEvent,
    Field(discriminator="kind"),
]


def check(event: Event, fleet: FleetSpec) -> None:
    """Raise ValueError for an event of something the fleet does not have, or may not lose."""
    match event:
        case LinkEvent():
            pairs = {frozenset(link.between) for link in fleet.links}
            if frozenset(event.between) not in pairs:
                raise ValueError(f"there is no link between {' and '.join(event.between)}")
        case ClusterEvent() | MetricsEvent() | GatewayEvent() | ProviderEvent():
            known("cluster", event.cluster, fleet.clusters)
        case NodeEvent() | StarvationEvent():
            known("node", event.node, fleet.nodes())
        case UsersEvent():
            known("user group", event.group, fleet.users)
            known("user site", event.site, dict.fromkeys(fleet.user_sites))
        case LeakEvent():
            pass  # workloads are no part of a fleet: a leak in one that is not there does nothing
    _check_home_stays(event, fleet)


def _check_home_stays(event: Event, fleet: FleetSpec) -> None:
    if isinstance(event, ClusterEvent) and event.cluster == fleet.home:
        raise ValueError("the management cluster cannot be lost: the loop runs there")
    if isinstance(event, ProviderEvent) and event.cluster == fleet.home:
        raise ValueError("the management cluster is no provider: it has no tenant and no quota")
    if isinstance(event, NodeEvent) and fleet.nodes()[event.node] == fleet.home:
        raise ValueError("a node of the management cluster cannot be lost: the loop runs there")
