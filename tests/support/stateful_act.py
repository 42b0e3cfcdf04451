"""Plays the StatefulSet controller in the cluster in memory, one pod a tick, as Kubernetes does."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from services.act.core.moving.stateful import REVISION
from services.act.core.moving.workloads import is_serving
from services.act.core.objects import Object, Ref, dig, is_going, name_of

Json = dict[str, Any]


def digest_of(template: Mapping[str, Any]) -> str:
    """Return a name for a pod template."""
    text = json.dumps(template, sort_keys=True)
    return f"{sum(map(ord, text)):x}-{len(text)}"


class StatefulSets:
    """Ordered pods, rolling updates from the last on down to the partition, stuck on unready ones.

    Kubernetes, `pkg/controller/statefulset/stateful_set_control.go`.
    """

    def __init__(self) -> None:
        self._templates: dict[str, Json] = {}

    def tick(
        self,
        owner: Json,
        pods: Mapping[int, Json],
        *,
        make: Callable[[Json, int, str, Json], None],
        end: Callable[[Json], None],
    ) -> Json:
        """Do the next thing, and return the status."""
        spec, newest = owner["spec"], digest_of(owner["spec"]["template"])
        self._templates[newest] = deepcopy(spec["template"])
        current = dig(owner, "status", "currentRevision") or newest
        partition = int(dig(spec, "updateStrategy", "rollingUpdate", "partition") or 0)
        replicas = int(spec["replicas"])
        act = self._next(pods, replicas, partition, newest)
        if isinstance(act, int):
            revision = current if act < partition else newest
            make(owner, act, revision, self._templates[revision])
        elif act is not None:
            end(act)
        mine = [p for p in pods.values() if not is_going(p)]
        ready = sum(map(is_serving, mine))
        updated = sum(_revision(p) == newest for p in mine)
        done = updated == ready == len(mine) == replicas
        return {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": updated,
            "currentRevision": newest if done else current,
            "updateRevision": newest,
        }

    def _next(
        self, pods: Mapping[int, Json], replicas: int, partition: int, newest: str
    ) -> int | Json | None:
        """Return the ordinal to make, the pod to end, or nothing."""
        for ordinal in range(replicas):
            if ordinal not in pods:
                return ordinal
            if not is_serving(pods[ordinal]):
                return None
        excess = [n for n in pods if n >= replicas]
        if excess:
            return None if is_going(pods[max(excess)]) else pods[max(excess)]
        for ordinal in sorted((n for n in pods if n >= partition), reverse=True):
            if _revision(pods[ordinal]) != newest:
                return pods[ordinal]
        return None


def pods_of(owner: Object, objects: Mapping[Ref, Json]) -> dict[int, Json]:
    """Return a StatefulSet's pods by ordinal."""
    found = {}
    for ref, pod in objects.items():
        owners = dig(pod, "metadata", "ownerReferences") or ()
        if ref.kind.name == "Pod" and any(o["name"] == name_of(owner) for o in owners):
            found[int(ref.name.rpartition("-")[2])] = pod
    return found


def _revision(pod: Object) -> str:
    return str(dig(pod, "metadata", "labels", REVISION))
