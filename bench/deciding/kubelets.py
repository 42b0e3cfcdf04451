"""The management cluster in small, on virtual time: workloads, and their pods on a world."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from shared.model.application import Application, Component
from shared.model.names import ClusterName
from simulator.load import GIB
from simulator.peers import Peer, peer_at
from simulator.pods import Container, Pod
from simulator.world import Outage, World

READY_SECONDS = 5.0
"""From bound to ready."""
LEAVE_SECONDS = 5.0
EVICTED_SECONDS = 30.0
"""After so long on a node that is not Ready pods are replaced, as arena wants it."""

WorkloadKey = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True, kw_only=True)
class Work:
    """A workload: what it asks for, and the cluster it is pinned to."""

    component: Component
    replicas: int
    cluster: str
    extra: str = ""
    """The cluster that it has a second set of copies on while a move is under way."""


@dataclass(slots=True, kw_only=True)
class Copy:
    """A pod that is there or waits for a node."""

    name: str
    key: WorkloadKey
    cluster: str
    """Where it is meant to run."""
    node: str = ""
    bound_at: float = 0.0
    ready: bool = False
    leaves_at: float | None = None
    """When it is gone; it serves no longer."""

    @property
    def serves(self) -> bool:
        """Tell whether it takes traffic, as far as home knows."""
        return self.ready and self.leaves_at is None


@dataclass(slots=True, kw_only=True)
class Kubernetes:
    """The workloads of a fleet and their pods, as home knows them."""

    world: World
    started_at: datetime
    work: dict[WorkloadKey, Work]
    copies: list[Copy] = field(default_factory=list)
    stretched: dict[str, set[str]] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    """Clusters on which new copies never get ready."""
    cut_off: dict[str, Outage] = field(default_factory=dict)
    """Clusters whose API home does not reach though they are well."""
    _number: "count[int]" = field(default_factory=count)

    # ---- what home knows

    @property
    def at(self) -> datetime:
        """Now."""
        return self.started_at + timedelta(seconds=self.world.seconds)

    def peer(self, cluster: str) -> Peer:
        """Return what home knows of a provider."""
        seconds = self.world.seconds
        known = peer_at(self.world.clusters_lost.get(cluster), seconds)
        beyond = peer_at(self.cut_off.get(cluster), seconds)
        return Peer(
            api=known.api and beyond.api,
            network=known.network,
            node=known.node and beyond.node,
            pods=known.pods and beyond.pods,
        )

    def is_lost(self, cluster: str) -> bool:
        """Tell whether home takes a provider for lost."""
        peer = self.peer(cluster)
        return not (peer.api and peer.network and peer.node)

    # ---- the kubelets and controllers

    def step(self) -> None:
        """Do what is due by now, and show the world its pods."""
        now = self.world.seconds
        self.copies = [c for c in self.copies if not self._is_gone(c, now)]
        for copy in self.copies:
            self._live(copy, now)
        for key, work in self.work.items():
            for cluster in filter(None, (work.cluster, work.extra)):
                there = [c for c in self.copies_of(key, cluster) if c.leaves_at is None]
                for _ in range(len(there), work.replicas):
                    self._create(key, cluster)
                self.remove(there[work.replicas :])
        self._bind()
        self.world.see((self._pod(c) for c in self.copies if c.node), self.world.wall_seconds())

    def _live(self, copy: Copy, now: float) -> None:
        peer = self.peer(copy.cluster)
        if not peer.node:
            copy.ready = False
            lost_at = max(
                o.lost_at
                for o in (
                    self.world.clusters_lost.get(copy.cluster),
                    self.cut_off.get(copy.cluster),
                )
                if o
            )
            if now - lost_at > 61.0 + EVICTED_SECONDS and copy.leaves_at is None:
                copy.leaves_at = now
        elif peer.pods and copy.node and copy.leaves_at is None:
            started = now - copy.bound_at >= READY_SECONDS
            runs = self.world.nodes.get(copy.name) is not None
            copy.ready = copy.ready or (started and runs and copy.cluster not in self.stuck)

    def _is_gone(self, copy: Copy, now: float) -> bool:
        return copy.leaves_at is not None and now >= copy.leaves_at and self.peer(copy.cluster).pods

    def copies_of(self, key: WorkloadKey, cluster: str) -> list[Copy]:
        """Return the copies of a workload that are meant to run on a cluster."""
        return [c for c in self.copies if c.key == key and c.cluster == cluster]

    def _create(self, key: WorkloadKey, cluster: str) -> None:
        name = f"{key[0]}-{key[1]}-{next(self._number):05d}"
        self.copies.append(Copy(name=name, key=key, cluster=cluster))

    def _bind(self) -> None:
        for copy in self.copies:
            if not copy.node and copy.leaves_at is None:
                copy.node = self._node_for(copy)
                copy.bound_at = self.world.seconds

    def _node_for(self, copy: Copy) -> str:
        """Return a real node of home with room, or the virtual node; empty where there is none."""
        spec = self.world.scenario.fleet.clusters[copy.cluster]
        if not spec.home:
            return copy.cluster if self.peer(copy.cluster).node else ""
        free = dict.fromkeys(self.world.real_nodes[copy.cluster], spec.cores_per_node)
        for other in self.copies:
            if other.node in free:
                free[other.node] -= self.work[other.key].component.requests.cpu_cores
        asked = self.work[copy.key].component.requests.cpu_cores
        fits = [node for node, cores in free.items() if cores >= asked]
        return max(fits, key=lambda node: (free[node], node), default="")

    def _pod(self, copy: Copy) -> Pod:
        asked = self.work[copy.key].component.requests
        container = Container(
            name="main",
            cores=asked.cpu_cores,
            memory_bytes=asked.memory_bytes,
            most_cores=asked.cpu_cores,
            most_bytes=max(asked.memory_bytes, GIB),
        )
        return Pod(
            uid=copy.name,
            namespace=copy.key[0],
            name=copy.name,
            workload=copy.key[1],
            node=copy.node,
            ready=copy.ready,
            terminating=copy.leaves_at is not None,
            containers=(container,),
        )

    def remove(self, copies: Iterable[Copy]) -> None:
        """Have copies go."""
        for copy in copies:
            if copy.leaves_at is None:
                copy.leaves_at = self.world.seconds + LEAVE_SECONDS


def begin(
    world: World,
    applications: tuple[Application, ...],
    homes: dict[WorkloadKey, str],
    started_at: datetime,
) -> Kubernetes:
    """Return a cluster with all copies ready where they begin."""
    work = {
        (a.namespace, c.workload.name): Work(
            component=c, replicas=c.replicas, cluster=homes[a.namespace, c.workload.name]
        )
        for a in applications
        for c in a.components
    }
    home = world.scenario.fleet.home
    providers = {ClusterName(c) for c in world.scenario.fleet.clusters if c != home}
    there = Kubernetes(
        world=world,
        started_at=started_at,
        work=work,
        stretched={a.namespace: set(providers) for a in applications},
    )
    there.step()
    for copy in there.copies:
        copy.ready = True
    there.step()
    return there
