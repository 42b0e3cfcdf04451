"""The inventory source over the Kubernetes API: every kind is listed once and then watched."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.observe.core.reader import Listed
from shared.messages.inventory import Freshness
from shared.runtime import following
from shared.runtime.clock import Clock
from shared.runtime.following import News, follow
from shared.runtime.kubernetes import KubernetesApi, Object, path_of

PATHS = {
    "Application": path_of(group="crossloop.dev", version="v1alpha1", plural="applications"),
    "Site": path_of(group="crossloop.dev", version="v1alpha1", plural="sites"),
    "FleetPolicy": path_of(group="crossloop.dev", version="v1alpha1", plural="fleetpolicies"),
    "Deployment": path_of(group="apps", version="v1", plural="deployments"),
    "StatefulSet": path_of(group="apps", version="v1", plural="statefulsets"),
    "Pod": path_of(version="v1", plural="pods"),
    "Node": path_of(version="v1", plural="nodes"),
    "ForeignCluster": path_of(group="core.liqo.io", version="v1beta1", plural="foreignclusters"),
    "NamespaceOffloading": path_of(
        group="offloading.liqo.io", version="v1beta1", plural="namespaceoffloadings"
    ),
}

_METADATA = (
    "name",
    "namespace",
    "labels",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
"""What is read of it. The rest, as managed fields, is most of what an object weighs."""


@dataclass(slots=True)
class _Known:
    """What is known of one kind."""

    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    state: Freshness | None = None
    """None: nothing was heard yet."""
    synced_at: datetime | None = None
    reason: str = "not listed yet"


class KubernetesInventory:
    """An `InventorySource`. It knows something only while `run` does."""

    def __init__(self, api: KubernetesApi, *, now: Clock) -> None:
        """Read all kinds of `PATHS` from that API server."""
        self._api = api
        self._now = now
        self._known = {kind: _Known() for kind in PATHS}
        self._complete = asyncio.Event()

    async def run(self) -> None:
        """List and watch all kinds, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for kind in PATHS:
                tasks.create_task(self._follow(kind))

    async def synced(self, *, within: timedelta) -> bool:
        """Wait until each kind was listed, or found not to be installed; False: not `within`."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._complete.wait()
        except TimeoutError:
            return False
        return True

    def lists(self) -> tuple[Listed, ...]:
        """Return the objects of every kind as they are known now, and how far to believe them."""
        return tuple(
            Listed(
                kind=kind,
                objects=tuple(known.objects.values()),
                state=known.state or Freshness.ABSENT,
                synced_at=known.synced_at,
                reason=known.reason,
            )
            for kind, known in self._known.items()
        )

    async def _follow(self, kind: str) -> None:
        async with aclosing(follow(self._api, PATHS[kind])) as heard:
            async for news in heard:
                self._learn(kind, self._known[kind], news)
                states = {known.state for known in self._known.values()}
                if None not in states and Freshness.FRESH in states:
                    self._complete.set()

    def _learn(self, kind: str, known: _Known, news: News) -> None:
        match news:
            case following.Listed(objects=objects):
                known.objects = {_key(item): _stripped(kind, item) for item in objects}
                known.synced_at = self._now()
            case following.Changed(object=item, gone=True):
                known.objects.pop(_key(item), None)
                known.synced_at = self._now()
            case following.Changed(object=item):
                known.objects[_key(item)] = _stripped(kind, item)
                known.synced_at = self._now()
            case following.Fresh():
                known.state, known.reason = Freshness.FRESH, ""
                known.synced_at = self._now()
            case following.Late(reason=reason):
                known.state, known.reason = Freshness.LATE, reason
            case following.Absent(reason=reason):
                known.state, known.reason = Freshness.ABSENT, reason
                known.objects = {}


def _key(item: Object) -> tuple[str, str]:
    metadata = item.get("metadata") or {}
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def _stripped(kind: str, item: Object) -> dict[str, Any]:
    """Return an object with what is read of it: thousands of pods are held in memory."""
    return dict(_parts(kind, item))


def _parts(kind: str, item: Object) -> Iterator[tuple[str, Any]]:
    metadata = item.get("metadata") or {}
    yield "metadata", {name: metadata[name] for name in _METADATA if name in metadata}
    spec = item.get("spec") or {}
    yield "spec", {"nodeName": spec.get("nodeName")} if kind == "Pod" else spec
    yield "status", item.get("status") or {}
