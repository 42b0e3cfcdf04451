"""What Kubernetes says about one action's objects, read just before its next step."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.act.core.objects import (
    HOME,
    NODE,
    Object,
    Query,
    condition,
    dig,
    has_condition,
    name_of,
)
from shared.model.names import ClusterName

VIRTUAL = {"liqo.io/type": "virtual-node"}
CLUSTER_LABEL = "liqo.io/remote-cluster-id"
"""Label of everything of Liqo's that is about another cluster: which one."""
HOLD = timedelta(seconds=15)
"""A virtual node that came back tells readiness from before for up to this long, both ways."""
LEASE_TIME = timedelta(seconds=40)
"""A kubelet renews its lease within this time; Kubernetes' own default for a lease's duration."""


def _selector(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


VIRTUAL_NODES = Query(kind=NODE, selector=_selector(VIRTUAL))
"""Those of all providers, at home."""


def virtual_nodes_of(provider: ClusterName, *, at: ClusterName = HOME) -> Query:
    """Return the query for the virtual nodes of a provider on one of its consumers."""
    selector = _selector({**VIRTUAL, CLUSTER_LABEL: provider})
    return Query(kind=NODE, selector=selector, cluster=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The objects themselves. None: it does not exist. `home` is the management cluster."""

    home: ClusterName
    workload: Object | None = None
    pods: tuple[Object, ...] = ()
    """Those the workload's selector matches."""
    nodes: tuple[Object, ...] = ()
    """Liqo's virtual ones only: every other node is home's."""
    foreign_clusters: tuple[Object, ...] = ()
    namespace: Object | None = None
    offloading: Object | None = None
    services: tuple[Object, ...] = ()
    """Those of the namespace."""
    slices: tuple[Object, ...] = ()
    """The EndpointSlices of the namespace."""
    events: tuple[Object, ...] = ()
    """What Liqo told of pods that a provider has not taken, the newest last."""
    leases: tuple[Object, ...] = ()
    """By which the kubelets of the target's virtual nodes say that they live."""
    scalers: tuple[Object, ...] = ()
    """The HorizontalPodAutoscalers of the namespace."""

    def virtual_nodes(self, cluster: ClusterName) -> tuple[Object, ...]:
        """Return the virtual nodes of a provider."""
        return tuple(n for n in self.nodes if _labels(n).get(CLUSTER_LABEL) == cluster)

    def labels_of(self, cluster: ClusterName) -> dict[str, str]:
        """Return what a cluster selector sees of a provider: the labels of its virtual node."""
        for node in self.virtual_nodes(cluster):
            return {**_labels(node)}
        return {**VIRTUAL, CLUSTER_LABEL: cluster}

    def cluster_of(self, pod: Object) -> ClusterName | None:
        """Return where a pod stands; None while it is not bound to a node."""
        bound_to = dig(pod, "spec", "nodeName")
        if not bound_to:
            return None
        for node in self.nodes:
            if name_of(node) == bound_to:
                return ClusterName(_labels(node).get(CLUSTER_LABEL, ""))
        return self.home

    def why_lost(self, cluster: ClusterName) -> str:
        """Say why a cluster counts as lost, or nothing.

        Liqo's check of the provider's API is the early sign: the virtual node stays Ready for a
        minute after its provider is gone, and its pods count as ready as long.
        """
        if cluster == self.home:
            return ""
        peer = self._peer(cluster)
        if _api_server(peer) == "Error":
            return f"Liqo does not reach the API server of {cluster}"
        if _network(peer) == "Error":
            return f"Liqo's tunnel to {cluster} is down"
        nodes = self.virtual_nodes(cluster)
        if not any(has_condition(node, "Ready") for node in nodes):
            return f"the virtual node of {cluster} is {'not Ready' if nodes else 'missing'}"
        return ""

    def why_unsettled(self, cluster: ClusterName, now: datetime) -> str:
        """Say why readiness on a cluster is not believed yet, or nothing: it just came back.

        A node that became Ready soon after it was made has no past to tell.
        """
        for node in self.virtual_nodes(cluster):
            ready = condition(node, "Ready", "status", "conditions")
            since, made = (
                ready.get("lastTransitionTime"),
                dig(node, "metadata", "creationTimestamp"),
            )
            if not since or ready.get("status") != "True":
                continue
            came_back = datetime.fromisoformat(since)
            is_new = bool(made) and came_back < datetime.fromisoformat(made) + HOLD
            if not is_new and now < came_back + HOLD:
                return f"{name_of(node)} came back a moment ago: what it tells may be from before"
        return ""

    def why_kubelet_silent(self, cluster: ClusterName, now: datetime) -> str:
        """Say why a cluster's virtual nodes take no pods though they look Ready, or nothing.

        A virtual kubelet that died shows by its lease before its node does. A node without a lease
        tells nothing.
        """
        nodes = [n for n in self.virtual_nodes(cluster) if has_condition(n, "Ready")]
        silent = [text for node in nodes if (text := self._silence(node, now))]
        return silent[0] if nodes and len(silent) == len(nodes) else ""

    def _silence(self, node: Object, now: datetime) -> str:
        lease = next((each for each in self.leases if name_of(each) == name_of(node)), None)
        renewed = dig(lease, "spec", "renewTime")
        if not renewed or (age := now - datetime.fromisoformat(renewed)) <= LEASE_TIME:
            return ""
        return f"the virtual kubelet of {name_of(node)} is silent since {age.seconds} s"

    def is_in_pool(self, pod: Object, pool: str) -> bool:
        """Tell whether a pod stands on that virtual node; any one will do where none is named."""
        return not pool or dig(pod, "spec", "nodeName") == pool

    def why_no_pool(self, cluster: ClusterName, pool: str) -> str:
        """Say why one virtual node of a cluster takes nothing new, or nothing."""
        if not pool:
            return ""
        node = next((n for n in self.virtual_nodes(cluster) if name_of(n) == pool), None)
        if node is None:
            return f"{cluster} has no virtual node {pool}"
        if not has_condition(node, "Ready"):
            return f"the virtual node {pool} is not Ready"
        if dig(node, "spec", "unschedulable"):
            return f"the virtual node {pool} is cordoned"
        return ""

    def why_unusable(self, cluster: ClusterName) -> str:
        """Say why nothing new should be placed on a cluster, or nothing."""
        if cluster == self.home:
            return ""
        if lost := self.why_lost(cluster):
            return lost
        peer = self._peer(cluster)
        if _api_server(peer) != "Established":
            return f"Liqo has not established the peering with {cluster}"
        if _has_network(peer) and _network(peer) != "Established":
            return f"Liqo's tunnel to {cluster} is not established"
        ready = [n for n in self.virtual_nodes(cluster) if has_condition(n, "Ready")]
        if all(dig(node, "spec", "unschedulable") for node in ready):
            return f"the virtual node of {cluster} is cordoned"
        return ""

    def _peer(self, cluster: ClusterName) -> Object | None:
        return next((f for f in self.foreign_clusters if name_of(f) == cluster), None)


def _labels(value: Object) -> dict[str, str]:
    return dig(value, "metadata", "labels") or {}


def _api_server(peer: Object | None) -> str:
    return str(condition(peer, "APIServerStatus", "status", "conditions").get("status", ""))


def _has_network(peer: Object | None) -> bool:
    return bool(dig(peer, "status", "modules", "networking", "enabled"))


def _network(peer: Object | None) -> str:
    if not _has_network(peer):
        return ""
    path = ("status", "modules", "networking", "conditions")
    return str(condition(peer, "NetworkConnectionStatus", *path).get("status", ""))
