"""Plays both Liqo installations: looks at what changed, and brings everything on, over and over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.errors import TransientError
from shared.runtime import clock
from shared.runtime.kubernetes import ApiError, KubernetesApi
from simulator import telemetry
from simulator.kubernetes.objects import uid_of
from simulator.kubernetes.times import written
from simulator.liqo_namespaces import Namespaces
from simulator.liqo_peering.foreign import play_foreign
from simulator.liqo_peering.granted import use
from simulator.liqo_peering.installing import install
from simulator.liqo_peering.networks import play_networks
from simulator.liqo_peering.nodes import node_labels, play_nodes
from simulator.liqo_peering.sides import VERSIONS, Side
from simulator.liqo_peering.slices import judge, replicate
from simulator.liqo_peering.spaces import play_spaces

IDLE_SECONDS = 0.1
"""Of wall time after which it is looked again, though nothing changed."""


@asynccontextmanager
async def peering(
    consumer: KubernetesApi,
    provider: KubernetesApi,
    *,
    names: tuple[str, str],
    speed: float = 1.0,
) -> AsyncIterator[None]:
    """Install Liqo on two clusters of these ids, and play it while the block lasts."""
    changed = asyncio.Event()
    one, other = (
        Side(name, api, changed) for name, api in zip(names, (consumer, provider), strict=True)
    )
    await install(one, 1)
    await install(other, 2)
    played = _Peering(one, other, lambda: clock.monotonic() * speed)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(played.run(changed))
        yield
        running.cancel()


@dataclass(slots=True)
class _Peering:
    """Two installations; each is consumer and provider of the other."""

    one: Side
    other: Side
    seconds: Callable[[], float]
    _namespaces: dict[str, Namespaces] = field(default_factory=dict)

    async def run(self, changed: asyncio.Event) -> None:
        """Play for ever."""
        async with asyncio.TaskGroup() as tasks:
            for side in (self.one, self.other):
                for kind in VERSIONS:
                    tasks.create_task(side.follow(kind))
            tasks.create_task(self._keep(changed))

    async def _keep(self, changed: asyncio.Event) -> None:
        while True:
            changed.clear()
            try:
                if self.one.is_seen and self.other.is_seen:
                    await self._play(self.one, self.other)
                    await self._play(self.other, self.one)
            except (ApiError, TransientError) as error:
                # what was seen was older than what is: it is looked again
                telemetry.kubernetes_failed(error)
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await changed.wait()
            except TimeoutError:
                continue

    async def _play(self, here: Side, there: Side) -> None:
        """Bring everything on that one cluster wants of the other."""
        at = written(clock.now())
        await play_networks(here, there, at)
        await replicate(here, there)
        await judge(there, here, at)
        await use(here, there)
        await play_nodes(here, there, at)
        await self._stretch(here, there)
        await play_spaces(here, there)
        await play_foreign(here, there, at)

    async def _stretch(self, here: Side, there: Side) -> None:
        """Keep the offloaded namespaces of a cluster."""
        played = self._namespaces.get(here.name)
        if played is None:
            played = self._namespaces[here.name] = Namespaces(
                api=here.api,
                home=here.name,
                labels=lambda: node_labels(here),
                seconds=self.seconds,
                now=lambda: written(clock.now()),
                tenant=here.tenant,
            )
        played.see({uid_of(obj): obj for obj in here.all("NamespaceOffloading")})
        await played.tell({there.name})
