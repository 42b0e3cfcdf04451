"""Liqo's objects as they look when it runs: nodes, foreign clusters, offloaded namespaces."""

from collections.abc import Mapping

from simulator.fleet import ClusterSpec
from simulator.kubernetes.objects import Object
from simulator.load import GIB
from simulator.peers import Peer

REMOTE_CLUSTER = "liqo.io/remote-cluster-id"
SCHEDULING_LABEL = "liqo.io/scheduling-enabled"
VIRTUAL_TAINT = {
    "key": "virtual-node.liqo.io/not-allowed",
    "value": "true",
    "effect": "NoExecute",
}


def virtual_labels(cluster: str, spec: ClusterSpec) -> dict[str, str]:
    """Return the labels of a virtual node."""
    return {
        "liqo.io/type": "virtual-node",
        REMOTE_CLUSTER: cluster,
        "kubernetes.io/role": "agent",
        "kubernetes.io/hostname": cluster,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "storage.liqo.io/available": "false",
        "topology.kubernetes.io/region": spec.region,
        "node.kubernetes.io/exclude-from-external-load-balancers": "true",
        "alpha.service-controller.kubernetes.io/exclude-balancer": "true",
    }


def virtual_node(cluster: str, spec: ClusterSpec) -> Object:
    """Return the Node that stands for a provider, without status."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": cluster, "labels": virtual_labels(cluster, spec)},
        "spec": {"taints": [VIRTUAL_TAINT]},
    }


def real_node(name: str, spec: ClusterSpec) -> Object:
    """Return a Node of the management cluster itself, without status."""
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": spec.region,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
    }


def named_node(name: str) -> Object:
    """Return no more than which Node it is."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def tenant_namespace(cluster: str) -> Object:
    """Return the namespace of what Liqo has about a provider."""
    labels = {"liqo.io/tenant-namespace": "true", REMOTE_CLUSTER: cluster}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": f"liqo-tenant-{cluster}", "labels": labels},
    }


def room(cores: float, gib: float) -> Object:
    """Return capacity and allocatable of a node. Of a virtual node they are the quota granted."""
    amounts = {
        "cpu": f"{round(cores * 1000)}m",
        "memory": f"{round(gib * GIB / 2**20)}Mi",
        "pods": "110",
        "ephemeral-storage": "20Gi",
    }
    return {"capacity": amounts, "allocatable": amounts}


def node_conditions(*, ready: bool, at: str) -> Object:
    """Return the conditions of a node: all well, or not heard of for too long."""
    if ready:
        words = ("True", "KubeletReady", "The Liqo Virtual Kubelet is posting ready status")
        pressure = ("False", "KubeletHasSufficientResources", "the kubelet has enough")
    else:
        words = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        pressure = words
    kinds = ("MemoryPressure", "DiskPressure", "PIDPressure")
    conditions = [_condition("Ready", *words, at=at)]
    conditions += [_condition(kind, *pressure, at=at) for kind in kinds]
    for condition in conditions:
        condition["lastHeartbeatTime"] = at
    return {"conditions": conditions}


def foreign_cluster(cluster: str) -> Object:
    """Return Liqo's object of a provider, without status."""
    return {
        "apiVersion": "core.liqo.io/v1beta1",
        "kind": "ForeignCluster",
        "metadata": {"name": cluster, "labels": {REMOTE_CLUSTER: cluster}},
        "spec": {"clusterID": cluster},
    }


def foreign_cluster_status(cluster: str, peer: Peer, since: Mapping[str, str]) -> Object:
    """Return what it says of the provider. `since`: condition type to its last transition."""

    def condition(kind: str, good: bool, words: tuple[str, str, str, str]) -> Object:  # noqa: FBT001
        status, reason = words[:2] if good else words[2:]
        return _condition(kind, status, reason, "", at=since[kind])

    api = ("Established", "APIServerReady", "Error", "APIServerNotReady")
    tunnel = ("Established", "ConnectionEstablished", "Error", "ConnectionError")
    nodes = ("Ready", "NodesReady", "NotReady", "NodesNotReady")
    kubelets = ("Ready", "VirtualNodesReady", "NotReady", "VirtualNodesNotReady")
    return {
        "apiServerUrl": f"https://api.{cluster}.invalid:6443",
        "role": "Provider",
        "observedGeneration": 1,
        "tenantNamespace": {"local": f"liqo-tenant-{cluster}", "remote": "liqo-tenant-home"},
        "conditions": [condition("APIServerStatus", peer.api, api)],
        "modules": {
            "authentication": {"enabled": True},
            "networking": {
                "enabled": True,
                "conditions": [condition("NetworkConnectionStatus", peer.network, tunnel)],
            },
            "offloading": {
                "enabled": True,
                "conditions": [
                    condition("OffloadingVirtualNodeStatus", True, kubelets),
                    condition("OffloadingNodeStatus", peer.node, nodes),
                ],
            },
        },
    }


