"""The writes of a move: where a workload is pinned, with a mark that tells where it was."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.act.core.liqo import terms_for
from services.act.core.moving.marks import MARK, Mark, mark_json, read_mark
from services.act.core.moving.workloads import is_strategy_safe, kind_of, replicas_of, terms_of
from services.act.core.objects import Manner, Object, Ref, Write, version_of
from shared.model.application import WorkloadKind
from shared.model.names import ClusterName, DecisionId
from shared.model.plan import Move

SAFE_STRATEGY = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def pin(
    move: Move,
    workload: Object,
    *,
    decision: DecisionId,
    home: ClusterName,
    now: datetime,
    lent: bool = False,
) -> Write:
    """Return the write that pins a Deployment to the target of a move.

    `lent`: its strategy is to be borrowed first, so it is only marked yet.
    """
    earlier = read_mark(workload)
    mark = _new_mark(move, workload, decision, now)
    if lent or (earlier and earlier.lent):
        return write_mark(move, workload, replace(mark, lent=True, pinned=False), home=home)
    unsafe = not is_strategy_safe(workload) or bool(earlier and earlier.strategy)
    return write_mark(move, workload, replace(mark, strategy=unsafe), home=home)


def pin_marked(move: Move, workload: Object, mark: Mark, *, home: ClusterName) -> Write:
    """Return the write that pins a workload that was marked and made safe."""
    return write_mark(move, workload, replace(mark, pinned=True), home=home)


def pin_set(
    move: Move,
    workload: Object,
    *,
    decision: DecisionId,
    home: ClusterName,
    now: datetime,
    gently: bool,
) -> Write:
    """Return the write that pins a StatefulSet to the target of a move.

    `gently`: it is only marked yet, with how many pods it has; before its template changes, it is
    held in place. Else, what it has is lost, and all are exchanged at once.
    """
    mark = _new_mark(move, workload, decision, now)
    if gently:
        mark = replace(mark, replicas=replicas_of(workload), pinned=False)
    return write_mark(move, workload, mark, home=home)


def _new_mark(move: Move, workload: Object, decision: DecisionId, now: datetime) -> Mark:
    return Mark(
        decision=decision,
        component=move.component,
        source=move.source,
        target=move.target,
        pool=move.pool,
        previous=terms_of(workload),
        started_at=now,
    )


def unpin(move: Move, workload: Object, mark: Mark, *, home: ClusterName) -> Write:
    """Return the write that pins a workload as it was before a move."""
    back = replace(mark, back=True, frozen=False)
    if move.workload.kind is WorkloadKind.DEPLOYMENT and not mark.lent:
        back = replace(back, strategy=mark.strategy or not is_strategy_safe(workload))
    return write_mark(move, workload, back, home=home)


def settle(move: Move, workload: Object, mark: Mark, *, home: ClusterName) -> Write:
    """Return the write that gives back what was set for the move alone; pods stay as they are."""
    settled = replace(mark, strategy=False, frozen=False)
    write = write_mark(move, workload, settled, home=home)
    return replace(write, purpose=f"give back the strategy of {move.component}")


def write_mark(move: Move, workload: Object, mark: Mark, *, home: ClusterName) -> Write:
    """Apply every field Act owns on a workload: one left out would be taken away.

    The resource version makes it a precondition that the workload still is as it was judged.
    """
    there = mark.pinned and not mark.back
    terms = terms_for(move.target, home=home, pool=move.pool) if there else mark.previous
    spec: dict[str, Any] = {}
    if terms:
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec["template"] = {"spec": {"affinity": {"nodeAffinity": required}}}
    if mark.strategy:
        spec["strategy"] = SAFE_STRATEGY
    if mark.frozen and move.workload.kind is WorkloadKind.DEPLOYMENT:
        spec["paused"] = True
    metadata = {
        "annotations": {MARK: mark_json(mark)},
        "resourceVersion": version_of(workload),
    }
    return Write(
        ref=ref_of(move),
        manner=Manner.APPLY,
        body={"metadata": metadata, **({"spec": spec} if spec else {})},
        purpose=_purpose(move, mark),
    )


def ref_of(move: Move) -> Ref:
    """Return the address of the workload that moves."""
    namespace = move.application.partition("/")[0]
    return Ref(kind=kind_of(move.workload), namespace=namespace, name=move.workload.name)


def _purpose(move: Move, mark: Mark) -> str:
    if mark.frozen:
        return f"stop the rollout of {move.component} where it is"
    if not mark.pinned and not mark.back:
        return f"mark {move.component} before it moves"
    return f"move {move.component} {'back' if mark.back else 'to ' + move.target}"
