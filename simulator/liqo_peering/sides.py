"""One cluster of a peering: its objects as they were last seen, and writes to it."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.runtime.kubernetes import ApiError, KubernetesApi
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    is_going,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.objects import LIQO, follow_kind, path_of_object

REMOTE = "liqo.io/remote-cluster-id"
TENANT_NAMESPACE = "liqo.io/tenant-namespace"
AUTHENTICATION = "authentication.liqo.io/v1beta1"
NETWORKING = "networking.liqo.io/v1beta1"
OFFLOADING = "offloading.liqo.io/v1beta1"
VERSIONS: Mapping[str, str] = {
    "ConfigMap": "v1",
    "Namespace": "v1",
    "Node": "v1",
    "Secret": "v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "ForeignCluster": "core.liqo.io/v1beta1",
    "Network": "ipam.liqo.io/v1alpha1",
    "Identity": AUTHENTICATION,
    "ResourceSlice": AUTHENTICATION,
    "Tenant": AUTHENTICATION,
    "Configuration": NETWORKING,
    "Connection": NETWORKING,
    "GatewayClient": NETWORKING,
    "GatewayServer": NETWORKING,
    "PublicKey": NETWORKING,
    "NamespaceMap": OFFLOADING,
    "NamespaceOffloading": OFFLOADING,
    "Quota": OFFLOADING,
    "VirtualNode": OFFLOADING,
}
"""The kinds that are looked at, with their API versions."""
NOT_FOUND = 404


@dataclass(slots=True)
class Side:
    """A cluster by the id that Liqo knows it by."""

    name: str
    api: KubernetesApi
    changed: asyncio.Event
    _seen: dict[str, dict[tuple[str, str], Object]] = field(default_factory=dict)
    _applied: dict[str, Object] = field(default_factory=dict)

    async def follow(self, kind: str) -> None:
        """Keep what is seen of a kind up to date, for ever."""

        def see(found: Mapping[str, Object]) -> None:
            self._seen[kind] = {(namespace_of(o), name_of(o)): o for o in found.values()}
            self.changed.set()

        await follow_kind(self.api, kind, VERSIONS[kind], see)

    @property
    def is_seen(self) -> bool:
        """Tell whether every kind was looked at once."""
        return self._seen.keys() == VERSIONS.keys()

    def all(self, kind: str) -> list[Object]:
        """Return the objects of a kind, by namespace and name."""
        return [obj for _, obj in sorted(self._seen.get(kind, {}).items())]

    def of(self, kind: str, cluster: str) -> list[Object]:
        """Return the objects of a kind that are about another cluster."""
        return [obj for obj in self.all(kind) if labels_of(obj).get(REMOTE) == cluster]

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, if it is there."""
        return self._seen.get(kind, {}).get((namespace, name))

    def tenant(self, cluster: str) -> str:
        """Return the tenant namespace for another cluster; empty unless there is exactly one."""
        found = [
            name_of(space)
            for space in self.of("Namespace", cluster)
            if labels_of(space).get(TENANT_NAMESPACE) == "true" and not is_going(space)
        ]
        return found[0] if len(found) == 1 else ""

    # ---- writes

    async def apply(self, obj: Object) -> None:
        """Have an object be as told, unless it was told so before and is there."""
        path = path_of_object(obj)
        there = self.get(obj["kind"], name_of(obj), namespace_of(obj))
        if there is None or self._applied.get(path) != obj:
            await self.api.apply(path, obj, manager=LIQO)
            self._applied[path] = obj

    async def tell(self, obj: Object, status: Object) -> None:
        """Write a status, where it says something else than before."""
        if (obj.get("status") or {}) != status:
            change = {"status": {**_nothing(obj.get("status") or {}, status), **status}}
            await self.api.patch_status(path_of_object(obj), change, manager=LIQO)
            obj["status"] = status

    async def change(self, obj: Object, change: Object) -> None:
        """Merge a change into an object."""
        await self.api.merge_patch(path_of_object(obj), change, manager=LIQO)

    async def hold(self, obj: Object, finalizer: str, *, held: bool) -> None:
        """Put a finalizer on an object, or take it off."""
        before = obj["metadata"].get("finalizers") or []
        if (finalizer in before) == held or (held and is_going(obj)):
            return
        after = [each for each in before if each != finalizer] + [finalizer] * held
        await self.change(obj, {"metadata": {"finalizers": after}})
        obj["metadata"] = {**obj["metadata"], "finalizers": after}

    async def delete(self, kind: str, objects: Iterable[Object | None]) -> None:
        """Delete objects; one that is going or gone is left alone."""
        for obj in objects:
            if obj is None or is_going(obj):
                continue
            try:
                await self.api.delete(path_of_object({**typed(kind), "metadata": obj["metadata"]}))
            except ApiError as error:
                if error.status != NOT_FOUND:
                    raise


def typed(kind: str) -> Object:
    """Return what every object of a kind begins with."""
    return {"apiVersion": VERSIONS[kind], "kind": kind}


def made(kind: str, name: str, namespace: str = "", **labels: str) -> Object:
    """Return a new object with labels."""
    metadata: dict[str, Any] = {"name": name, "labels": labels}
    if namespace:
        metadata["namespace"] = namespace
    return {**typed(kind), "metadata": metadata}


def owner(obj: Object) -> list[Object]:
    """Return the owner references of what belongs to an object."""
    metadata = obj["metadata"]
    return [
        {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
    ]


def annotation(obj: Object, name: str) -> str:
    """Return an annotation of an object; empty if it has none of that name."""
    return annotations_of(obj).get(name, "")


def conditions(before: Object, at: str, **wanted: tuple[str, str]) -> list[Object]:
    """Return conditions by type: status and reason. What keeps its status keeps its time."""
    known = {each["type"]: each for each in (before.get("status") or {}).get("conditions") or ()}
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": "",
            "lastTransitionTime": known[kind]["lastTransitionTime"]
            if known.get(kind, {}).get("status") == status
            else at,
        }
        for kind, (status, reason) in wanted.items()
    ]


def _nothing(before: Object, after: Object) -> Object:
    return dict.fromkeys(before.keys() - after.keys())
