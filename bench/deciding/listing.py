"""What the API server lists: what was declared, and the pods and nodes there are now."""

from dataclasses import replace
from typing import Any

from bench.deciding.kubelets import Kubernetes
from services.observe.core.inventory import KINDS, read_inventory
from services.observe.core.reader import Listed
from shared.messages.inventory import (
    ForeignCluster,
    Freshness,
    Inventory,
    KindFreshness,
    KubeNode,
    NamespaceOffloading,
    Pod,
    Workload,
)
from shared.model.application import Application, WorkloadKind
from shared.model.names import ApplicationName, ClusterName, FleetName
from shared.model.resources import Resources
from simulator.applications import Declared
from simulator.load import GIB


def read_declared(examples: Declared, fleet: FleetName) -> Inventory:
    """Read the objects as Observe does."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for obj in (*examples.fleet, *examples.arenas):
        by_kind.setdefault(obj["kind"], []).append(obj)
    lists = (
        Listed(kind=kind, objects=tuple(by_kind.get(kind, ())), state=Freshness.FRESH)
        for kind in KINDS
    )
    return read_inventory(lists, fleet)


def list_all(
    declared: Inventory,
    there: Kubernetes,
    *,
    late: frozenset[str],
    under_way: tuple[ApplicationName, ...],
) -> Inventory:
    """Return all that is listed now. `late`: kinds whose watch is broken."""
    kinds = tuple(
        KindFreshness(
            kind=k.kind,
            state=Freshness.LATE if k.kind in late else Freshness.FRESH,
            synced_at=there.at,
        )
        for k in declared.kinds
    )
    clusters = there.world.scenario.fleet.clusters
    providers = sorted(name for name, spec in clusters.items() if not spec.home)
    return replace(
        declared,
        kinds=kinds,
        applications=_applications(declared, there),
        workloads=_workloads(there),
        pods=_pods(there),
        nodes=_nodes(there),
        foreign_clusters=tuple(
            ForeignCluster(
                cluster=ClusterName(name),
                api_server="Established" if there.peer(name).api else "Error",
                network="Established" if there.peer(name).network else "Error",
            )
            for name in providers
        ),
        offloadings=_offloadings(there, {name for name in providers if not there.is_lost(name)}),
        under_way=under_way,
    )


def _offloadings(there: Kubernetes, ready: set[str]) -> tuple[NamespaceOffloading, ...]:
    return tuple(
        NamespaceOffloading(
            namespace=namespace,
            phase="Ready" if names <= ready else "SomeFailed",
            ready_clusters=tuple(ClusterName(c) for c in sorted(names & ready)),
        )
        for namespace, names in sorted(there.stretched.items())
    )


def _pods(there: Kubernetes) -> tuple[Pod, ...]:
    return tuple(
        Pod(
            namespace=c.key[0],
            name=c.name,
            workload=c.key[1],
            node=c.node,
            ready=c.serves,
            terminating=c.leaves_at is not None,
        )
        for c in sorted(there.copies, key=lambda c: (c.key[0], c.name))
    )


def _applications(declared: Inventory, there: Kubernetes) -> tuple[Application, ...]:
    """Return them with the replicas that their workloads ask for now."""
    return tuple(
        replace(
            a,
            components=tuple(
                replace(c, replicas=there.work[a.namespace, c.workload.name].replicas)
                for c in a.components
            ),
        )
        for a in declared.applications
    )


def _workloads(there: Kubernetes) -> tuple[Workload, ...]:
    return tuple(
        Workload(
            namespace=namespace,
            kind=WorkloadKind.DEPLOYMENT,
            name=name,
            replicas=work.replicas,
            ready_replicas=sum(c.serves for c in there.copies if c.key == (namespace, name)),
            requests=work.component.requests,
        )
        for (namespace, name), work in sorted(there.work.items())
    )


def _nodes(there: Kubernetes) -> tuple[KubeNode, ...]:
    """Return the real nodes of home, and a virtual one of each provider as large as it is."""
    found = []
    for name, spec in there.world.scenario.fleet.clusters.items():
        many = 1 if spec.home else spec.nodes
        size = Resources(
            cpu_cores=many * spec.cores_per_node, memory_bytes=many * spec.gib_per_node * GIB
        )
        found += [
            KubeNode(
                name=node,
                cluster=ClusterName(name),
                virtual=not spec.home,
                ready=there.peer(name).node,
                unschedulable=False,
                allocatable=size,
            )
            for node in (there.world.real_nodes[name] if spec.home else (name,))
        ]
    return tuple(sorted(found, key=lambda node: node.name))
