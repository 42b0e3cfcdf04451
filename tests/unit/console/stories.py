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
)
from shared.messages.incident import Incident, IncidentState, Severity, SubjectKind
from shared.messages.insight import Hop, HopKind, Insight, Quality
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.names import GroupName
from tests.support.builders import ARENA, FLEET, NOW, a_quality, an_insight, cycle_at, later
from tests.support.objects_act import a_decision, a_move

MOVE = a_move(replicas=2)
STAY = a_move(target="cloud", replicas=2)


def a_told_quality(latency_ms: float | None) -> Quality:
    """Return what the visitors get, with the hops or the reason why it cannot be told."""
    if latency_ms is None:
        return a_quality(None, reason="render has no ready replica")
    hops = (
        Hop(kind=HopKind.ACCESS, name="venue>home", latency_ms=2.0),
        Hop(kind=HopKind.LINK, name="home>metro", latency_ms=7.0),
    )
    return a_quality(latency_ms, hops=hops)


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
    insight = an_insight(qualities=(a_told_quality(latency_ms),), incidents=incidents)
    return replace(insight, at=later(15 * cycle), cycle=cycle_at(later(15 * cycle)))


def a_told_decision(*, at: datetime = NOW) -> Decision:
    """Return the decision to move render home, with all it explains itself by."""
    before = Score(hard=0, unplaced=0, quality=1.6, money=1.4)
    return a_decision(
        MOVE,
        at=at,
        detail="visitors get 24.4 of 15 ms",
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
    decision = a_told_decision()
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
