"""Where the size of a MachineDeployment is kept, who holds it, and what is intended with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.act.core.cluster_api.kinds import (
    CLUSTER,
    MACHINE_DEPLOYMENT,
    RESIZE,
    TOPOLOGY_NAME,
    TOPOLOGY_OWNED,
)
from services.act.core.objects import (
    FIELD_MANAGER,
    Kind,
    Manner,
    Object,
    Ref,
    Write,
    dig,
    name_of,
    version_of,
)
from shared.model.names import DecisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A change of size, as noted on the object that keeps it before it is made."""

    decision: DecisionId
    before: int
    target: int
    machines: tuple[str, ...]
    """Those there were before, so that the new ones can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What keeps the size: the MachineDeployment, or the topology of its Cluster.

    Cluster API's topology controller takes back what is written to a MachineDeployment it owns,
    unless the topology leaves the number out.
    """

    kind: Kind
    obj: Object
    replicas: int
    pool: str = ""
    """Name in the Cluster's topology; empty where the MachineDeployment keeps its own size."""

    @property
    def ref(self) -> Ref:
        """Return the address of what keeps the size."""
        namespace = dig(self.obj, "metadata", "namespace") or ""
        return Ref(kind=self.kind, namespace=namespace, name=name_of(self.obj))


def seat_of(deployment: Object, cluster: Object | None) -> Seat:
    """Return what keeps the size of a MachineDeployment."""
    labels = dig(deployment, "metadata", "labels") or {}
    if TOPOLOGY_OWNED in labels and cluster is not None:
        name = labels.get(TOPOLOGY_NAME, "")
        for pool in _pools(cluster):
            if pool.get("name") == name and pool.get("replicas") is not None:
                return Seat(kind=CLUSTER, obj=cluster, replicas=int(pool["replicas"]), pool=name)
    asked = dig(deployment, "spec", "replicas")
    replicas = 1 if asked is None else int(asked)
    return Seat(kind=MACHINE_DEPLOYMENT, obj=deployment, replicas=replicas)


def intent_on(seat: Seat, decision: DecisionId) -> Intent | None:
    """Return what a decision intends with the size, or None: it is not noted."""
    noted = (dig(seat.obj, "metadata", "annotations") or {}).get(RESIZE)
    try:
        data = json.loads(noted or "{}")
        if data.get("decision") != decision:
            return None
        before, target = int(data["before"]), int(data["target"])
        machines = tuple(str(name) for name in data["machines"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Intent(decision=decision, before=before, target=target, machines=machines)


def note(seat: Seat, intent: Intent) -> Write:
    """Return the write that notes what is intended. It changes no size yet."""
    data = {
        "decision": intent.decision,
        "before": intent.before,
        "target": intent.target,
        "machines": list(intent.machines),
    }
    noted = {RESIZE: json.dumps(data, separators=(",", ":"))}
    return Write(
        ref=seat.ref,
        manner=Manner.MERGE,
        body={"metadata": {"resourceVersion": version_of(seat.obj), "annotations": noted}},
        purpose=f"note that {name_of(seat.obj)} goes from {intent.before} to {intent.target}",
    )


def resize(seat: Seat, replicas: int) -> Write:
    """Return the write that changes the size, as long as nobody changes the object meanwhile.

    A topology's list is replaced as a whole, since a merge patch knows no keys: the resource
    version sees to it that it is the one that was read. Applying the one field instead would drop
    all other fields of a Cluster that we made.
    """
    body: dict[str, Any] = {"metadata": {"resourceVersion": version_of(seat.obj)}}
    if seat.pool:
        pools = [
            {**pool, "replicas": replicas} if pool.get("name") == seat.pool else pool
            for pool in _pools(seat.obj)
        ]
        body["spec"] = {"topology": {"workers": {"machineDeployments": pools}}}
    else:
        body["spec"] = {"replicas": replicas}
    return Write(
        ref=seat.ref,
        manner=Manner.MERGE,
        subresource="" if seat.pool else "scale",
        body=body,
        purpose=f"scale {seat.pool or name_of(seat.obj)} to {replicas}",
    )


def holder_of(seat: Seat) -> str:
    """Name who else keeps the size: an applier of it, or a scaler. Empty: nobody does.

    An update of the whole object, as an editor makes it, is no lasting claim.
    """
    path = (
        ("f:topology", "f:workers", "f:machineDeployments", f'k:{{"name":"{seat.pool}"}}')
        if seat.pool
        else ()
    )
    for entry in dig(seat.obj, "metadata", "managedFields") or ():
        manager = str(entry.get("manager", ""))
        lasting = entry.get("operation") == "Apply" or entry.get("subresource") == "scale"
        fields = dig(entry, "fieldsV1", "f:spec", *path) or {}
        if lasting and manager != FIELD_MANAGER and "f:replicas" in fields:
            return manager
    return ""


def _pools(cluster: Object) -> tuple[Mapping[str, Any], ...]:
    return tuple(dig(cluster, "spec", "topology", "workers", "machineDeployments") or ())
