"""How the pods of a StatefulSet are exchanged, so that never fewer serve than before.

It has no surge: its controller deletes a pod before it makes the next of that ordinal. So one pod
more is made first, beyond a partition that keeps the others as they are; then they are exchanged
from the last on, each ready before the next goes; then the one too many is taken away.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from services.act.core.live import Live
from services.act.core.objects import POD, Manner, Object, Ref, Write, dig, name_of, number
from services.act.core.objects import version_of as resource_version_of
from services.act.core.ownership import why_not_ours_to_scale, workload_kind
from services.act.core.pinning import Mark, ref_of, write_mark
from services.act.core.steps import Step
from services.act.core.workloads import (
    is_serving,
    is_terminating,
    is_unseen,
    own_pods,
    replicas_of,
    resolved,
)
from shared.model.plan import Move

REVISION = "controller-revision-hash"
"""The label that tells which template a pod was made from."""
Pods = dict[int, Object]
"""By ordinal, counted from the first one."""


def why_not_gentle(workload: Object, live: Live, mark: Mark | None) -> str:
    """Say why the pods of a StatefulSet cannot be exchanged one by one, or nothing."""
    name, strategy = name_of(workload), dig(workload, "spec", "updateStrategy")
    if dig(strategy, "type") == "OnDelete":
        return f"StatefulSet {name} exchanges pods only when a person deletes them (OnDelete)"
    rolling = dig(strategy, "rollingUpdate")
    at_once = resolved(dig(rolling, "maxUnavailable"), replicas_of(workload), up=True, default=1)
    if at_once > 1:
        return f"StatefulSet {name} takes away {at_once} pods at once (maxUnavailable)"
    held = number(rolling, "partition")
    if held and not (mark and mark.partition is not None):
        return f"StatefulSet {name} is held at partition {held} by its owner"
    return why_not_ours_to_scale(workload, live.scalers)


def next_exchange(move: Move, live: Live, workload: Object, mark: Mark) -> Step | None:
    """Return the next step of an exchange; None: wait, or all stands as it is to stand."""
    pods, goal = _pods(workload, live), _goal(move, live, mark)
    before = mark.replicas
    if is_unseen(workload):
        return None
    if mark.back and (stuck := _stuck(workload, pods)):
        return _delete(stuck, f"let {name_of(stuck)} be made anew")
    if before is None or mark.partition is None:
        return None
    standing = [pods.get(n) for n in range(before)]
    if mark.back and all(p and is_serving(p) and goal(p) for p in standing):
        return _scaled_back(move, workload, before)
    if not mark.partition:
        everyone = [pods.get(n) for n in range(replicas_of(workload))]
        done = all(p and is_serving(p) and goal(p) for p in everyone)
        return _scaled_back(move, workload, before) if done else None
    return _next_while_held(move, live, workload, mark)


def _next_while_held(move: Move, live: Live, workload: Object, mark: Mark) -> Step | None:
    """Make one pod more; once all are ready, let the others be exchanged."""
    assert mark.replicas is not None
    pods, goal = _pods(workload, live), _goal(move, live, mark)
    if replicas_of(workload) == mark.replicas:
        more = mark.replicas + 1
        return Step(write=scaled(move, workload, more))
    everyone = [pods.get(n) for n in range(replicas_of(workload))]
    beyond = [pods.get(n) for n in range(mark.partition or 0, replicas_of(workload))]
    if all(p and is_serving(p) for p in everyone) and all(p and goal(p) for p in beyond):
        return Step(write=with_partition(move, live, workload, mark, 0))
    return None


def with_partition(
    move: Move, live: Live, workload: Object, mark: Mark, partition: int, *, frozen: bool = False
) -> Write:
    """Return the write that lets pods from this ordinal on be exchanged."""
    changed = replace(mark, partition=partition, frozen=frozen)
    return write_mark(move, workload, changed, home=live.home)


def frozen_at(move: Move, live: Live, workload: Object, mark: Mark) -> int:
    """Return the partition that lets the pod that is being exchanged end, and no other begin."""
    pods, goal = _pods(workload, live), _goal(move, live, mark)
    asked = replicas_of(workload)
    moved = (n for n in range(asked) if n not in pods or is_terminating(p := pods[n]) or goal(p))
    return next(moved, asked)


def scaled(move: Move, workload: Object, replicas: int) -> Write:
    """Return the write that has a workload run so many pods, if it still is as it was judged."""
    return Write(
        ref=ref_of(move),
        manner=Manner.MERGE,
        subresource="scale",
        body={
            "metadata": {"resourceVersion": resource_version_of(workload)},
            "spec": {"replicas": replicas},
        },
        purpose=f"have {replicas} pods of {move.component} while it moves",
    )


def given_up(pods: Iterable[Object], live: Live) -> Step | None:
    """Return the step that gives up a pod of a lost cluster, though it may still run there.

    The pod of the same name of a StatefulSet is made only once that one is gone from the API.
    """
    for pod in pods:
        cluster = live.cluster_of(pod)
        if cluster is not None and live.why_lost(cluster):
            purpose = f"give up {name_of(pod)} on {cluster}, which is lost"
            return _delete(pod, purpose, at_once=True)
    return None


def _scaled_back(move: Move, workload: Object, before: int) -> Step | None:
    """Take the one pod too many away. Another number is somebody else's wish, and stays."""
    if replicas_of(workload) != before + 1:
        return None
    return Step(write=scaled(move, workload, before))


def _stuck(workload: Object, pods: Pods) -> Object | None:
    """Return a pod of another template that is not ready: its controller waits for it for ever.

    Kubernetes, "StatefulSets", Forced rollback.
    """
    newest = dig(workload, "status", "updateRevision")
    for _, pod in sorted(pods.items()):
        stale = dig(pod, "metadata", "labels", REVISION) != newest
        if stale and not is_serving(pod) and not is_terminating(pod):
            return pod
    return None


def _goal(move: Move, live: Live, mark: Mark) -> Callable[[Object], bool]:
    """Return what tells whether a pod stands where it is to stand; on the way back, not there."""

    def is_there(pod: Object) -> bool:
        cluster = live.cluster_of(pod)
        there = cluster == move.target and live.is_in_pool(pod, move.pool)
        return cluster is not None and there is not mark.back

    return is_there


def _pods(workload: Object, live: Live) -> Pods:
    start = number(workload, "spec", "ordinals", "start")
    pods = own_pods(workload, live.pods)
    return {int(name_of(pod).rpartition("-")[2]) - start: pod for pod in pods}


def _delete(pod: Object, purpose: str, *, at_once: bool = False) -> Step:
    """Return the step that deletes this very pod, and not its successor."""
    grace = {"gracePeriodSeconds": 0} if at_once else {}
    namespace = str(dig(pod, "metadata", "namespace") or "")
    return Step(
        write=Write(
            ref=Ref(kind=POD, namespace=namespace, name=name_of(pod)),
            manner=Manner.DELETE,
            body={"preconditions": {"uid": dig(pod, "metadata", "uid")}, **grace},
            purpose=purpose,
        )
    )


def is_set(workload: Object) -> bool:
    """Tell whether a workload is a StatefulSet."""
    return workload_kind(workload) == "StatefulSet"
