"""How far a cluster is on its way from its manifests to nodes that are ready."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.act.core.cluster_api.conditions import complaint, holds, worst_of
from services.act.core.cluster_api.kinds import CONTROL_PLANE
from services.act.core.cluster_api.manifests import control_plane_of, is_a, nodes_of
from services.act.core.objects import Object, dig, number

INFRASTRUCTURE = "infrastructure"
KUBECONFIG = "kubeconfig"
INITIALIZED = "control plane initialized"
CONTROL_PLANE_READY = "control plane ready"
WORKERS_READY = "workers ready"
AVAILABLE = "available"
NEEDED = (KUBECONFIG, INITIALIZED, CONTROL_PLANE_READY, WORKERS_READY)
"""What a cluster needs to be of use. `Available` may wait for what its owner asks of it besides."""
TELLING = ("InfrastructureReady", "ControlPlaneInitialized", "ControlPlaneAvailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A cluster being made: what is asked for, and what stands."""

    manifests: tuple[Object, ...]
    cluster: Object
    control_plane: Object
    """Empty where the Cluster's topology makes it."""
    kubeconfig: Object | None
    machines: tuple[Object, ...]


def reached(coming: Coming) -> tuple[str, ...]:
    """Return the phases that are reached, in the order they usually are (cluster-api.md, 4.2)."""
    cluster = coming.cluster
    done: Mapping[str, bool] = {
        INFRASTRUCTURE: holds(cluster, "InfrastructureReady"),
        KUBECONFIG: bool(dig(coming.kubeconfig, "data", "value")),
        INITIALIZED: holds(cluster, "ControlPlaneInitialized"),
        CONTROL_PLANE_READY: _is_control_plane_ready(coming),
        WORKERS_READY: _are_workers_ready(coming),
        AVAILABLE: holds(cluster, "Available"),
    }
    return tuple(phase for phase, is_done in done.items() if is_done)


def why_not_ready(coming: Coming) -> str:
    """Say what a cluster waits for, as it and its machines tell."""
    own = next((told for of in TELLING if (told := complaint(coming.cluster, of))), "")
    told = "; ".join(part for part in (own, worst_of(coming.machines)) if part)
    return told or complaint(coming.cluster, "WorkersAvailable") or "not all nodes are ready"


def _is_control_plane_ready(coming: Coming) -> bool:
    """Tell whether the control plane has nodes that are ready.

    That of kubeadm is `Available` before a node is Ready: its ready Machines count. That of k3s
    says `ready` once a node is.
    """
    control_plane, wanted = coming.control_plane, nodes_of(coming.manifests)[0]
    named = control_plane_of(coming.manifests)
    if is_a(named, "KThreesControlPlane", CONTROL_PLANE):
        if dig(control_plane, "status", "ready") is not True:
            return False
        return number(control_plane, "status", "readyReplicas") >= wanted
    if is_a(named, "KubeadmControlPlane", CONTROL_PLANE):
        return number(control_plane, "status", "readyReplicas") >= wanted
    return number(coming.cluster, "status", "controlPlane", "readyReplicas") >= wanted


def _are_workers_ready(coming: Coming) -> bool:
    """Tell whether all nodes asked for are ready, by the Cluster's own count."""
    masters, workers = nodes_of(coming.manifests)
    status = dig(coming.cluster, "status")
    ready = number(status, "workers", "readyReplicas")
    of_control_plane = number(status, "controlPlane", "readyReplicas")
    return ready >= workers and of_control_plane + ready >= masters + workers
