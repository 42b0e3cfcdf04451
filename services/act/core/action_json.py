"""Actions as JSON, as they stand in a ledger: camelCase, as everything in Kubernetes."""

from collections.abc import Mapping
from typing import Any, assert_never

from shared.model.application import WorkloadKind, WorkloadRef
from shared.model.names import ApplicationName, ClusterName, ComponentName
from shared.model.plan import (
    Action,
    CreateCluster,
    DeleteCluster,
    Evacuate,
    FleetAction,
    GrowCluster,
    Move,
    OffloadNamespace,
    Peer,
    Scale,
    ShrinkCluster,
    Unpeer,
)


def action_json(action: Action) -> dict[str, Any]:
    """Return an action without the application it is for: the keeper of the ledger tells that."""
    match action:
        case OffloadNamespace():
            told: dict[str, Any] = {"clusters": list(action.clusters)}
        case Move():
            told = _move_json(action)
        case Scale():
            told = {
                "component": action.component,
                "workload": _workload_json(action.workload),
                "replicasBefore": action.replicas_before,
                "replicas": action.replicas,
            }
        case _:
            told = _fleet_action_json(action)
    return {"kind": action.kind, **told}


def _fleet_action_json(action: FleetAction) -> dict[str, Any]:
    match action:
        case GrowCluster() | ShrinkCluster():
            return _resizing_json(action)
        case CreateCluster():
            minutes = action.expected_minutes
            return {"site": action.site, "template": action.template, "expectedMinutes": minutes}
        case DeleteCluster():
            return {"site": action.site}
        case Peer() | Unpeer():
            return {"consumer": action.consumer, "provider": action.provider}
        case Evacuate():
            moves = [{"application": m.application, **_move_json(m)} for m in action.moves]
            return {"cluster": action.cluster, "moves": moves}
        case _:
            assert_never(action)


def action_from(data: Mapping[str, Any], application: ApplicationName) -> Action:
    """Return the action that `action_json` gave. KeyError, TypeError, ValueError: it did not."""
    match data["kind"]:
        case "offload_namespace":
            clusters = tuple(ClusterName(name) for name in data["clusters"])
            return OffloadNamespace(application=application, clusters=clusters)
        case "move":
            return _move(data, application)
        case "scale":
            return Scale(
                application=application,
                component=ComponentName(data["component"]),
                workload=_workload(data["workload"]),
                replicas_before=int(data["replicasBefore"]),
                replicas=int(data["replicas"]),
            )
        case _:
            return _fleet_action(data)


def _fleet_action(data: Mapping[str, Any]) -> FleetAction:
    kind = data["kind"]
    if kind in ("grow_cluster", "shrink_cluster"):
        resized = GrowCluster if kind == "grow_cluster" else ShrinkCluster
        return resized(**_resizing(data))
    if kind in ("peer", "unpeer"):
        paired = Peer if kind == "peer" else Unpeer
        return paired(consumer=_cluster(data, "consumer"), provider=_cluster(data, "provider"))
    match kind:
        case "create_cluster":
            return CreateCluster(
                site=_cluster(data, "site"),
                template=str(data["template"]),
                expected_minutes=float(data["expectedMinutes"]),
            )
        case "delete_cluster":
            return DeleteCluster(site=_cluster(data, "site"))
        case "evacuate":
            moves = tuple(_move(m, ApplicationName(m["application"])) for m in data["moves"])
            return Evacuate(cluster=_cluster(data, "cluster"), moves=moves)
        case other:
            raise ValueError(f"an action of kind {other!r}")


def _move_json(move: Move) -> dict[str, Any]:
    return {
        "component": move.component,
        "workload": _workload_json(move.workload),
        "source": move.source,
        "target": move.target,
        "replicas": move.replicas,
        **({"pool": move.pool} if move.pool else {}),
    }


def _move(data: Mapping[str, Any], application: ApplicationName) -> Move:
    return Move(
        application=application,
        component=ComponentName(data["component"]),
        workload=_workload(data["workload"]),
        source=ClusterName(data["source"]),
        target=ClusterName(data["target"]),
        replicas=int(data["replicas"]),
        pool=str(data.get("pool") or ""),
    )


def _resizing_json(action: GrowCluster | ShrinkCluster) -> dict[str, Any]:
    return {
        "cluster": action.cluster,
        "namespace": action.namespace,
        "machineDeployment": action.machine_deployment,
        "nodesBefore": action.nodes_before,
        "nodes": action.nodes,
        "expectedMinutes": action.expected_minutes,
    }


def _resizing(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cluster": ClusterName(data["cluster"]),
        "namespace": str(data["namespace"]),
        "machine_deployment": str(data["machineDeployment"]),
        "nodes_before": int(data["nodesBefore"]),
        "nodes": int(data["nodes"]),
        "expected_minutes": float(data["expectedMinutes"]),
    }


def _cluster(data: Mapping[str, Any], key: str) -> ClusterName:
    return ClusterName(data[key])


def _workload_json(workload: WorkloadRef) -> dict[str, str]:
    return {"kind": str(workload.kind), "name": workload.name}


def _workload(data: Mapping[str, Any]) -> WorkloadRef:
    return WorkloadRef(kind=WorkloadKind(data["kind"]), name=data["name"])
