"""Pods as the physics needs them: what they run, where, and whether they serve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

_MEMORY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What one container asks for."""

    name: str
    cores: float
    memory_bytes: float


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
        ready=_is_ready(status),
        terminating="deletionTimestamp" in metadata,
        containers=tuple(_container(container) for container in spec["containers"]),
    )


def amount(quantity: str | float) -> float:
    """Return the number behind a Kubernetes quantity: `500m` is 0.5, `2Gi` is 2147483648."""
    text = str(quantity)
    if text.endswith("m"):
        return float(text[:-1]) / 1000
    for suffix, factor in _MEMORY.items():
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)


def _workload(metadata: Object) -> str:
    for owner in metadata.get("ownerReferences") or ():
        if owner["kind"] == "ReplicaSet":
            return str(owner["name"]).rpartition("-")[0]
        if owner["kind"] == "StatefulSet":
            return str(owner["name"])
    return ""


def _is_ready(status: Object) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in status.get("conditions") or ()
    )


def _container(obj: Object) -> Container:
    requests = obj.get("resources", {}).get("requests", {})
    return Container(
        name=obj["name"],
        cores=amount(requests.get("cpu", 0)),
        memory_bytes=amount(requests.get("memory", 0)),
    )
