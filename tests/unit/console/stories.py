"""Messages of a small story: a link degrades, render moves home."""

from dataclasses import replace
from datetime import datetime

from shared.messages.decision import (
    Decision,
    Effect,
    Expectation,
    Reason,
    Rejection,
    Score,
    Term,
    Verdict,
)
from shared.messages.insight import (
    Hop,
    HopKind,
    Incident,
    IncidentState,
    Insight,
    Quality,
    Severity,
    SubjectKind,
)
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.application import Autonomy, WorkloadRef
from shared.model.names import ClusterName, ComponentName, GroupName, decision_id
from shared.model.plan import Move, Plan
from tests.support.builders import ARENA, FLEET, NOW, an_insight, cycle_at, later

MOVE = Move(
    application=ARENA,
    component=ComponentName("render"),
    workload=WorkloadRef(name="render"),
    source=ClusterName("metro"),
    target=ClusterName("home"),
    replicas=2,
)
STAY = replace(MOVE, target=ClusterName("cloud"))


def a_quality(latency_ms: float | None) -> Quality:
    """Return what the visitors get."""
    hops = (
        Hop(kind=HopKind.ACCESS, name="venue>home", latency_ms=2.0),
        Hop(kind=HopKind.LINK, name="home>metro", latency_ms=7.0),
    )
    return Quality(
        application=ARENA,
        group=GroupName("visitors"),
        latency_ms=latency_ms,
        budget_ms=15.0,
        guard_band_ms=1.5,
        hops=hops if latency_ms is not None else (),
        reason="" if latency_ms is not None else "render has no ready replica",
    )


def an_incident(state: IncidentState = IncidentState.OPEN) -> Incident:
    """Return the bad link."""
    return Incident(
        id="link:home>metro:x",
        kind=SubjectKind.LINK,
        subject="home>metro",
        state=state,
        severity=Severity.CRITICAL,
        opened_at=NOW,
        message="the link between home and metro is not normal: latency",
    )


def an_insight_with(latency_ms: float | None, *incidents: Incident, cycle: int = 0) -> Insight:
    """Return the insight of a cycle."""
    insight = an_insight(qualities=(a_quality(latency_ms),), incidents=incidents)
    return replace(insight, at=later(15 * cycle), cycle=cycle_at(later(15 * cycle)))


def a_decision(*, at: datetime = NOW) -> Decision:
    """Return the decision to move render home."""
    cycle = cycle_at(at)
    before = Score(hard=0, unplaced=0, quality=1.6, money=1.4)
    return Decision(
        id=decision_id(cycle, ARENA),
        cycle=cycle,
        fleet=FLEET,
        application=ARENA,
        at=at,
        deadline_at=later(120, at),
        verdict=Verdict.ACT,
        reason=Reason.QUALITY_RESTORED,
        detail="visitors get 24.4 of 15 ms",
        autonomy=Autonomy.AUTO,
        plan=Plan(actions=(MOVE,)),
        score_before=before,
        score_after=replace(before, quality=0.0, money=1.5),
        effects=(
            Effect(
                action=MOVE,
                terms=(Term(name="quality:group:visitors", before=1.6, after=0.0),),
            ),
        ),
        expectations=(
            Expectation(group=GroupName("visitors"), budget_ms=15.0, before_ms=24.4, after_ms=None),
        ),
        rejections=(
            Rejection(candidate=STAY, reason=Reason.OVER_BUDGET, detail="26.0 ms with 13.5"),
        ),
    )


def an_outcome(status: Status, *, serving_at: datetime | None = None, by: str = "") -> Outcome:
    """Return where the decision stands."""
    decision = a_decision()
    return Outcome(
        decision=decision.id,
        cycle=decision.cycle,
        fleet=FLEET,
        application=ARENA,
        at=later(3),
        status=status,
        actions=(ActionResult(action=MOVE, status=status, serving_at=serving_at),),
        by=by,
    )
