"""Objects of Cluster API as Act sees them, and Act's view of them, for tests of its core."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.act.core.ledger import Entry
from services.act.core.objects import Object, Query, Read, Ref, dig, name_of
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, Progress
from shared.messages.outcome import Status
from shared.model.names import CAPACITY, ClusterName, decision_id
from shared.model.plan import FleetAction
from simulator.kubernetes.selectors import label_selector
from tests.support.builders import NOW, an_insight, cycle_at, later

Json = dict[str, Any]
METRO = ClusterName("metro")
CORE = "cluster.x-k8s.io"
DECISION = decision_id(cycle_at(NOW), CAPACITY)
GROWTH = {"namespace": "fleet", "machineDeployment": "metro-md-0", "minNodes": 1, "maxNodes": 9}
NODE = {"cores": 4, "memoryGib": 8}


def a_context(at: datetime = NOW) -> Context:
    """Return what an action of the decision is judged by; it has to begin within two minutes."""
    return Context(now=at, decision=DECISION, deadline_at=later(120), insight=an_insight())


def conditions(**of: str) -> list[Json]:
    """Return conditions, each with its status, or with `Status/Reason/message`."""
    found = []
    for kind, said in of.items():
        status, reason, message = (*said.split("/", 2), "", "")[:3]
        found.append({"type": kind, "status": status, "reason": reason, "message": message})
    return found


def a_site(**spec: Any) -> Json:
    """Return the Site of metro."""
    return {"metadata": {"name": METRO}, "spec": {"growth": GROWTH, **spec}}


def a_capi_cluster(name: str = METRO, **changes: Any) -> Json:
    """Return a Cluster."""
    metadata = {"name": name, "namespace": "fleet", "generation": 1, "uid": f"uid-{name}"}
    return {
        "metadata": {**metadata, **changes.pop("metadata", {})},
        "spec": changes.pop("spec", {}),
        "status": {"observedGeneration": 1, **changes},
    }


def a_machine_deployment(replicas: int = 2, **changes: Any) -> Json:
    """Return a MachineDeployment that has settled at its size."""
    metadata = {
        "name": "metro-md-0",
        "namespace": "fleet",
        "generation": 1,
        "resourceVersion": "7",
        "uid": "uid-md",
    }
    counts = dict.fromkeys(("replicas", "readyReplicas", "upToDateReplicas"), replicas)
    return {
        "metadata": {**metadata, **changes.pop("metadata", {})},
        "spec": {"clusterName": METRO, "replicas": replicas, **changes.pop("spec", {})},
        "status": {"observedGeneration": 1, **counts, **changes},
    }


READY = {
    "BootstrapConfigReady": "True",
    "InfrastructureReady": "True",
    "NodeReady": "True",
    "Ready": "True",
}


def a_machine(name: str, *, deleting: bool = False, **said: str) -> Json:
    """Return a Machine of the workers; ready, but for what is said otherwise."""
    labels = {f"{CORE}/deployment-name": "metro-md-0", f"{CORE}/cluster-name": METRO}
    metadata: Json = {"name": name, "namespace": "fleet", "labels": labels, "resourceVersion": "9"}
    if deleting:
        metadata["deletionTimestamp"] = "2026-11-24T07:00:00Z"
    return {"metadata": metadata, "status": {"conditions": conditions(**{**READY, **said})}}


def seen_of(reads: tuple[Read, ...], objects: dict[str, list[Json]], **more: Any) -> Seen:
    """Return what is seen of objects, given by kind; each read finds those of its cluster."""
    found: dict[Read, tuple[Object, ...]] = {}
    for read in reads:
        key = f"{read.cluster}:{read.kind.name}" if read.cluster else read.kind.name
        found[read] = tuple(obj for obj in objects.get(key, []) if _fits(obj, read))
    return Seen(objects=found, **more)


def _fits(obj: Json, read: Read) -> bool:
    if read.namespace and dig(obj, "metadata", "namespace") not in (None, read.namespace):
        return False
    if isinstance(read, Ref):
        return name_of(obj) == read.name
    assert isinstance(read, Query)
    if read.fields:
        return bool(dig(obj, "spec", "nodeName") == read.fields.partition("=")[2])
    return bool(label_selector(read.selector)(obj))


def followed(
    next_of: Callable[[Entry, Context], Next], entry: Entry, at: datetime = NOW
) -> tuple[Entry, Next]:
    """Return the entry after all progress at an instant, and what comes then."""
    while True:
        following = next_of(entry, a_context(at))
        if not isinstance(following, Progress):
            return entry, following
        entry = following.entry
        if entry.status.is_final:
            return entry, following


def running(action: FleetAction, **changes: Any) -> Entry:
    """Return the entry of an action that has begun."""
    return replace(Entry(action=action, status=Status.RUNNING, started_at=NOW), **changes)


def the_grounds(site: Json | None = None, **changes: Any) -> Grounds:
    """Return what is declared: the Site of metro."""
    sites = {METRO: site or a_site()}
    return Grounds(home=ClusterName("home"), namespace="crossloop", sites=sites, **changes)
