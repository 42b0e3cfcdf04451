"""Deployments and their pods as pure functions: where they are pinned, how far a rollout is."""

import math
from datetime import datetime, timedelta

from services.act.core.liqo import Terms
from services.act.core.objects import (
    DEPLOYMENT,
    STATEFUL_SET,
    Kind,
    Object,
    condition,
    dig,
    has_condition,
    name_of,
    number,
)
from shared.model.application import WorkloadKind, WorkloadRef

ACCEPTANCE = timedelta(seconds=10)
"""A provider that took a pod says so, by its host's address, well within this time."""


def kind_of(workload: WorkloadRef) -> Kind:
    """Return the kind of object a component runs as."""
    return DEPLOYMENT if workload.kind is WorkloadKind.DEPLOYMENT else STATEFUL_SET


def replicas_of(workload: Object) -> int:
    """Return the replicas asked for; the API's default is one."""
    asked = dig(workload, "spec", "replicas")
    return 1 if asked is None else int(asked)


def terms_of(workload: Object) -> Terms | None:
    """Return the required node affinity of the pod template, or None."""
    affinity = dig(workload, "spec", "template", "spec", "affinity", "nodeAffinity")
    terms = dig(affinity, "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    return list(terms) if terms else None


def selector_of(workload: Object) -> str:
    """Return the workload's pod selector as a query; only `matchLabels` narrow it here."""
    labels = dig(workload, "spec", "selector", "matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def own_pods(workload: Object, pods: tuple[Object, ...]) -> tuple[Object, ...]:
    """Keep the pods of the workload's own ReplicaSets, named `<workload>-<hash of template>`.

    Selectors of two workloads may overlap. What has ended for good is no longer there.
    """
    mine = []
    for pod in pods:
        labels = dig(pod, "metadata", "labels") or {}
        replica_set = f"{name_of(workload)}-{labels.get('pod-template-hash')}"
        owners = dig(pod, "metadata", "ownerReferences") or ()
        ended = dig(pod, "status", "phase") in ("Failed", "Succeeded")
        if not ended and any(owner.get("name") == replica_set for owner in owners):
            mine.append(pod)
    return tuple(mine)


def is_terminating(pod: Object) -> bool:
    """Tell whether a pod is on its way out."""
    return bool(dig(pod, "metadata", "deletionTimestamp"))


def is_serving(pod: Object) -> bool:
    """Tell whether a pod is Ready and stays."""
    return has_condition(pod, "Ready") and not is_terminating(pod)


def is_rolled_out(workload: Object) -> bool:
    """Tell whether the controller says that all replicas are the newest and available.

    Its counts leave out Terminating pods, and go on counting pods of a lost provider as ready.
    """
    replicas, status = replicas_of(workload), dig(workload, "status")
    if is_unseen(workload):
        return False
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return all(number(status, name) == replicas for name in names)


def is_unseen(workload: Object) -> bool:
    """Tell whether the controller has yet to see the newest version of the workload."""
    seen = number(workload, "status", "observedGeneration")
    return seen < number(workload, "metadata", "generation")


def is_strategy_safe(deployment: Object) -> bool:
    """Tell whether a rollout makes new pods before it takes old ones, with these replicas.

    As Kubernetes counts: percentages of surge are rounded up, of unavailability down.
    """
    if dig(deployment, "spec", "strategy", "type") == "Recreate":
        return False
    replicas = replicas_of(deployment)
    rolling = dig(deployment, "spec", "strategy", "rollingUpdate")
    surge = _resolved(dig(rolling, "maxSurge"), replicas, up=True)
    unavailable = _resolved(dig(rolling, "maxUnavailable"), replicas, up=False)
    return surge >= 1 and unavailable == 0


def _resolved(value: int | str | None, replicas: int, *, up: bool) -> int:
    if value is None:
        value = "25%"
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * replicas / 100
    return math.ceil(share) if up else math.floor(share)


def why_bound(workload: Object, pods: tuple[Object, ...]) -> str:
    """Say what pins the pods to where they stand, or nothing."""
    specs = [dig(workload, "spec", "template", "spec"), *(dig(pod, "spec") for pod in pods)]
    for spec in specs:
        for volume in dig(spec, "volumes") or ():
            claim = dig(volume, "persistentVolumeClaim", "claimName")
            if claim:
                return f"its pods are bound by the volume claim {claim}"
    return ""


def why_hanging(pod: Object, now: datetime) -> str:
    """Say why a pod bound to a virtual node will not start there, or nothing.

    Liqo copies the verdict of the provider's scheduler; a provider that turned the pod down gives
    it no host address; a namespace not offloaded there has a reason of its own.
    """
    if not dig(pod, "spec", "nodeName") or dig(pod, "status", "phase") != "Pending":
        return ""
    name, scheduled = name_of(pod), condition(pod, "PodScheduled", "status", "conditions")
    reasons = (dig(pod, "status", "reason"), scheduled.get("reason"))
    if "OffloadingBackOff" in reasons:
        return f"{name} hangs: its namespace is not offloaded there"
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return f"{name} finds no room there: {scheduled.get('message', 'unschedulable')}"
    bound = scheduled.get("lastTransitionTime") or dig(pod, "metadata", "creationTimestamp")
    if dig(pod, "status", "hostIP") or not bound:
        return ""
    if now - datetime.fromisoformat(bound) > ACCEPTANCE:
        return f"{name} was not accepted by the provider"
    return ""
