"""What Kubernetes says about one action's objects, read just before its next step."""

from dataclasses import dataclass

from services.act.core.objects import Object, condition, dig, has_condition, name_of
from shared.model.names import ClusterName

VIRTUAL = {"liqo.io/type": "virtual-node"}
CLUSTER_LABEL = "liqo.io/remote-cluster-id"


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
