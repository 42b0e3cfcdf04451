"""Objects of Kubernetes, and decisions about them, as Act's tests need them: valid by default."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.messages.decision import Decision, Expectation, Reason, Verdict
from shared.messages.incident import Incident, IncidentState, Severity, SubjectKind
from shared.messages.insight import Insight
from shared.model.application import Autonomy, WorkloadRef
from shared.model.names import ClusterName, ComponentName, GroupName, decision_id
from shared.model.plan import Action, Move, Plan
from tests.support.builders import (
    ARENA,
    FLEET,
    NOW,
    a_fleet,
    a_placement,
    a_quality,
    an_insight,
    cycle_at,
    later,
)

Json = dict[str, Any]

READY = {"type": "Ready", "status": "True"}
HASH = "5d9c"
"""Of the pod template of pods made here."""


def an_application_object(autonomy: str = "auto", **status: Any) -> Json:
    """Return the Application xr/arena."""
    return {
        "metadata": {"name": "arena", "namespace": "xr", "generation": 1},
        "spec": {"autonomy": autonomy},
        "status": status,
    }


def a_node(name: str, cluster: str, *, ready: bool = True, cordoned: bool = False) -> Json:
    """Return a node: a virtual one for every cluster but home."""
    virtual = {"liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": cluster}
    labels = {"cluster": cluster, **(virtual if cluster != "home" else {})}
    condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"conditions": [condition]},
    }


def a_foreign_cluster(name: str, api_server: str = "Established") -> Json:
    """Return Liqo's view of a peer, networking off."""
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "APIServerStatus", "status": api_server}]},
    }


def an_offloading(*clusters: str, phase: str = "Ready") -> Json:
    """Return a NamespaceOffloading over these clusters."""
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": list(clusters)}
    return {
        "metadata": {"name": "offloading", "namespace": "xr", "generation": 1},
        "spec": {
            "namespaceMappingStrategy": "DefaultName",
            "podOffloadingStrategy": "LocalAndRemote",
            "clusterSelector": {"nodeSelectorTerms": [{"matchExpressions": [term]}]},
        },
        "status": {
            "observedGeneration": 1,
            "offloadingPhase": phase,
            "remoteNamespacesConditions": {c: [READY] for c in clusters},
        },
    }


def pinned_to(cluster: str) -> Json:
    """Return the affinity of a pod template that keeps pods on a provider."""
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": [cluster]}
    if cluster == "home":
        term = {"key": "liqo.io/type", "operator": "NotIn", "values": ["virtual-node"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def a_deployment(name: str, *, replicas: int = 3, cluster: str = "metro", **spec: Any) -> Json:
    """Return a Deployment that is rolled out, with a safe strategy."""
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {
        "metadata": {"name": name, "namespace": "xr", "generation": 1, "resourceVersion": "7"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"affinity": pinned_to(cluster), "containers": [{"name": name}]},
            },
            **spec,
        },
        "status": {"observedGeneration": 1, **dict.fromkeys(counts, replicas)},
    }


def a_stateful_set(name: str, *, replicas: int = 3, cluster: str = "metro", **spec: Any) -> Json:
    """Return a StatefulSet that is rolled out."""
    deployment = a_deployment(name, replicas=replicas, cluster=cluster)
    del deployment["spec"]["strategy"]
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    deployment["spec"] |= {"updateStrategy": rolling, "serviceName": name, **spec}
    deployment["status"] |= {"currentRevision": HASH, "updateRevision": HASH}
    return deployment


def a_pod_of_set(name: str, node: str, revision: str = HASH, **pod: Any) -> Json:
    """Return a pod of the StatefulSet its name starts with."""
    made = a_pod(name, node, hash_=revision, **pod)
    workload = name.rpartition("-")[0]
    owner = {"kind": "StatefulSet", "name": workload, "controller": True}
    labels = {"app": workload, "controller-revision-hash": revision}
    made["metadata"] |= {"labels": labels, "ownerReferences": [owner]}
    return made


def managed(obj: Json, manager: str, operation: str, *path: str) -> Json:
    """Return the object with a field recorded for somebody."""
    fields: Json = {}
    for key in reversed(path):
        fields = {f"f:{key}": fields}
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields}
    metadata = obj["metadata"]
    managers = [*metadata.get("managedFields", ()), entry]
    return {**obj, "metadata": {**metadata, "managedFields": managers}}


