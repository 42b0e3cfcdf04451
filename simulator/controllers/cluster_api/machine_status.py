"""What the status of a Machine says at each stage of its life."""

from collections.abc import Iterator
from enum import IntEnum

from simulator.controllers.cluster_api.writing import Told, tell
from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, condition_of, dig, is_true, name_of

NO_ROOM_MESSAGE = (
    "* InstanceReady: the provider has no room: No valid host was found. "
    "There are not enough hosts available."
)


class Stage(IntEnum):
    """How far a Machine is; each comes after the one before."""

    PENDING = 0
    BOOTSTRAPPED = 1
    PROVISIONED = 2
    REGISTERED = 3
    READY = 4


_PHASES = {
    Stage.PENDING: "Pending",
    Stage.BOOTSTRAPPED: "Provisioning",
    Stage.PROVISIONED: "Provisioned",
    Stage.REGISTERED: "Running",
    Stage.READY: "Running",
}


def stage_of(machine: Object) -> Stage:
    """Return how far a Machine is, by its status."""
    status = machine.get("status") or {}
    if is_true(machine, "NodeReady"):
        return Stage.READY
    if "nodeRef" in status:
        return Stage.REGISTERED
    if dig(status, "initialization", "infrastructureProvisioned"):
        return Stage.PROVISIONED
    if dig(status, "initialization", "bootstrapDataSecretCreated"):
        return Stage.BOOTSTRAPPED
    return Stage.PENDING


def tell_stage(api: Api, machine: Object, stage: Stage, *, crowded: bool) -> Object:
    """Write how far a Machine is. `crowded`: its provider has no room for it."""
    told = [*_parts(machine, stage, crowded=crowded), *_whole(stage)]
    if not condition_of(machine, "UpToDate"):
        told.append(Told("UpToDate", True, "UpToDate"))
    initialization = {
        "bootstrapDataSecretCreated": stage >= Stage.BOOTSTRAPPED or None,
        "infrastructureProvisioned": stage >= Stage.PROVISIONED or None,
    }
    known = {name: value for name, value in initialization.items() if value}
    return tell(
        api,
        machine,
        told,
        phase=_PHASES[stage],
        lastUpdated=_last_updated(api, machine, _PHASES[stage]),
        initialization=known or None,
        nodeRef={"name": name_of(machine)} if stage >= Stage.REGISTERED else None,
    )


def tell_end(api: Api, machine: Object, reason: str, message: str, since: str = "") -> Object:
    """Write why a Machine is not gone yet. `since`: the field that says since when it waits."""
    told = [
        Told("Deleting", True, reason, message),
        Told("Ready", False, "NotReady", f"* Deleting: {message}"),
        Told("Available", False, "NotReady", "Machine is not ready"),
    ]
    deletion = {**(dig(machine, "status", "deletion") or {})}
    if since:
        deletion.setdefault(since, api.now())
    last = _last_updated(api, machine, "Deleting")
    return tell(api, machine, told, phase="Deleting", lastUpdated=last, deletion=deletion or None)


def _parts(machine: Object, stage: Stage, *, crowded: bool) -> Iterator[Told]:
    config = dig(machine, "spec", "bootstrap", "configRef", "kind")
    infrastructure = machine["spec"]["infrastructureRef"]["kind"]
    if stage >= Stage.BOOTSTRAPPED:
        yield Told("BootstrapConfigReady", True, "Ready")
    else:
        waiting = f"{config} status.initialization.dataSecretCreated is false"
        yield Told("BootstrapConfigReady", False, "NotReady", waiting)
    if stage >= Stage.PROVISIONED:
        yield Told("InfrastructureReady", True, "Ready")
    elif crowded:
        yield Told("InfrastructureReady", False, "InstanceCreateFailed", NO_ROOM_MESSAGE)
    else:
        waiting = f"{infrastructure} status.initialization.provisioned is false"
        yield Told("InfrastructureReady", False, "NotReady", waiting)
    yield from _of_node(infrastructure, stage)


def _of_node(infrastructure: str, stage: Stage) -> Iterator[Told]:
    if stage >= Stage.READY:
        yield Told("NodeReady", True, "NodeReady")
        yield Told("NodeHealthy", True, "NodeHealthy")
    elif stage == Stage.REGISTERED:
        message = "* Node.Ready: container runtime network not ready"
        yield Told("NodeReady", False, "NodeNotReady", message)
        yield Told("NodeHealthy", False, "NodeNotHealthy", message)
    else:
        message = f"Waiting for {infrastructure} to report spec.providerID"
        yield Told("NodeReady", None, "NodeInspectionFailed", message)
        yield Told("NodeHealthy", None, "NodeInspectionFailed", message)


def _whole(stage: Stage) -> Iterator[Told]:
    ready = stage == Stage.READY
    missing = {
        Stage.PENDING: "BootstrapConfigReady",
        Stage.BOOTSTRAPPED: "InfrastructureReady",
    }.get(stage, "NodeHealthy")
    if ready:
        yield Told("Ready", True, "Ready")
        yield Told("Available", True, "Available")
    else:
        yield Told("Ready", False, "NotReady", f"* {missing}: not yet")
        yield Told("Available", False, "NotReady", "Machine is not ready")
    yield Told("Updating", False, "NotUpdating")
    yield Told("Deleting", False, "NotDeleting")
    yield Told("Paused", False, "NotPaused")


def _last_updated(api: Api, machine: Object, phase: str) -> str:
    same = dig(machine, "status", "phase") == phase
    return str(machine["status"]["lastUpdated"]) if same else api.now()
