"""What the watch tells of many rollouts at once, event by event."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.acting.fleet import RENDER, REPLICAS
from shared.errors import TransientError
from shared.model.names import ClusterName
from shared.runtime.clock import monotonic
from shared.runtime.kubernetes import KubernetesApi, Object

PODS, DEPLOYMENTS = "/api/v1/pods", "/apis/apps/v1/deployments"


@dataclass(slots=True)
class Rollouts:
    """The pods and the counts of the component in each namespace."""

    least: int = 10**9
    """The fewest that served anywhere, by the pods or by `status.readyReplicas`."""
    events: int = 0
    is_counting: bool = False
    _pods: dict[str, dict[str, Object]] = field(default_factory=lambda: defaultdict(dict))
    _counts: dict[str, Object] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, kind: str, path: str, live: Any) -> None:
        """Take one event."""
        space, name = live["metadata"]["namespace"], live["metadata"]["name"]
        if path == DEPLOYMENTS:
            self._counts[space] = live
            self._note(live.get("status", {}).get("readyReplicas", 0))
        elif kind == "DELETED":
            self._pods[space].pop(name, None)
            self._note(self._serving(space))
        else:
            self._pods[space][name] = live
            self._note(self._serving(space))
        self.events += self.is_counting
        event, self._changed = self._changed, asyncio.Event()
        event.set()

    def stands_on(self, space: str, provider: ClusterName) -> bool:
        """Tell whether all is rolled out there, and no old pod is left, Terminating ones too."""
        pods, live = self._pods[space].values(), self._counts.get(space, {})
        status = live.get("status", {})
        is_seen = status.get("observedGeneration") == live.get("metadata", {}).get("generation")
        return (
            is_seen
            and len(pods) == REPLICAS
            and all(status.get(c) == REPLICAS for c in ("updatedReplicas", "readyReplicas"))
            and all(p["spec"].get("nodeName") == provider and _serves(p) for p in pods)
        )

    async def until_on(self, space: str, provider: ClusterName, seconds: float = 120.0) -> float:
        """Return when it stood there. TimeoutError: it does not."""
        async with asyncio.timeout(seconds):
            while not self.stands_on(space, provider):
                await self._changed.wait()
        return monotonic()

    async def until_serving(
        self, space: str, provider: ClusterName, seconds: float = 120.0
    ) -> float:
        """Return when all replicas served there, whatever is left elsewhere."""
        async with asyncio.timeout(seconds):
            while self._serving_on(space, provider) < REPLICAS:
                await self._changed.wait()
        return monotonic()

    def _serving_on(self, space: str, provider: ClusterName) -> int:
        pods = self._pods[space].values()
        return sum(p["spec"].get("nodeName") == provider and _serves(p) for p in pods)

    def _serving(self, space: str) -> int:
        return sum(map(_serves, self._pods[space].values()))

    def _note(self, count: int) -> None:
        if self.is_counting:
            self.least = min(self.least, count)


def _serves(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


@asynccontextmanager
async def watching(api: KubernetesApi) -> AsyncIterator[Rollouts]:
    """Watch the component everywhere for as long as the block lasts."""
    rollouts = Rollouts()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_follow(api, path, rollouts)) for path in (PODS, DEPLOYMENTS)]
        yield rollouts
        for task in tasks:
            task.cancel()


async def _follow(api: KubernetesApi, path: str, rollouts: Rollouts) -> None:
    labels = f"app={RENDER}" if path == PODS else ""
    objects, version = await api.list(path, labels=labels)
    for live in objects:
        rollouts.take("ADDED", path, live)
    while True:
        try:
            async for event in api.watch(path, since=version, labels=labels):
                if event is None:
                    continue
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    rollouts.take(event["type"], path, event["object"])
        except TransientError:
            await asyncio.sleep(0.2)
