"""The references between the manifests of a cluster.

Cluster API accepts a reference to something that is not there, and then waits for ever; what has a
wrong kind it does not tell either.
"""

from collections.abc import Iterator
from typing import NamedTuple

from services.act.core.cluster_api.kinds import BOOTSTRAP, CONTROL_PLANE, INFRASTRUCTURE
from services.act.core.cluster_api.manifests import (
    control_plane_of,
    group_of,
    is_a,
    is_named_by,
    told_as,
    workers_of,
)
from services.act.core.objects import Object, dig

Path = tuple[str, ...]


class _Reference(NamedTuple):
    """One object that names another one."""

    holder: Object
    path: Path
    group: str
    suffix: str
    """How the kind of what is named ends."""

    def __str__(self) -> str:
        return f"{told_as(self.holder)}: {'.'.join(self.path)}"


def wrong_references(manifests: tuple[Object, ...]) -> Iterator[str]:
    """Yield what is wrong with the references of a template, each as a sentence."""
    for reference in _references(manifests):
        if wrong := _wrong_form(reference) or _wrong_end(reference, manifests):
            yield f"{reference} {wrong}"


def _references(manifests: tuple[Object, ...]) -> Iterator[_Reference]:
    """Yield every reference that Cluster API follows when it makes a cluster."""
    for cluster in manifests:
        if is_a(cluster, "Cluster") and not dig(cluster, "spec", "topology"):
            path: Path = ("spec", "controlPlaneRef")
            yield _Reference(cluster, path, CONTROL_PLANE, "ControlPlane")
            yield _Reference(cluster, ("spec", "infrastructureRef"), INFRASTRUCTURE, "Cluster")
    for workers in workers_of(manifests):
        path = ("spec", "template", "spec", "infrastructureRef")
        yield _Reference(workers, path, INFRASTRUCTURE, "MachineTemplate")
        bootstrap = ("spec", "template", "spec", "bootstrap")
        if not dig(workers, *bootstrap, "dataSecretName"):
            yield _Reference(workers, (*bootstrap, "configRef"), BOOTSTRAP, "ConfigTemplate")
    control_plane = control_plane_of(manifests)
    if dig(control_plane, "spec", "machineTemplate"):
        inner = () if _is_k_threes(control_plane) else ("spec",)
        path = ("spec", "machineTemplate", *inner, "infrastructureRef")
        yield _Reference(control_plane, path, INFRASTRUCTURE, "MachineTemplate")


def _wrong_form(reference: _Reference) -> str:
    """Say which fields a reference should have, or nothing.

    In v1beta2 it has no apiVersion and no namespace; the control plane of k3s still has both.
    """
    named = dig(reference.holder, *reference.path)
    if not named:
        return "is missing"
    is_old = _is_k_threes(reference.holder)
    needed = {"apiVersion" if is_old else "apiGroup", "kind", "name"}
    allowed = needed | ({"namespace"} if is_old else set())
    if needed <= named.keys() <= allowed:
        return ""
    return f"has {', '.join(sorted(named))}: it must have {', '.join(sorted(needed))}"


def _wrong_end(reference: _Reference, manifests: tuple[Object, ...]) -> str:
    """Say that a reference leads to nothing, or to something of a wrong kind, or nothing."""
    named = dig(reference.holder, *reference.path)
    group = str(named.get("apiGroup") or group_of(named))
    if group != reference.group or not str(named["kind"]).endswith(reference.suffix):
        wanted = f"a {reference.suffix} of {reference.group}"
        return f"names a {named['kind']} of {group}: it must be {wanted}"
    if not any(is_named_by(named, manifest) for manifest in manifests):
        return f"names {named['kind']} {named['name']}, which is not in the template"
    return ""


def _is_k_threes(manifest: Object) -> bool:
    return is_a(manifest, "KThreesControlPlane", CONTROL_PLANE)