def virtual_node_object(cluster: str, spec: ClusterSpec) -> Object:
    """Return Liqo's own object behind a virtual node, without status.

    The network check is off, so that the Node says Ready for a minute after a loss (observed).
    """
    cores, gib = spec.nodes * spec.cores_per_node, spec.nodes * spec.gib_per_node
    return {
        "apiVersion": "offloading.liqo.io/v1beta1",
        "kind": "VirtualNode",
        "metadata": {
            "name": cluster,
            "namespace": f"liqo-tenant-{cluster}",
            "labels": {REMOTE_CLUSTER: cluster},
        },
        "spec": {
            "clusterID": cluster,
            "createNode": True,
            "disableNetworkCheck": True,
            "labels": {REMOTE_CLUSTER: cluster},
            "resourceQuota": {"hard": room(cores, gib)["allocatable"]},
        },
    }


def virtual_node_status(at: str) -> Object:
    """Return its status, which says Running whatever happens to the provider."""
    kinds = ("VirtualKubelet", "Node") * 2  # twice each, as was observed
    return {"conditions": [_condition(kind, "Running", "", "", at=at) for kind in kinds]}


def offloading_status(
    offloading: Object,
    labels: Mapping[str, Mapping[str, str]],
    *,
    alive: set[str],
    home: str,
    at: str,
) -> Object:
    """Return the status of a NamespaceOffloading.

    `labels`: provider to the labels of its virtual node. A namespace that is on a provider stays
    Ready through a loss; a new one has to wait for the provider.
    """
    namespace, spec = offloading["metadata"]["namespace"], offloading["spec"]
    before = offloading.get("status", {}).get("remoteNamespacesConditions", {})
    conditions, required, ready = {}, 0, 0
    for cluster in sorted(labels):
        selected = matches(spec.get("clusterSelector", {}), labels[cluster])
        known = {condition["type"]: condition for condition in before.get(cluster, ())}
        if not selected and not known:
            continue
        is_there = cluster in alive or known.get("Ready", {}).get("status") == "True"
        required, ready = required + selected, ready + (selected and is_there)
        conditions[cluster] = _remote_conditions(known, selected=selected, there=is_there, at=at)
    return {
        "observedGeneration": offloading["metadata"].get("generation", 1),
        "offloadingPhase": _phase(required, ready),
        "remoteNamespaceName": _remote_name(namespace, spec, home),
        "remoteNamespacesConditions": conditions,
    }


def terminating_status(status: Object, *, at: str) -> Object:
    """Return the status of a NamespaceOffloading that was deleted: it leaves every provider."""
    before = status.get("remoteNamespacesConditions") or {}
    conditions = {
        cluster: _remote_conditions(
            {c["type"]: c for c in known}, selected=False, there=False, at=at
        )
        for cluster, known in before.items()
    }
    return {
        **status,
        "offloadingPhase": "Terminating",
        "remoteNamespacesConditions": conditions,
    }


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether a node selector matches labels; without terms it matches everything."""
    terms = selector.get("nodeSelectorTerms") or ()
    return not terms or any(
        all(_meets(requirement, labels) for requirement in term.get("matchExpressions", ()))
        for term in terms
    )


def _meets(requirement: Object, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement["key"])
    values = requirement.get("values", ())
    met = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return met.get(requirement["operator"], False)


def _phase(required: int, ready: int) -> str:
    if not required:
        return "NoClusterSelected"
    return "Ready" if ready == required else "InProgress"


def _remote_name(namespace: str, spec: Object, home: str) -> str:
    match spec.get("namespaceMappingStrategy", "DefaultName"):
        case "EnforceSameName":
            return namespace
        case "SelectedName":
            return str(spec["remoteNamespaceName"])
        case _:
            return f"{namespace}-{home}"


def _remote_conditions(
    known: Mapping[str, Object], *, selected: bool, there: bool, at: str
) -> list[Object]:
    if not selected:
        wanted = ("False", "ClusterNotSelected"), ("False", "Terminating")
    else:
        created = ("True", "NamespaceCreated") if there else ("False", "Creating")
        wanted = ("True", "ClusterSelected"), created
    result = []
    for kind, (status, reason) in zip(("OffloadingRequired", "Ready"), wanted, strict=True):
        old = known.get(kind, {})
        since = old["lastTransitionTime"] if old.get("status") == status else at
        result.append(_condition(kind, status, reason, "", at=since))
    return result


def _condition(kind: str, status: str, reason: str, message: str, *, at: str) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": at,
    }
