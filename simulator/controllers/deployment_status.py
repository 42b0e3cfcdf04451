"""What a Deployment says of itself: counts, conditions, and whether it makes progress."""

from collections.abc import Sequence
from typing import Any

from simulator.controllers.loop import Time
from simulator.controllers.rollout import Limits
from simulator.controllers.writing import with_condition
from simulator.kubernetes.objects import Object, condition_of, name_of, uid_of


class Progress:
    """Remembers since when the counts of each Deployment stand still."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._since: dict[str, tuple[Any, float]] = {}

    def judge(
        self, deployment: Object, new: Object | None, sets: Sequence[Object]
    ) -> tuple[bool, float | None]:
        """Tell whether a rollout is past its deadline, else after how many seconds it will be."""
        uid, now = uid_of(deployment), self._time.seconds()
        counts = _counts(new, sets)
        mark = (new and name_of(new), deployment["spec"]["replicas"], counts)
        if uid not in self._since or self._since[uid][0] != mark:
            self._since[uid] = mark, now
        if _is_complete(deployment, counts):
            return False, None
        left = self._since[uid][1] + deployment["spec"]["progressDeadlineSeconds"] - now
        return (True, None) if left <= 0 else (False, left)


def status_of(
    deployment: Object,
    new: Object | None,
    sets: Sequence[Object],
    limits: Limits,
    *,
    at: str,
    late: bool,
) -> Object:
    """Return the status. `new`: the ReplicaSet of the present template; `late`: it is overdue."""
    counts = _counts(new, sets)
    wanted = sum(int(rs["spec"]["replicas"]) for rs in sets)
    counts["unavailableReplicas"] = max(0, wanted - counts["availableReplicas"])
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: value for name, value in counts.items() if value}
    status["terminatingReplicas"] = _total(sets, "terminatingReplicas")
    for condition in (_available(counts, limits), _progressing(deployment, new, counts, late)):
        told = {**deployment, "status": {**(deployment.get("status") or {}), **status}}
        status["conditions"] = with_condition(told, condition, at)
    return status


def _total(sets: Sequence[Object], name: str) -> int:
    return sum(int((rs.get("status") or {}).get(name, 0)) for rs in sets)


def _counts(new: Object | None, sets: Sequence[Object]) -> dict[str, int]:
    return {
        "replicas": _total(sets, "replicas"),
        "updatedReplicas": int(((new or {}).get("status") or {}).get("replicas", 0)),
        "readyReplicas": _total(sets, "readyReplicas"),
        "availableReplicas": _total(sets, "availableReplicas"),
    }


def _is_complete(deployment: Object, counts: dict[str, int]) -> bool:
    wanted = deployment["spec"]["replicas"]
    return all(counts[n] == wanted for n in ("replicas", "updatedReplicas", "availableReplicas"))


def _available(counts: dict[str, int], limits: Limits) -> Object:
    if counts["availableReplicas"] >= limits.least:
        words = "True", "MinimumReplicasAvailable", "Deployment has minimum availability."
    else:
        words = (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    return _condition("Available", *words)


def _progressing(
    deployment: Object,
    new: Object | None,
    counts: dict[str, int],
    late: bool,  # noqa: FBT001
) -> Object:
    if new is None:
        return condition_of(deployment, "Progressing") or _condition(
            "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"
        )
    named = f'ReplicaSet "{name_of(new)}"'
    if _is_complete(deployment, counts):
        words = "True", "NewReplicaSetAvailable", f"{named} has successfully progressed."
    elif late:
        words = "False", "ProgressDeadlineExceeded", f"{named} has timed out progressing."
    else:
        words = "True", "ReplicaSetUpdated", f"{named} is progressing."
    return _condition("Progressing", *words)


def _condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}
