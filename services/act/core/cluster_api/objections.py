"""What speaks against a change of a cluster's size, before anything of it is done."""

from services.act.core.cluster_api.conditions import is_current, is_paused, worst_of
from services.act.core.cluster_api.kinds import FEWEST, MOST
from services.act.core.cluster_api.sizes import holder_of
from services.act.core.cluster_api.workers import Resizing, Workers
from services.act.core.objects import Object, dig, has_condition, is_going, name_of, number

BUSY = {
    "RollingOut": "a rollout of it is under way",
    "ScalingUp": "it is being scaled up already",
    "ScalingDown": "it is being scaled down already",
}


def lasting_objection(action: Resizing, site: Object | None, workers: Workers) -> str:
    """Say why the size may not be changed so, or nothing. It does not go away by itself."""
    name = workers.name
    if is_going(workers.deployment):
        return f"MachineDeployment {name} is being deleted"
    if workers.cluster is None or is_going(workers.cluster):
        named = dig(workers.deployment, "spec", "clusterName") or "(no name)"
        missing = "does not exist" if workers.cluster is None else "is being deleted"
        return f"Cluster {named} of MachineDeployment {name} {missing}"
    if holder := holder_of(workers.seat):
        return f"the size of {name} is kept by {holder}: let it go there, or drop the Site's growth"
    target = workers.seat.replicas + action.nodes - action.nodes_before
    return _beyond_site(action, site) or _beyond_annotations(workers.deployment, target)


def passing_objection(workers: Workers) -> str:
    """Say why the size cannot be changed now, or nothing. It may go away by itself."""
    deployment, name = workers.deployment, workers.name
    for obj in filter(None, (workers.cluster, deployment)):
        if is_paused(obj):
            return f"{name_of(obj)} is paused"
    if not is_current(deployment):
        return f"Cluster API has not seen the newest {name} yet"
    for of, meaning in BUSY.items():
        if has_condition(deployment, of):
            return f"{name}: {meaning}"
    counts = {number(deployment, "status", of) for of in ("replicas", "upToDateReplicas")}
    if counts != {number(deployment, "spec", "replicas")}:
        return f"{name}: not all of its machines are there and up to date"
    if worst := worst_of(workers.machines):
        return f"{name} is not whole: {worst}"
    return ""


def _beyond_site(action: Resizing, site: Object | None) -> str:
    growth = dig(site, "spec", "growth")
    at = (dig(growth, "namespace"), dig(growth, "machineDeployment"))
    if at != (action.namespace, action.machine_deployment):
        made_by = f"{action.namespace}/{action.machine_deployment}"
        return f"Site {action.cluster} does not say that {made_by} makes its nodes"
    least, most = number(growth, "minNodes"), number(growth, "maxNodes")
    if not least <= action.nodes <= most:
        return f"{action.nodes} nodes: Site {action.cluster} allows {least} to {most}"
    return ""


def _beyond_annotations(deployment: Object, target: int) -> str:
    annotations = dig(deployment, "metadata", "annotations") or {}
    least, most = (_whole(annotations.get(key)) for key in (FEWEST, MOST))
    if target < (least or 0) or (most is not None and target > most):
        greatest = "any" if most is None else most
        return f"{target} machines: {name_of(deployment)} allows {least or 0} to {greatest}"
    return ""


def _whole(text: str | None) -> int | None:
    """Return the number an annotation holds; None: it holds none."""
    return int(text) if text and text.isdecimal() else None
