"""The kinds of Cluster API: where they are stored, and how a reference finds its object."""

from dataclasses import dataclass

from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    controller_of,
    dig,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.kubernetes.resources import CRDS, Resource
from simulator.kubernetes.store import Key, Kind

CORE = "cluster.x-k8s.io"
INFRASTRUCTURE = f"infrastructure.{CORE}"
BOOTSTRAP = f"bootstrap.{CORE}"
CONTROL_PLANE = f"controlplane.{CORE}"

CLUSTERS: Kind = (CORE, "clusters")
MACHINE_DEPLOYMENTS: Kind = (CORE, "machinedeployments")
MACHINE_SETS: Kind = (CORE, "machinesets")
MACHINES: Kind = (CORE, "machines")
KUBEADM: Kind = (CONTROL_PLANE, "kubeadmcontrolplanes")
K_THREES: Kind = (CONTROL_PLANE, "kthreescontrolplanes")
DEV_CLUSTERS: Kind = (INFRASTRUCTURE, "devclusters")
OPEN_STACK_CLUSTERS: Kind = (INFRASTRUCTURE, "openstackclusters")

CONTROL_PLANES = (KUBEADM, K_THREES)
INFRASTRUCTURES = (DEV_CLUSTERS, OPEN_STACK_CLUSTERS)

CLUSTER_LABEL = f"{CORE}/cluster-name"
CONTROL_PLANE_LABEL = f"{CORE}/control-plane"
CONTROL_PLANE_NAME = f"{CORE}/control-plane-name"
DEPLOYMENT_LABEL = f"{CORE}/deployment-name"
SET_LABEL = f"{CORE}/set-name"
PAUSED = f"{CORE}/paused"
DELETE_FIRST = f"{CORE}/delete-machine"
NO_ROOM = "simulator.crossloop.dev/no-room"
"""Annotation of a MachineDeployment or an infrastructure template: no machine is ever made."""


class UnknownKindError(Exception):
    """A reference names a kind of which no version keeps a contract."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a reference leads to; `is_known`: its kind exists, whether the object does or not."""

    obj: Object | None
    is_known: bool = True


def resource_of(api: Api, obj: Object) -> Resource:
    """Return the resource of an object that is there."""
    resource = api.registry.of_kind(obj["apiVersion"], obj["kind"])
    if resource is None:
        raise LookupError(f"{obj['kind']} of {obj['apiVersion']} is not served")
    return resource


def newest(api: Api, kind: Kind) -> Resource:
    """Return the newest version of a kind that is served."""
    served = [r for r in api.registry.of_group(kind[0]) if r.plural == kind[1]]
    return max(served, key=lambda resource: resource.version)


def contracted(api: Api, group: str, kind: str) -> Resource:
    """Return the version of a kind that its CRD's contract labels name, v1beta2's before v1beta1's.

    UnknownKindError: there is no such kind, or its CRD carries no such label.
    """
    for crd in api.store.all(CRDS.key):
        if (crd["spec"]["group"], crd["spec"]["names"]["kind"]) != (group, kind):
            continue
        for contract in ("v1beta2", "v1beta1"):
            version = max(labels_of(crd).get(f"{CORE}/{contract}", "").split("_"))
            if resource := api.registry.of_kind(f"{group}/{version}", kind):
                return resource
    raise UnknownKindError(f"{kind}.{group}")


def referenced(api: Api, ref: Object | None, namespace: str) -> Found:
    """Return what a reference of the kind `{apiGroup, kind, name}` leads to."""
    if not ref:
        return Found(None)
    group = ref.get("apiGroup") or ref.get("apiVersion", "").partition("/")[0]
    try:
        resource = contracted(api, group, ref.get("kind", ""))
    except UnknownKindError:
        return Found(None, is_known=False)
    return Found(api.store.get(resource.key, (namespace, ref.get("name", ""))))


def cluster_name_of(obj: Object) -> str:
    """Return the name of the Cluster an object belongs to; empty if it does not say."""
    return dig(obj, "spec", "clusterName") or labels_of(obj).get(CLUSTER_LABEL, "")


def cluster_of(api: Api, obj: Object) -> Object | None:
    """Return the Cluster an object belongs to, if it is there."""
    name = cluster_name_of(obj)
    owner = controller_of(obj)
    if not name and owner and owner["kind"] == "Cluster":
        name = owner["name"]
    return api.store.get(CLUSTERS, (namespace_of(obj), name))


def belonging(api: Api, kind: Kind, cluster: Key) -> list[Object]:
    """Return the objects of a kind that belong to a Cluster, by name."""
    return [o for o in api.store.all(kind, cluster[0]) if cluster_name_of(o) == cluster[1]]


def is_paused(cluster: Object | None, obj: Object) -> bool:
    """Tell whether nothing may be done to an object."""
    return bool(dig(cluster, "spec", "paused")) or PAUSED in annotations_of(obj)


def is_of_control_plane(machine: Object) -> bool:
    """Tell whether a Machine is one of the control plane's."""
    return CONTROL_PLANE_LABEL in labels_of(machine)


def is_initialized(control_plane: Object | None) -> bool:
    """Tell whether the API server of a control plane has answered, in the words of its contract."""
    status = dig(control_plane, "status") or {}
    initialization = dig(status, "initialization", "controlPlaneInitialized")
    return bool(initialization or status.get("initialized"))


def is_provisioned(infrastructure: Object | None) -> bool:
    """Tell whether the infrastructure of a Cluster stands, in the words of its contract."""
    status = dig(infrastructure, "status") or {}
    return bool(dig(status, "initialization", "provisioned") or status.get("ready"))


def key_of(obj: Object) -> Key:
    """Return where an object is stored."""
    return namespace_of(obj), name_of(obj)
