"""The writes of a move: where a workload is pinned, with a mark that tells where it was."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.act.core.ledger_json import written
from services.act.core.liqo import Terms, terms_for
from services.act.core.objects import Manner, Object, Ref, Write, dig, version_of
from services.act.core.workloads import is_strategy_safe, kind_of, replicas_of, terms_of
from shared.model.application import WorkloadKind
from shared.model.names import ClusterName, DecisionId
from shared.model.plan import Move

MARK = "crossloop.dev/move"
SAFE_STRATEGY = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What Act writes on a workload beside its affinity: one write is effect and record."""

    decision: str
    component: str
    source: str
    target: str
    previous: Terms | None
    """The affinity terms before the move."""
    started_at: datetime
    pool: str = ""
    back: bool = False
    """Whether the affinity of `previous` was applied again."""
    strategy: bool = False
    """Whether Act set the rollout strategy of a Deployment, and so has to go on applying it."""
    replicas: int | None = None
    """Of a StatefulSet that gets one pod more for the move: how many it had before."""
    pinned: bool = True
    """Whether the affinity of the target was applied. A StatefulSet is held in place before."""
    frozen: bool = False
    """Whether Act stopped the rollout where it was, since the loop is paused."""
    resumed_at: datetime | None = None
    """When a rollout stopped went on: the time it may take counts from then."""

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing that was set for the move alone stands any more."""
        return not (self.strategy or self.frozen)

    def clock(self, since: datetime) -> datetime:
        """Return from when on time counts for what is under way since then."""
        return max(since, self.resumed_at or since)


def read_mark(workload: Object) -> Mark | None:
    """Return Act's mark on a workload. One that cannot be read counts as none."""
    text = dig(workload, "metadata", "annotations", MARK)
    try:
        data = json.loads(text or "null")
        resumed_at = data.get("resumedAt")
        return Mark(
            decision=data["decision"],
            component=data["component"],
            source=data["source"],
            target=data["target"],
            previous=data["previous"],
            started_at=datetime.fromisoformat(data["startedAt"]),
            pool=data.get("pool", ""),
            back=data["back"],
            strategy=data["strategy"],
            replicas=data.get("replicas"),
            pinned=data.get("pinned", True),
            frozen=data.get("frozen", False),
            resumed_at=datetime.fromisoformat(resumed_at) if resumed_at else None,
        )
    except (AttributeError, ValueError, KeyError, TypeError):
        return None


def pin(
    move: Move, workload: Object, *, decision: DecisionId, home: ClusterName, now: datetime
) -> Write:
    """Return the write that pins a Deployment to the target of a move."""
    earlier = read_mark(workload)
    mark = _new_mark(move, workload, decision, now)
    unsafe = not is_strategy_safe(workload) or bool(earlier and earlier.strategy)
    return write_mark(move, workload, replace(mark, strategy=unsafe), home=home)


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
    if move.workload.kind is WorkloadKind.DEPLOYMENT:
        back = replace(back, strategy=mark.strategy or not is_strategy_safe(workload))
    return write_mark(move, workload, back, home=home)


def settle(move: Move, workload: Object, mark: Mark, *, home: ClusterName) -> Write:
    """Return the write that gives back what was set for the move alone; pods stay as they are."""
    settled = replace(mark, strategy=False, frozen=False)
    return write_mark(move, workload, settled, home=home)


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
        "annotations": {MARK: _mark_json(mark)},
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
    return f"move {move.component} {'back' if mark.back else 'to ' + move.target}"


def _mark_json(mark: Mark) -> str:
    data = {
        "decision": mark.decision,
        "component": mark.component,
        "source": mark.source,
        "target": mark.target,
        "pool": mark.pool,
        "previous": mark.previous,
        "startedAt": written(mark.started_at),
        "back": mark.back,
        "strategy": mark.strategy,
        "replicas": mark.replicas,
        "pinned": mark.pinned,
        "frozen": mark.frozen,
        "resumedAt": written(mark.resumed_at) if mark.resumed_at else None,
    }
    return json.dumps(data, separators=(",", ":"))
