"""Pods as the physics needs them: what they run, where, and whether they serve."""

from dataclasses import dataclass

from shared.model.quantities import parse_quantity
from simulator.kubernetes.objects import Object, is_true


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What one container asks for, and the most it gets; None: it has no limit."""

    name: str
    cores: float
    memory_bytes: float
    most_cores: float | None = None
    most_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A scheduled pod. `workload` is the name of its Deployment or StatefulSet."""

    uid: str
    namespace: str
    name: str
    workload: str
    node: str
    ready: bool
    terminating: bool
    containers: tuple[Container, ...]

    @property
    def serves(self) -> bool:
        """Tell whether it takes traffic, as far as Kubernetes knows."""
        return self.ready and not self.terminating

    @property
    def cores(self) -> float:
        """What it asks for in all."""
        return sum(container.cores for container in self.containers)

    @property
    def memory_bytes(self) -> float:
        """What it asks for in all."""
        return sum(container.memory_bytes for container in self.containers)


def pod_from(obj: Object) -> Pod | None:
    """Read a pod of the Kubernetes API. None while it is not scheduled, or when it is finished."""
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status", {})
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    return Pod(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        workload=_workload(metadata),
        node=spec["nodeName"],
        ready=is_true(obj, "Ready"),
        terminating="deletionTimestamp" in metadata,
        containers=tuple(_container(container) for container in spec["containers"]),
    )


def _workload(metadata: Object) -> str:
    for owner in metadata.get("ownerReferences") or ():
        if owner["kind"] == "ReplicaSet":
            return str(owner["name"]).rpartition("-")[0]
        if owner["kind"] == "StatefulSet":
            return str(owner["name"])
    return ""


def _container(obj: Object) -> Container:
    resources = obj.get("resources", {})
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    return Container(
        name=obj["name"],
        cores=parse_quantity(requests.get("cpu", 0)),
        memory_bytes=parse_quantity(requests.get("memory", 0)),
        most_cores=parse_quantity(limits["cpu"]) if "cpu" in limits else None,
        most_bytes=parse_quantity(limits["memory"]) if "memory" in limits else None,
    )
