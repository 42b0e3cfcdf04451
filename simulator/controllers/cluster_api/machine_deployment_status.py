"""What the status of a MachineDeployment says."""

from collections.abc import Iterator, Sequence

from simulator.controllers.cluster_api.control_plane_status import (
    machines_ready,
    machines_up_to_date,
    scaling,
)
from simulator.controllers.cluster_api.machine_objects import count, versions_of
from simulator.controllers.cluster_api.writing import Told, listed, tell
from simulator.controllers.rollout import Limits
from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, condition_of, is_going
from simulator.kubernetes.selectors import as_text


def tell_deployment(
    api: Api, found: Object, machines: Sequence[Object], limits: Limits, *, missing: Sequence[str]
) -> None:
    """Write the status. `missing`: the kinds of the templates that are not there."""
    wanted = 0 if is_going(found) else limits.replicas
    told = [
        _available(machines, limits),
        machines_ready("MachinesReady", machines),
        machines_up_to_date("MachinesUpToDate", machines),
        _rolling_out(machines),
        *_scaling(len(machines), wanted, missing),
        Told("Remediating", False, "NotRemediating"),
        _deleting(found, machines),
        Told("Paused", False, "NotPaused"),
    ]
    tell(
        api,
        found,
        told,
        replicas=len(machines),
        readyReplicas=count(machines, "Ready"),
        availableReplicas=count(machines, "Available"),
        upToDateReplicas=count(machines, "UpToDate"),
        selector=as_text(found["spec"]["selector"]),
        versions=versions_of(machines),
        phase=_phase(wanted, count(machines, "Ready"), len(machines)),
    )


def _available(machines: Sequence[Object], limits: Limits) -> Told:
    """Return what is False whenever a replica is missing: while scaling up, too."""
    available = count(machines, "Available")
    if available >= limits.least:
        return Told("Available", True, "Available")
    words = f"{available} available replicas, at least {limits.least} required"
    return Told("Available", False, "NotAvailable", words)


def _rolling_out(machines: Sequence[Object]) -> Told:
    outdated = sum(condition_of(m, "UpToDate").get("status") == "False" for m in machines)
    if not outdated:
        return Told("RollingOut", False, "NotRollingOut")
    return Told("RollingOut", True, "RollingOut", f"Rolling out {outdated} not up-to-date replicas")


def _scaling(now: int, wanted: int, missing: Sequence[str]) -> Iterator[Told]:
    """Yield the conditions of size. Machines that are there count, whether ready or not."""
    for each in scaling(now, wanted):
        if missing and each.kind == "ScalingUp" and each.status:
            why = f"{' and '.join(missing)} {'do' if len(missing) > 1 else 'does'} not exist"
            message = f"{each.message} is blocked because {why}"
            yield Told(each.kind, True, each.reason, message)
        else:
            yield each


def _deleting(found: Object, machines: Sequence[Object]) -> Told:
    if is_going(found):
        return Told("Deleting", True, "Deleting", listed("Deleting Machines", machines))
    return Told("Deleting", False, "NotDeleting")


def _phase(wanted: int, ready: int, now: int) -> str:
    if wanted == ready == now:
        return "Running"
    return "ScalingUp" if wanted > ready else "ScalingDown"
