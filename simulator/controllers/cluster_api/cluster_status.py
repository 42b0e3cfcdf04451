"""What the status of a Cluster says: the sum of its parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulator.controllers.cluster_api.control_plane_status import (
    machines_ready,
    machines_up_to_date,
)
from simulator.controllers.cluster_api.kinds import (
    Found,
    is_initialized,
    is_of_control_plane,
    is_provisioned,
)
from simulator.controllers.cluster_api.machine_objects import counters
from simulator.controllers.cluster_api.writing import Told, tell
from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, condition_of, dig, is_true, name_of

COUNTED = (
    "RemoteConnectionProbe",
    "InfrastructureReady",
    "ControlPlaneAvailable",
    "WorkersAvailable",
)
"""Conditions of which a Cluster's `Available` is the sum."""
LOGS = "Please check controller logs for errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a Cluster consists of, as it is now."""

    infrastructure: Found
    control_plane: Found
    deployments: Sequence[Object]
    machines: Sequence[Object]

    @property
    def workers(self) -> list[Object]:
        """The Machines that are not the control plane's."""
        return [machine for machine in self.machines if not is_of_control_plane(machine)]

    @property
    def masters(self) -> list[Object]:
        """The Machines of the control plane."""
        return [machine for machine in self.machines if is_of_control_plane(machine)]


def tell_cluster(api: Api, found: Object, parts: Parts) -> None:
    """Write how far a Cluster is."""
    told = [*_conditions(found, parts)]
    told.append(_available(found, told))
    provisioned = is_provisioned(parts.infrastructure.obj)
    initialization = {
        "infrastructureProvisioned": provisioned or None,
        "controlPlaneInitialized": _is_initialized(found, parts) or None,
    }
    known = {name: value for name, value in initialization.items() if value}
    wanted = int(dig(parts.control_plane.obj, "spec", "replicas") or 1)
    more = sum(int(each["spec"].get("replicas", 1)) for each in parts.deployments)
    has_endpoint = dig(found, "spec", "controlPlaneEndpoint", "host")
    tell(
        api,
        found,
        told,
        phase="Provisioned" if provisioned and has_endpoint else "Provisioning",
        initialization=known or None,
        controlPlane=counters(parts.masters, wanted) if parts.control_plane.obj else None,
        workers=counters(parts.workers, more),
    )


def tell_deletion(api: Api, found: Object, reason: str, message: str) -> None:
    """Write why a Cluster is not gone yet."""
    told = [
        Told("Deleting", True, reason, message),
        Told("Available", False, "NotAvailable", f"* Deleting: {message}"),
    ]
    tell(api, found, told, phase="Deleting")


def _conditions(found: Object, parts: Parts) -> Iterator[Told]:
    yield _infrastructure_ready(found, parts)
    initialized = _is_initialized(found, parts)
    yield _control_plane_initialized(found, parts, initialized=initialized)
    yield _control_plane_available(found, parts)
    yield _workers_available(parts)
    yield machines_ready("ControlPlaneMachinesReady", parts.masters)
    yield machines_ready("WorkerMachinesReady", parts.workers)
    yield machines_up_to_date("ControlPlaneMachinesUpToDate", parts.masters)
    yield machines_up_to_date("WorkerMachinesUpToDate", parts.workers)
    if initialized:
        yield Told("RemoteConnectionProbe", True, "ProbeSucceeded")
    else:
        words = "Remote connection not established yet"
        yield Told("RemoteConnectionProbe", False, "ProbeFailed", words)
    owners = [*filter(None, [parts.control_plane.obj]), *parts.deployments]
    for kind in ("RollingOut", "ScalingUp", "ScalingDown", "Remediating"):
        yield _aggregated(kind, owners)
    yield Told("Deleting", False, "NotDeleting")
    yield Told("Paused", False, "NotPaused")


