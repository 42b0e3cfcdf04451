"""Objects of Kubernetes and Liqo as values."""

import math

from services.observe.core.fields import FieldError, Fields
from shared.messages.inventory import ForeignCluster, KubeNode, NamespaceOffloading, Pod, Workload
from shared.model.application import WorkloadKind
from shared.model.names import ClusterName
from shared.model.quantities import parse_quantity
from shared.model.resources import Resources

VIRTUAL_NODE = "virtual-node"
TYPE_LABEL = "liqo.io/type"
CLUSTER_LABEL = "liqo.io/remote-cluster-id"


def parse_workload(workload: Fields, kind: WorkloadKind) -> Workload:
    """Return a Deployment or StatefulSet."""
    metadata, spec, status = (workload.child(n) for n in ("metadata", "spec", "status"))
    template = spec.child("template").child("spec")
    claims = any(v.has("persistentVolumeClaim") for v in template.items("volumes"))
    return Workload(
        namespace=metadata.text("namespace"),
        kind=kind,
        name=metadata.text("name"),
        replicas=spec.whole("replicas", 1),
        ready_replicas=status.whole("readyReplicas", 0),
        requests=_requests(template),
        uses_local_storage=claims or any(True for _ in spec.items("volumeClaimTemplates")),
    )


def _requests(template: Fields) -> Resources:
    total = Resources()
    for container in template.items("containers"):
        resources = container.child("resources")
        limits, requests = resources.child("limits"), resources.child("requests")
        # a container that only says its limit asks for as much
        total += _resources(Fields({**limits.value, **requests.value}, requests.path))
    return total


def parse_pod(pod: Fields) -> Pod | None:
    """Return a pod, or None where no Deployment or StatefulSet runs it."""
    metadata, status = pod.child("metadata"), pod.child("status")
    workload = _workload_of(metadata)
    if workload is None:
        return None
    return Pod(
        namespace=metadata.text("namespace"),
        name=metadata.text("name"),
        workload=workload,
        node=pod.child("spec").text("nodeName", ""),
        ready=_condition(status, "Ready") == "True",
        terminating=metadata.has("deletionTimestamp"),
        phase=status.text("phase", ""),
        reason=_reason(status),
    )


def _workload_of(metadata: Fields) -> str | None:
    """Return the workload's name: a ReplicaSet is called `<deployment>-<pod template hash>`."""
    for owner in metadata.items("ownerReferences"):
        kind, name = owner.text("kind", ""), owner.text("name", "")
        if kind == "StatefulSet":
            return name
        if kind == "ReplicaSet":
            template_hash = metadata.child("labels").text("pod-template-hash", "")
            if template_hash and name.endswith(f"-{template_hash}"):
                return name.removesuffix(f"-{template_hash}")
            return name.rpartition("-")[0] or None
    return None


def _reason(status: Fields) -> str:
    """Return why it does not run: the pod's own word, the scheduler's, or a container's."""
    if status.has("reason"):
        return status.text("reason")
    for condition in status.items("conditions"):
        if condition.text("type", "") == "PodScheduled" and condition.text("status", "") == "False":
            return condition.text("reason", "")
    for container in status.items("containerStatuses"):
        waiting = container.child("state").child("waiting")
        if waiting.has("reason"):
            return waiting.text("reason")
    return ""


def parse_node(node: Fields, home: ClusterName) -> KubeNode:
    """Return a Node. `home`: the cluster of the real ones."""
    metadata, status = node.child("metadata"), node.child("status")
    labels = metadata.child("labels")
    virtual = labels.text(TYPE_LABEL, "") == VIRTUAL_NODE
    return KubeNode(
        name=metadata.text("name"),
        cluster=ClusterName(labels.text(CLUSTER_LABEL)) if virtual else home,
        virtual=virtual,
        ready=_condition(status, "Ready") == "True",
        unschedulable=node.child("spec").flag("unschedulable", default=False),
        allocatable=_resources(status.child("allocatable")),
    )


def parse_foreign_cluster(foreign: Fields) -> ForeignCluster:
    """Return Liqo's view of a peer."""
    status = foreign.child("status")
    networking = status.child("modules").child("networking")
    name = foreign.child("metadata").text("name")
    return ForeignCluster(
        cluster=ClusterName(foreign.child("spec").text("clusterID", "") or name),
        api_server=_condition(status, "APIServerStatus"),
        network=_condition(networking, "NetworkConnectionStatus"),
    )


def parse_offloading(offloading: Fields) -> NamespaceOffloading:
    """Return how far a namespace is stretched."""
    status = offloading.child("status")
    clusters = status.child("remoteNamespacesConditions")
    ready = (name for name in clusters.value if _is_ready(clusters, name))
    return NamespaceOffloading(
        namespace=offloading.child("metadata").text("namespace"),
        phase=status.text("offloadingPhase", ""),
        ready_clusters=tuple(ClusterName(name) for name in sorted(ready)),
    )


def _is_ready(clusters: Fields, cluster: str) -> bool:
    """Believe Ready only where each condition of that type, there may be several, says so."""
    said = [c.text("status", "") for c in clusters.items(cluster) if c.text("type", "") == "Ready"]
    return bool(said) and all(status == "True" for status in said)


def _condition(status: Fields, kind: str) -> str:
    """Return the status of the first condition of that type; empty where there is none."""
    for condition in status.items("conditions"):
        if condition.text("type", "") == kind:
            return condition.text("status", "")
    return ""


def _resources(amounts: Fields) -> Resources:
    """Return the CPU, memory and GPUs of a map of quantities. Other resources do not count."""
    return Resources(
        cpu_cores=_amount(amounts, "cpu"),
        memory_bytes=_amount(amounts, "memory"),
        gpus=sum((_amount(amounts, n) for n in amounts.value if n.endswith("/gpu")), start=0.0),
    )


def _amount(amounts: Fields, name: str) -> float:
    if not amounts.has(name):
        return 0.0
    try:
        amount = parse_quantity(amounts.value[name])
    except ValueError as error:
        raise FieldError(amounts.at(name), str(error)) from error
    if not 0.0 <= amount < math.inf:
        raise FieldError(amounts.at(name), f"must be at least 0, not {amount:g}")
    return amount
