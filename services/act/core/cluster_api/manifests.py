"""The manifests a cluster is made from: what each is, and which belongs to which."""

from services.act.core.cluster_api.kinds import (
    CONTROL_PLANE,
    GROUP,
    INFRASTRUCTURE,
    kind_named,
)
from services.act.core.objects import Object, Ref, dig, name_of, number


def group_of(manifest: Object) -> str:
    """Return the API group of a manifest; empty for the core group."""
    return str(manifest.get("apiVersion", "")).rpartition("/")[0]


def is_a(manifest: Object, kind: str, group: str = GROUP) -> bool:
    """Tell whether a manifest is of a kind, in whatever version."""
    return manifest.get("kind") == kind and group_of(manifest) == group


def ref_of(manifest: Object) -> Ref:
    """Return the address of a manifest that has a kind, a version and a name."""
    group, _, version = str(manifest["apiVersion"]).rpartition("/")
    kind = kind_named(str(manifest["kind"]), group, version)
    namespace = dig(manifest, "metadata", "namespace") or ""
    return Ref(kind=kind, namespace=namespace, name=name_of(manifest))


def told_as(manifest: Object) -> str:
    """Return a manifest as people name it."""
    return f"{manifest.get('kind') or 'a manifest'} {name_of(manifest) or '(no name)'}"


def is_named_by(reference: Object, manifest: Object) -> bool:
    """Tell whether a reference, in the form of v1beta2 or with an apiVersion, is to a manifest."""
    group = reference.get("apiGroup") or group_of(reference)
    return is_a(manifest, str(reference.get("kind")), str(group)) and (
        name_of(manifest) == reference.get("name")
    )


def cluster_of(manifests: tuple[Object, ...]) -> Object:
    """Return the Cluster among the manifests; empty where there is none."""
    return next((m for m in manifests if is_a(m, "Cluster")), {})


def control_plane_of(manifests: tuple[Object, ...]) -> Object:
    """Return what the Cluster names as its control plane; empty where there is none."""
    reference = dig(cluster_of(manifests), "spec", "controlPlaneRef") or {}
    return next((m for m in manifests if is_named_by(reference, m)), {})


def workers_of(manifests: tuple[Object, ...]) -> tuple[Object, ...]:
    """Return the MachineDeployments among the manifests."""
    return tuple(m for m in manifests if is_a(m, "MachineDeployment"))


def nodes_of(manifests: tuple[Object, ...]) -> tuple[int, int]:
    """Return how many nodes of the control plane and how many workers the manifests make."""
    topology = dig(cluster_of(manifests), "spec", "topology")
    if topology:
        pools = dig(topology, "workers", "machineDeployments") or ()
        masters = dig(topology, "controlPlane", "replicas")
        return 1 if masters is None else int(masters), sum(number(p, "replicas") for p in pools)
    masters = dig(control_plane_of(manifests), "spec", "replicas")
    workers = sum(number(m, "spec", "replicas") for m in workers_of(manifests))
    return 1 if masters is None else int(masters), workers


def in_order(manifests: tuple[Object, ...]) -> tuple[Object, ...]:
    """Return the manifests in the order they are applied.

    What has no controller of its own comes first, then the Cluster: everything that follows gets a
    finalizer, and is taken down again only through the Cluster that owns it.
    """
    return tuple(sorted(manifests, key=lambda m: (_rank(m), told_as(m))))


def _rank(manifest: Object) -> int:
    if is_a(manifest, "Cluster"):
        return 1
    if group_of(manifest) == INFRASTRUCTURE and str(manifest.get("kind")).endswith("Cluster"):
        return 2
    if group_of(manifest) == CONTROL_PLANE:
        return 3
    return 4 if group_of(manifest) == GROUP else 0
