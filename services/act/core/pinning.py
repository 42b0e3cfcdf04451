"""The writes of a move: where a workload is pinned, with a mark that tells where it was."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.act.core.ledger_json import written
from services.act.core.liqo import Terms, terms_for
from services.act.core.objects import Manner, Object, Ref, Write, dig, version_of
from services.act.core.workloads import is_strategy_safe, kind_of, terms_of
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
    back: bool = False
    """Whether the affinity of `previous` was applied again."""
    strategy: bool = False
    """Whether Act set the rollout strategy, and so has to go on applying it."""


def read_mark(workload: Object) -> Mark | None:
    """Return Act's mark on a workload. One that cannot be read counts as none."""
    text = dig(workload, "metadata", "annotations", MARK)
    try:
        data = json.loads(text or "null")
        return Mark(
            decision=data["decision"],
            component=data["component"],
            source=data["source"],
            target=data["target"],
            previous=data["previous"],
            started_at=datetime.fromisoformat(data["startedAt"]),
            back=data["back"],
            strategy=data["strategy"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def pin(
    move: Move, workload: Object, *, decision: DecisionId, home: ClusterName, now: datetime
) -> Write:
    """Return the write that pins a workload to the target of a move."""
    earlier = read_mark(workload)
    mark = Mark(
        decision=decision,
        component=move.component,
        source=move.source,
        target=move.target,
        previous=terms_of(workload),
        started_at=now,
        strategy=not is_strategy_safe(workload) or bool(earlier and earlier.strategy),
    )
    return _write(move, workload, mark, terms_for(move.target, home=home))


def unpin(move: Move, workload: Object, mark: Mark) -> Write:
    """Return the write that pins a workload as it was before a move."""
    return _write(move, workload, replace(mark, back=True), mark.previous)


def _write(move: Move, workload: Object, mark: Mark, terms: Terms | None) -> Write:
    """Apply every field Act owns on a workload: one left out would be taken away.

    The resource version makes it a precondition that the workload still is as it was judged.
    """
    spec: dict[str, Any] = {}
    if terms:
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec["template"] = {"spec": {"affinity": {"nodeAffinity": required}}}
    if mark.strategy:
        spec["strategy"] = SAFE_STRATEGY
    metadata = {
        "annotations": {MARK: _mark_json(mark)},
        "resourceVersion": version_of(workload),
    }
    namespace = move.application.partition("/")[0]
    return Write(
        ref=Ref(kind=kind_of(move.workload), namespace=namespace, name=move.workload.name),
        manner=Manner.APPLY,
        body={"metadata": metadata, **({"spec": spec} if spec else {})},
        purpose=f"move {move.component} {'back' if mark.back else 'to ' + move.target}",
    )


def _mark_json(mark: Mark) -> str:
    data = {
        "decision": mark.decision,
        "component": mark.component,
        "source": mark.source,
        "target": mark.target,
        "previous": mark.previous,
        "startedAt": written(mark.started_at),
        "back": mark.back,
        "strategy": mark.strategy,
    }
    return json.dumps(data, separators=(",", ":"))
