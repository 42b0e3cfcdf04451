"""Deployments and their pods as pure functions: where they are pinned, how far a rollout is."""

import math

from services.act.core.liqo import Terms
from services.act.core.objects import (
    DEPLOYMENT,
    STATEFUL_SET,
    Kind,
    Object,
    dig,
    has_condition,
    is_going,
    name_of,
    number,
)
from services.act.core.pods import has_ended
from shared.model.application import WorkloadKind, WorkloadRef


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
    """Keep the pods of a StatefulSet, or of a Deployment's ReplicaSets, `<name>-<template hash>`.

    Selectors of two workloads may overlap. What has ended for good is no longer there.
    """
    mine = []
    for pod in pods:
        labels = dig(pod, "metadata", "labels") or {}
        replica_set = f"{name_of(workload)}-{labels.get('pod-template-hash')}"
        controllers = (("ReplicaSet", replica_set), ("StatefulSet", name_of(workload)))
        owners = dig(pod, "metadata", "ownerReferences") or ()
        if not has_ended(pod) and any(
            (o.get("kind"), o.get("name")) in controllers for o in owners
        ):
            mine.append(pod)
    return tuple(mine)


def is_serving(pod: Object) -> bool:
    """Tell whether a pod is Ready and stays."""
    return has_condition(pod, "Ready") and not is_going(pod)


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
    surge = resolved(dig(rolling, "maxSurge"), replicas, up=True)
    unavailable = resolved(dig(rolling, "maxUnavailable"), replicas, up=False)
    return surge >= 1 and unavailable == 0


def resolved(
    value: int | str | None, replicas: int, *, up: bool, default: int | str = "25%"
) -> int:
    """Return a number of pods that may be declared as a share of the replicas."""
    if value is None:
        value = default
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * replicas / 100
    return math.ceil(share) if up else math.floor(share)


def why_bound(workload: Object, pods: tuple[Object, ...]) -> str:
    """Say what pins the pods to where they stand, or nothing."""
    for template in dig(workload, "spec", "volumeClaimTemplates") or ():
        return f"its pods are bound by the volume claim template {name_of(template)}"
    specs = [dig(workload, "spec", "template", "spec"), *(dig(pod, "spec") for pod in pods)]
    for spec in specs:
        for volume in dig(spec, "volumes") or ():
            claim = dig(volume, "persistentVolumeClaim", "claimName")
            if claim:
                return f"its pods are bound by the volume claim {claim}"
    return ""