def _infrastructure_ready(found: Object, parts: Parts) -> Told:
    kind, part = "InfrastructureReady", parts.infrastructure
    if not part.is_known:
        return Told(kind, None, "InternalError", LOGS)
    if part.obj is None:
        return Told(kind, False, "ObjectDoesNotExist", _absent(found, "infrastructureRef"))
    if not is_provisioned(part.obj):
        words = f"{part.obj['kind']} status.initialization.provisioned is false"
        return Told(kind, False, "NotReady", words)
    return Told(kind, True, "Ready")


def _is_initialized(found: Object, parts: Parts) -> bool:
    """Tell whether the control plane ever answered: that is never taken back."""
    known = dig(found, "status", "initialization", "controlPlaneInitialized")
    return bool(known or is_initialized(parts.control_plane.obj))


def _control_plane_initialized(found: Object, parts: Parts, *, initialized: bool) -> Told:
    kind = "ControlPlaneInitialized"
    if initialized:
        return Told(kind, True, "Initialized")
    if not parts.control_plane.is_known:
        return Told(kind, None, "InternalError", LOGS)
    if parts.control_plane.obj is None:
        return Told(kind, None, "ObjectDoesNotExist", _absent(found, "controlPlaneRef"))
    return Told(kind, False, "NotInitialized", "Control plane not yet initialized")


def _control_plane_available(found: Object, parts: Parts) -> Told:
    kind, part = "ControlPlaneAvailable", parts.control_plane
    if not part.is_known:
        return Told(kind, None, "InternalError", LOGS)
    if part.obj is None:
        return Told(kind, None, "ObjectDoesNotExist", _absent(found, "controlPlaneRef"))
    if is_true(part.obj, "Available"):
        return Told(kind, True, "Available")
    message = condition_of(part.obj, "Available").get("message") or "not yet reported"
    return Told(kind, False, "NotAvailable", f"* {part.obj['kind']}: {message}")


def _absent(found: Object, field: str) -> str:
    ref = found["spec"].get(field)
    return f"{ref['kind']} {ref['name']} does not exist" if ref else f"there is no spec.{field}"


def _workers_available(parts: Parts) -> Told:
    if not parts.deployments:
        return Told("WorkersAvailable", True, "NoWorkers")
    told = {name_of(each): condition_of(each, "Available") for each in parts.deployments}
    missing = [
        f"* MachineDeployment {name}: {condition.get('message') or 'not yet reported'}"
        for name, condition in told.items()
        if condition.get("status") != "True"
    ]
    if missing:
        return Told("WorkersAvailable", False, "NotAvailable", "\n".join(missing))
    return Told("WorkersAvailable", True, "Available")


def _aggregated(kind: str, owners: Sequence[Object]) -> Told:
    """Return a condition that is True if it is of one of the parts."""
    true = [owner for owner in owners if is_true(owner, kind)]
    if not true:
        return Told(kind, False, f"Not{kind}")
    lines = (
        f"* {owner['kind']} {name_of(owner)}: {condition_of(owner, kind).get('message', '')}"
        for owner in true
    )
    return Told(kind, True, kind, "\n".join(lines))


def _available(found: Object, told: Sequence[Told]) -> Told:
    """Return the sum of those conditions that count, and of the gates somebody added."""
    words = {each.kind: (each.word, each.message) for each in told if each.kind in COUNTED}
    for gate in found["spec"].get("availabilityGates") or ():
        condition = condition_of(found, gate["conditionType"])
        status, why = condition.get("status", "Unknown"), condition.get("message", "not reported")
        words[gate["conditionType"]] = status, why
    bad = {kind: word for kind, word in words.items() if word[0] != "True"}
    message = "\n".join(f"* {kind}: {why}" for kind, (_, why) in bad.items())
    if any(status == "False" for status, _ in bad.values()):
        return Told("Available", False, "NotAvailable", message)
    if bad:
        return Told("Available", None, "AvailableUnknown", message)
    return Told("Available", True, "Available")
