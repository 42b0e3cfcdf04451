"""What Act writes on a workload that it moves: the same after a restart, and for everybody."""

import json
from dataclasses import dataclass
from datetime import datetime

from services.act.core.ledger_json import written
from services.act.core.liqo import Terms
from services.act.core.objects import Object, dig

MARK = "crossloop.dev/move"
"""The annotation that holds it."""


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
    lent: bool = False
    """Whether it is the default of whoever created the Deployment, changed by a plain patch."""
    replicas: int | None = None
    """Of a StatefulSet that gets one pod more for the move: how many it had before."""
    pinned: bool = True
    """Whether the affinity of the target was applied. What has to be safe is made so before."""
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
            lent=data.get("lent", False),
            replicas=data.get("replicas"),
            pinned=data.get("pinned", True),
            frozen=data.get("frozen", False),
            resumed_at=datetime.fromisoformat(resumed_at) if resumed_at else None,
        )
    except (AttributeError, ValueError, KeyError, TypeError):
        return None


def mark_json(mark: Mark) -> str:
    """Return the mark as the annotation holds it."""
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
        "lent": mark.lent,
        "replicas": mark.replicas,
        "pinned": mark.pinned,
        "frozen": mark.frozen,
        "resumedAt": written(mark.resumed_at) if mark.resumed_at else None,
    }
    return json.dumps(data, separators=(",", ":"))
