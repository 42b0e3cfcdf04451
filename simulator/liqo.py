"""Plays the status side of Liqo over the Kubernetes API: peers, virtual nodes, namespaces."""

import asyncio
from collections.abc import Callable

from shared.errors import TransientError
from shared.runtime.clock import Clock
from shared.runtime.kubernetes import ApiError, KubernetesApi
from simulator import telemetry
from simulator.fleet import ClusterSpec, real_nodes
from simulator.kubernetes.objects import Object
from simulator.kubernetes.times import written
from simulator.liqo_hints import hints
from simulator.liqo_leases import Leases
from simulator.liqo_namespaces import VERSION as OFFLOADING_VERSION
from simulator.liqo_namespaces import Namespaces
from simulator.liqo_objects import (
    foreign_cluster,
    foreign_cluster_status,
    named_node,
    node_conditions,
    real_node,
    room,
    tenant_namespace,
    virtual_labels,
    virtual_node,
    virtual_node_object,
    virtual_node_status,
)
from simulator.liqo_peering.installing import identity
from simulator.objects import LIQO, follow_kind, path_of_object
from simulator.peers import Peer, peer_at
from simulator.world import World

TICK_SECONDS = 0.1
KWOK = "kwok.x-k8s.io/node"
"""Annotation by which kwok plays the kubelet of a node, on a real API server."""


class Liqo:
    """Keeps Liqo's objects as the world is, with the delays that were seen on a real one."""

    def __init__(
        self,
        api: KubernetesApi,
        world: World,
        *,
        seconds: Callable[[], float],
        clock: Clock,
        kwok: bool = False,
    ) -> None:
        """Use `seconds` as simulated time. `kwok`: kwok plays the kubelets, not our controllers."""
        self._api = api
        self._world = world
        self._seconds = seconds
        self._clock = clock
        self._kwok = kwok
        self._told: dict[str, Peer] = {}
        self._since: dict[str, dict[str, str]] = {}
        self._hints: dict[str, dict[str, str]] = {}
        self._leases = Leases(api, seconds=seconds, clock=clock)
        self._namespaces = Namespaces(
            api=api,
            home=world.scenario.fleet.home,
            labels=self._labels,
            seconds=seconds,
            now=self._now,
        )

    @property
    def _providers(self) -> dict[str, ClusterSpec]:
        clusters = self._world.scenario.fleet.clusters
        return {name: spec for name, spec in clusters.items() if not spec.home}

    async def peer(self) -> None:
        """Create all nodes and Liqo's objects, as after a finished peering."""
        home = self._world.scenario.fleet.home
        spec = self._world.scenario.fleet.clusters[home]
        for obj in identity(home):
            await self._apply(obj)
        for name in real_nodes(home, spec):
            size = room(spec.cores_per_node, spec.gib_per_node)
            await self._create_node(real_node(name, spec), size)
        for cluster, spec in self._providers.items():
            size = room(spec.nodes * spec.cores_per_node, spec.nodes * spec.gib_per_node)
            await self._create_node(virtual_node(cluster, spec), size)
            await self._apply(tenant_namespace(cluster))
            behind = virtual_node_object(cluster, spec)
            await self._apply(behind)
            await self._tell_status(behind, virtual_node_status(self._now()))
            await self._apply(foreign_cluster(cluster))
            await self._tell(cluster, Peer())
            await self._hint(cluster, Peer())

    async def run(self) -> None:
        """Play for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                follow_kind(
                    self._api, "NamespaceOffloading", OFFLOADING_VERSION, self._namespaces.see
                )
            )
            tasks.create_task(self._keep())

    async def _keep(self) -> None:
        is_failing = False
        while True:
            try:
                await self._tell_peers()
                await self._namespaces.tell(self._alive())
            except (ApiError, TransientError) as error:
                if not is_failing:
                    telemetry.kubernetes_failed(error)
                is_failing = True
            else:
                if is_failing:
                    telemetry.kubernetes_recovered()
                is_failing = False
            await asyncio.sleep(TICK_SECONDS)

    async def _tell_peers(self) -> None:
        lost = self._world.kubelets_lost
        for cluster in self._providers:
            outage = self._world.clusters_lost.get(cluster)
            peer = peer_at(outage, self._seconds(), lost.get(cluster))
            if peer != self._told[cluster]:
                await self._tell(cluster, peer)
            await self._hint(cluster, peer)
            if not self._kwok and peer.api and peer.kubelet:
                await self._leases.renew(cluster)

    async def _tell(self, cluster: str, peer: Peer) -> None:
        """Write what is known of a provider now, where that has changed."""
        before = self._told.get(cluster)
        if before and peer.node != before.node and not self._kwok:
            await self._tell_status(
                named_node(cluster), node_conditions(ready=peer.node, at=self._now())
            )
        if before is None or peer.shown() != before.shown():
            known = foreign_cluster(cluster)
            status = foreign_cluster_status(cluster, peer, self._transitions(cluster, peer))
            await self._tell_status(known, status)
            if before:
                telemetry.peer_changed(cluster, api=peer.api, network=peer.network, node=peer.node)
        self._told[cluster] = peer

    async def _hint(self, cluster: str, peer: Peer) -> None:
        """Tell whoever plays the kubelet of a provider what happens to pods there."""
        if self._kwok:
            wanted = {KWOK: "fake"} if peer.pods and peer.kubelet else {}
        else:
            wanted = hints(cluster, peer, self._world)
        before = self._hints.get(cluster, {KWOK: "fake"} if self._kwok else {})
        if wanted != before:
            change = {**dict.fromkeys(before.keys() - wanted.keys()), **wanted}
            await self._merge(named_node(cluster), {"metadata": {"annotations": change}})
        self._hints[cluster] = wanted

    def _labels(self) -> dict[str, dict[str, str]]:
        return {name: virtual_labels(name, spec) for name, spec in self._providers.items()}

    def _alive(self) -> set[str]:
        return {name for name in self._providers if self._world.is_alive(name)}

    def _transitions(self, cluster: str, peer: Peer) -> dict[str, str]:
        """Return since when each condition of a provider has been as it is."""
        before, now = self._told.get(cluster), self._now()
        since = self._since.setdefault(cluster, {})
        for kind, good, was in (
            ("APIServerStatus", peer.api, before and before.api),
            ("NetworkConnectionStatus", peer.network, before and before.network),
            ("OffloadingNodeStatus", peer.node, before and before.node),
            ("OffloadingVirtualNodeStatus", True, True),
        ):
            if kind not in since or good != was:
                since[kind] = now
        return since

    async def _create_node(self, node: Object, size: Object) -> None:
        if self._kwok:
            node["metadata"]["annotations"] = {KWOK: "fake"}
        await self._apply(node)
        status = {**size, **node_conditions(ready=True, at=self._now())}
        await self._tell_status(node, status)

    async def _apply(self, obj: Object) -> None:
        await self._api.apply(path_of_object(obj), obj, manager=LIQO)

    async def _merge(self, obj: Object, change: Object) -> None:
        await self._api.merge_patch(path_of_object(obj), change, manager=LIQO)

    async def _tell_status(self, obj: Object, status: Object) -> None:
        await self._api.patch_status(path_of_object(obj), {"status": status}, manager=LIQO)

    def _now(self) -> str:
        return written(self._clock())
