"""How objects end: at once, or after a grace period and when all finalizers have let go."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.kubernetes.objects import Object, is_going
from simulator.kubernetes.resources import NAMESPACES, PODS, Resource
from simulator.kubernetes.times import written


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """How something is to be deleted. `uid`, `version`: only if it still is that one."""

    grace_seconds: int | None = None
    uid: str | None = None
    version: str | None = None


def going(resource: Resource, live: Object, how: Deletion, now: datetime) -> Object:
    """Return the object with its deletion begun."""
    grace = _grace_seconds(resource, live, how)
    metadata = live["metadata"]
    if is_going(live) and grace >= metadata.get("deletionGracePeriodSeconds", 0):
        return live
    begun = {**metadata, "deletionTimestamp": written(now + timedelta(seconds=grace))}
    if resource != NAMESPACES:
        begun["deletionGracePeriodSeconds"] = grace
    if "generation" in metadata and not is_going(live):
        begun["generation"] = metadata["generation"] + 1
    result = {**live, "metadata": begun}
    if resource == NAMESPACES:
        result["status"] = {**live["status"], "phase": "Terminating"}
    return result


def is_finished(obj: Object) -> bool:
    """Tell whether nothing holds an object any more whose deletion has begun."""
    metadata = obj["metadata"]
    return (
        is_going(obj)
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (obj["kind"] == "Namespace" and obj["spec"].get("finalizers"))
    )


def _grace_seconds(resource: Resource, live: Object, how: Deletion) -> int:
    """Return how long it may take: only pods that run on a node take time."""
    is_over = live.get("status", {}).get("phase") in ("Succeeded", "Failed")
    if resource != PODS or is_over or not live["spec"].get("nodeName"):
        return 0
    if how.grace_seconds is not None:
        return how.grace_seconds
    return int(live["spec"].get("terminationGracePeriodSeconds", 30))
