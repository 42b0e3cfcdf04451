"""What the status of a control plane says: v1beta2's words for kubeadm, v1beta1's for k3s."""

from collections.abc import Iterator, Sequence

from simulator.controllers.cluster_api.kinds import CLUSTER_LABEL, CONTROL_PLANE_LABEL
from simulator.controllers.cluster_api.machine_objects import count, versions_of
from simulator.controllers.cluster_api.writing import (
    Told,
    conditions,
    listed,
    severe_conditions,
)
from simulator.kubernetes.objects import Object, condition_of, is_going, labels_of


def kubeadm_status(
    found: Object, machines: Sequence[Object], *, initialized: bool, at: str
) -> Object:
    """Return the status of a KubeadmControlPlane. It is available before its node is ready."""
    status: Object = {**(found.get("status") or {})}
    status |= {
        "observedGeneration": found["metadata"]["generation"],
        "replicas": len(machines),
        "readyReplicas": count(machines, "Ready"),
        "availableReplicas": count(machines, "Available"),
        "upToDateReplicas": count(machines, "UpToDate"),
        "selector": _selector(found),
        "conditions": conditions(found, _of_kubeadm(found, machines, initialized=initialized), at),
    }
    if versions := versions_of(machines):
        status["versions"] = versions
    if initialized:
        status["initialization"] = {"controlPlaneInitialized": True}
    return status


def k_threes_status(
    found: Object, machines: Sequence[Object], *, initialized: bool, at: str
) -> Object:
    """Return the status of a KThreesControlPlane. It is ready with its first ready node."""
    ready = count(machines, "Ready")
    status: Object = {**(found.get("status") or {})}
    told = _of_k_threes(machines, initialized=initialized)
    status |= {
        "observedGeneration": found["metadata"]["generation"],
        "replicas": len(machines),
        "readyReplicas": ready,
        "updatedReplicas": count(machines, "UpToDate"),
        "unavailableReplicas": len(machines) - ready,
        "initialized": initialized,
        "ready": ready > 0,
        "selector": _selector(found),
        "conditions": severe_conditions(found, told, at),
    }
    if machines:
        status["version"] = found["spec"]["version"]
    return status


def scaling(now: int, wanted: int) -> Iterator[Told]:
    """Yield the conditions that say whether Machines are being made or deleted."""
    if now < wanted:
        yield Told("ScalingUp", True, "ScalingUp", f"Scaling up from {now} to {wanted} replicas")
    else:
        yield Told("ScalingUp", False, "NotScalingUp")
    if now > wanted:
        words = f"Scaling down from {now} to {wanted} replicas"
        yield Told("ScalingDown", True, "ScalingDown", words)
    else:
        yield Told("ScalingDown", False, "NotScalingDown")


def machines_ready(kind: str, machines: Sequence[Object]) -> Told:
    """Return the condition that sums up whether Machines are ready."""
    missing = [m["metadata"]["name"] for m in machines if not count([m], "Ready")]
    if not machines:
        return Told(kind, True, "NoReplicas")
    if missing:
        return Told(kind, False, "NotReady", f"* Machines not ready: {', '.join(missing)}")
    return Told(kind, True, "Ready")


def machines_up_to_date(kind: str, machines: Sequence[Object]) -> Told:
    """Return the condition that sums up whether Machines are as their template says."""
    if not machines:
        return Told(kind, True, "NoReplicas")
    if any(condition_of(m, "UpToDate").get("status") == "False" for m in machines):
        return Told(kind, False, "NotUpToDate", "* Some Machines are not up to date")
    return Told(kind, True, "UpToDate")


def _of_kubeadm(found: Object, machines: Sequence[Object], *, initialized: bool) -> Iterator[Told]:
    waiting = "Waiting for the first control plane Machine to be initialized"
    if machines or initialized:
        yield Told("CertificatesAvailable", True, "Available")
    if initialized:
        yield Told("Initialized", True, "Initialized")
        yield Told("Available", True, "Available")
        yield Told("EtcdClusterHealthy", True, "Healthy")
        yield Told("ControlPlaneComponentsHealthy", True, "Healthy")
    else:
        yield Told("Initialized", False, "NotInitialized")
        yield Told("Available", False, "NotAvailable", "Control plane not yet initialized")
        yield Told("EtcdClusterHealthy", None, "InspectionFailed", waiting)
        yield Told("ControlPlaneComponentsHealthy", None, "InspectionFailed", waiting)
    yield machines_ready("MachinesReady", machines)
    yield machines_up_to_date("MachinesUpToDate", machines)
    wanted = 0 if is_going(found) else int(found["spec"].get("replicas", 1))
    yield from scaling(len(machines), wanted)
    if is_going(found):
        yield Told("Deleting", True, "WaitingForMachineDeletion", listed("Machines", machines))
    else:
        yield Told("Deleting", False, "NotDeleting")
    for kind in ("RollingOut", "Remediating", "Paused"):
        yield Told(kind, False, f"Not{kind}")


def _of_k_threes(machines: Sequence[Object], *, initialized: bool) -> Iterator[Told]:
    ready = count(machines, "Ready")
    waiting = "WaitingForKthreesServer"
    yield Told("Available", ready > 0, waiting)
    yield Told("CertificatesAvailable", True, "Available")
    yield Told("TokenAvailable", True, "Available")
    yield Told("MachinesReady", bool(machines) and ready == len(machines), waiting)
    yield Told("MachinesSpecUpToDate", True, "UpToDate")
    yield Told("Resized", bool(machines), "ScalingUp")
    yield Told("ControlPlaneComponentsHealthy", initialized, waiting)
    yield Told("EtcdClusterHealthyCondition", initialized, waiting)


def _selector(found: Object) -> str:
    cluster = labels_of(found).get(CLUSTER_LABEL, "")
    return f"{CLUSTER_LABEL}={cluster},{CONTROL_PLANE_LABEL}"