def a_scaler(kind: str, name: str) -> Json:
    """Return a HorizontalPodAutoscaler that keeps the replicas of a workload."""
    target = {"apiVersion": "apps/v1", "kind": kind, "name": name}
    return {"metadata": {"name": "by-load"}, "spec": {"scaleTargetRef": target}}


def a_service(name: str = "render", **spec: Any) -> Json:
    """Return a Service that selects the pods of the workload of its name."""
    selector = {"app": name}
    return {
        "metadata": {"name": name, "namespace": "xr"},
        "spec": {"selector": selector, "ports": [{"port": 80, "protocol": "UDP"}], **spec},
    }


def a_slice(*pods: Json, service: str = "render") -> Json:
    """Return the EndpointSlice of a Service with these pods behind it."""
    endpoints = [
        {
            "conditions": {"ready": pod["status"]["conditions"][0]["status"] == "True"},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
        }
        for pod in pods
    ]
    labels = {"kubernetes.io/service-name": service}
    return {"metadata": {"name": f"{service}-1", "labels": labels}, "endpoints": endpoints}


def a_pod(
    name: str,
    node: str,
    *,
    ready: bool = True,
    terminating: bool = False,
    hash_: str = HASH,
    at: datetime = NOW,
    **status: Any,
) -> Json:
    """Return a pod of the workload its name starts with, on a node."""
    workload = name.partition("-")[0]
    owner = {"kind": "ReplicaSet", "name": f"{workload}-{hash_}", "controller": True}
    phase = {"phase": "Running", "hostIP": "10.0.0.1"} if ready else {"phase": "Pending"}
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        "metadata": {
            "name": name,
            "namespace": "xr",
            "labels": {"app": workload, "pod-template-hash": hash_},
            "ownerReferences": [owner],
            "creationTimestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            **({"deletionTimestamp": "2026-11-24T07:00:00Z"} if terminating else {}),
        },
        "spec": {"nodeName": node},
        "status": {"conditions": [condition], **phase, **status},
    }


def a_decision(*actions: Action, at: datetime = NOW, **changes: Any) -> Decision:
    """Return a decision to move the arena's render from metro to home, in `auto`."""
    cycle = cycle_at(at)
    decision = Decision(
        id=decision_id(cycle, ARENA),
        cycle=cycle,
        fleet=FLEET,
        application=ARENA,
        at=at,
        deadline_at=later(120, at),
        verdict=Verdict.ACT,
        reason=Reason.QUALITY_RESTORED,
        detail="visitors come back within 15 ms",
        autonomy=Autonomy.AUTO,
        plan=Plan(actions=actions or (a_move(),)),
        expectations=(AN_EXPECTATION,),
    )
    return replace(decision, **changes)


AN_EXPECTATION = Expectation(
    group=GroupName("visitors"), budget_ms=15.0, before_ms=21.0, after_ms=12.0
)


def a_move(source: str = "metro", target: str = "home", **changes: Any) -> Move:
    """Return a move of the arena's render."""
    move = Move(
        application=ARENA,
        component=ComponentName("render"),
        workload=WorkloadRef(name="render"),
        source=ClusterName(source),
        target=ClusterName(target),
        replicas=3,
    )
    return replace(move, **changes)


def an_insight_of(
    *, at: datetime, stands_on: str = "home", latency_ms: float | None = 12.0, **changes: Any
) -> Insight:
    """Return an insight in which render stands on one cluster and visitors get that latency."""
    placements = (a_placement("ingest", "home"), a_placement("render", stands_on, 3))
    reason = "" if latency_ms is not None else "the link home>metro is not measured"
    fleet = a_fleet(at=at, placements=placements)
    return an_insight(fleet, qualities=(a_quality(latency_ms, reason=reason),), **changes)


def an_incident(**changes: Any) -> Incident:
    """Return an open incident of the link between home and metro."""
    incident = Incident(
        id="link:home>metro:20261124T070000Z",
        kind=SubjectKind.LINK,
        subject="home>metro",
        state=IncidentState.OPEN,
        severity=Severity.CRITICAL,
        opened_at=NOW,
        message="the link between home and metro is slower than usual",
        affected=(ARENA,),
    )
    return replace(incident, **changes)
