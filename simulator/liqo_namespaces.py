"""Plays what Liqo does to namespaces: stretched over providers, and taken away from them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.runtime.kubernetes import KubernetesApi
from simulator.kubernetes.objects import Object, dig, is_going, namespace_of, uid_of
from simulator.liqo_objects import (
    REMOTE_CLUSTER,
    SCHEDULING_LABEL,
    offloading_status,
    terminating_status,
)
from simulator.objects import LIQO, path_of_object

VERSION = "offloading.liqo.io/v1beta1"
FINALIZER = "namespaceoffloading-controller.liqo.io/finalizer"
GOING_SECONDS = 5.4
"""Until a remote namespace is gone, after it was told to go (observed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a NamespaceMap says: local to remote namespace, as home wants and the provider has."""

    wanted: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Namespaces:
    """All NamespaceOffloadings of a cluster, and the NamespaceMaps they make.

    `labels`: provider to the labels of its virtual node. `seconds`, `now`: simulated time, and the
    present instant as objects write it.
    """

    api: KubernetesApi
    home: str
    labels: Callable[[], Mapping[str, Mapping[str, str]]]
    seconds: Callable[[], float]
    now: Callable[[], str]
    tenant: Callable[[str], str] = "liqo-tenant-{}".format
    """Provider to the namespace of its NamespaceMap."""
    offloadings: dict[str, Object] = field(default_factory=dict)
    """By uid, as they were last seen or told."""
    _going: dict[str, float] = field(default_factory=dict)
    """When the remote namespaces of a deleted one (by uid) are gone."""
    _maps: dict[str, Mapped] = field(default_factory=dict)
    """By provider, as written."""

    def see(self, offloadings: Mapping[str, Object]) -> None:
        """Take note of all there are."""
        self.offloadings = dict(offloadings)
        self._going = {uid: at for uid, at in self._going.items() if uid in offloadings}

    async def tell(self, alive: set[str]) -> None:
        """Bring everything to where it has to be. `alive`: the providers that answer."""
        for offloading in list(self.offloadings.values()):
            if is_going(offloading):
                await self._let_go(offloading, alive)
            else:
                await self._stretch(offloading, alive)
        labels = self.labels()
        self._maps = {name: mapped for name, mapped in self._maps.items() if name in labels}
        for cluster in labels:
            await self._map(cluster, alive)

    async def _stretch(self, offloading: Object, alive: set[str]) -> None:
        status = offloading_status(
            offloading, self.labels(), alive=alive, home=self.home, at=self.now()
        )
        finalizers = offloading["metadata"].get("finalizers") or []
        if FINALIZER not in finalizers:
            await self._hold(offloading, [*finalizers, FINALIZER])
        if status != offloading.get("status"):
            is_local = offloading["spec"].get("podOffloadingStrategy") == "Local"
            await self._label(namespace_of(offloading), None if is_local else "true")
            await self._tell_status(offloading, status)

    async def _let_go(self, offloading: Object, alive: set[str]) -> None:
        """Take the namespace away from all providers; one that is lost has to come back first."""
        at = self._going.setdefault(uid_of(offloading), self.seconds() + GOING_SECONDS)
        status = terminating_status(offloading.get("status") or {}, at=self.now())
        if status != offloading.get("status"):
            await self._tell_status(offloading, status)
        held = set(status["remoteNamespacesConditions"]) - alive
        finalizers = offloading["metadata"].get("finalizers") or []
        if FINALIZER in finalizers and not held and self.seconds() >= at:
            await self._label(namespace_of(offloading), None)
            await self._hold(offloading, [f for f in finalizers if f != FINALIZER])

    async def _map(self, cluster: str, alive: set[str]) -> None:
        """Keep the NamespaceMap of a provider as the NamespaceOffloadings want it."""
        wanted = {
            namespace_of(each): str(each["status"]["remoteNamespaceName"])
            for each in self.offloadings.values()
            if not is_going(each) and _is_required(each, cluster)
        }
        before = self._maps.get(cluster, Mapped())
        accepted = wanted if cluster in alive else before.accepted
        mapped = Mapped(wanted=wanted, accepted=accepted)
        known = _map(cluster, self.tenant(cluster))
        path = path_of_object(known)
        if cluster not in self._maps:
            await self.api.apply(path, known, manager=LIQO)
        elif mapped == before:
            return
        desired = _merging(wanted, before.wanted)
        await self.api.merge_patch(path, {"spec": {"desiredMapping": desired}}, manager=LIQO)
        phases = {n: {"phase": "Accepted", "remoteNamespace": r} for n, r in accepted.items()}
        status = {"currentMapping": _merging(phases, before.accepted)}
        await self.api.patch_status(path, {"status": status}, manager=LIQO)
        self._maps[cluster] = mapped

    async def _label(self, namespace: str, value: str | None) -> None:
        named = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        change = {"metadata": {"labels": {SCHEDULING_LABEL: value}}}
        await self.api.merge_patch(path_of_object(named), change, manager=LIQO)

    async def _hold(self, offloading: Object, finalizers: list[str]) -> None:
        change = {"metadata": {"finalizers": finalizers}}
        await self.api.merge_patch(_path(offloading), change, manager=LIQO)
        offloading["metadata"] = {**offloading["metadata"], "finalizers": finalizers}

    async def _tell_status(self, offloading: Object, status: Object) -> None:
        await self.api.patch_status(_path(offloading), {"status": status}, manager=LIQO)
        offloading["status"] = status


def _merging(wanted: Mapping[str, Any], before: Iterable[str]) -> Object:
    """Return the merge patch of a map: what is wanted, and null for what no longer is."""
    return {**dict.fromkeys(set(before) - wanted.keys()), **wanted}


def _is_required(offloading: Object, cluster: str) -> bool:
    conditions = dig(offloading, "status", "remoteNamespacesConditions", cluster) or ()
    return any(c["type"] == "OffloadingRequired" and c["status"] == "True" for c in conditions)


def _path(offloading: Object) -> str:
    metadata = offloading["metadata"]
    named = {"apiVersion": VERSION, "kind": "NamespaceOffloading", "metadata": metadata}
    return path_of_object(named)


def _map(cluster: str, namespace: str) -> Object:
    labels = {REMOTE_CLUSTER: cluster, "liqo.io/remoteID": cluster, "liqo.io/replication": "true"}
    return {
        "apiVersion": VERSION,
        "kind": "NamespaceMap",
        "metadata": {"name": cluster, "namespace": namespace, "labels": labels},
    }
