"""The life of incidents: opened, worse or better, closed, all with patience, under one id.

Anomalies bring their own persistence, a lost cluster Liqo's; other causes must be seen for some
cycles. Gone is what was not seen for three, so that one odd sample neither opens nor ends anything,
and a cycle that could not see a cause counts for neither. An incident whose subject a wider cause
explains ends with it. How bad an incident was it stays: what a move heals for the users is still
broken, and an alert whose severity sank would be another alert.
"""

from dataclasses import replace
from datetime import datetime
from statistics import median

from services.orient.core.incidents.causes import Cause, find_causes
from services.orient.core.incidents.graph import MOST_SHIFT, touches
from services.orient.core.incidents.suspects import Evidences
from services.orient.core.incidents.watched import Trend, Watched
from services.orient.core.unseen import NOTHING, Unseen
from shared.messages.incident import Incident, IncidentState, Severity, SubjectKind
from shared.model.fleet import Fleet
from shared.model.names import ApplicationName

CLOSE_AFTER_CYCLES = 3
TREND_STEP = 0.3
"""Weight of a cycle in the smoothed strength of an incident: some three cycles."""
WORSE, BETTER = 1.5, 0.67
"""So far the strength moves from where it was last told before it is told again."""
SETTLED_CYCLES = 8
"""Cycles after which one that neither worsens nor eases is just open again."""


def follow_incidents(
    seen: Evidences, watched: tuple[Watched, ...], unseen: Unseen = NOTHING
) -> tuple[tuple[Incident, ...], tuple[Watched, ...]]:
    """Return the incidents to tell, open and just closed, and what to watch from here on."""
    causes = {c.entity: c for c in find_causes(seen)}
    known = {(w.incident.kind, w.incident.subject): w for w in watched}
    told: list[Incident] = []
    kept: list[Watched] = []
    for key in sorted(causes.keys() | known.keys()):
        before, cause = known.get(key), causes.get(key)
        if before and not cause and unseen.hides(before.incident, seen.qualities):
            state = before
        else:
            state = _next(before, cause, seen)
        if state.good_cycles == 0 or (state.is_open and state.good_cycles < CLOSE_AFTER_CYCLES):
            kept.append(state)
        elif state.is_open:
            told.append(replace(state.incident, state=IncidentState.CLOSED))
        if state.is_open and state.good_cycles < CLOSE_AFTER_CYCLES:
            told.append(state.incident)
    return tuple(told), tuple(kept)


def _next(before: Watched | None, cause: Cause | None, seen: Evidences) -> Watched:
    if cause is None:
        assert before is not None
        trend = _followed(before.trend, 0.0)
        return replace(
            before,
            good_cycles=before.good_cycles + 1,
            bad_cycles=0,
            trend=trend,
            incident=replace(before.incident, state=trend.state),
        )
    bad_cycles = (before.bad_cycles if before else 0) + 1
    was_open = before is not None and before.is_open
    trend = _followed(before.trend if before else None, _strength(cause, seen))
    incident = _incident(cause, before.incident.opened_at if before else seen.fleet.at, seen)
    if before is not None and before.incident.severity is Severity.CRITICAL:
        incident = replace(incident, severity=Severity.CRITICAL)
    return Watched(
        incident=replace(incident, state=trend.state),
        bad_cycles=bad_cycles,
        is_open=was_open or bad_cycles >= cause.patience_cycles,
        trend=trend,
    )


def _strength(cause: Cause, seen: Evidences) -> float:
    """Return how far from normal it is: of a group out of budget the excess, in tenths."""
    if cause.anomalies:
        return median(min(abs(a.score), MOST_SHIFT) for a in cause.anomalies)
    over = [
        q.latency_ms / q.budget_ms
        for q in seen.qualities
        if q.latency_ms is not None and touches(cause.entity, q)
    ]
    return max([1.0, *(10.0 * ratio for ratio in over)])


def _followed(trend: Trend | None, strength: float) -> Trend:
    """Follow the smoothed strength, and say so when it has clearly moved from where it was told."""
    if trend is None:
        return Trend(strength=strength, told=strength)
    now = trend.strength + TREND_STEP * (strength - trend.strength)
    if now > WORSE * trend.told:
        return Trend(strength=now, told=now, state=IncidentState.WORSENING)
    if now < BETTER * trend.told:
        return Trend(strength=now, told=now, state=IncidentState.EASING)
    steady = trend.steady_cycles + 1
    state = trend.state if steady < SETTLED_CYCLES else IncidentState.OPEN
    return replace(trend, strength=now, state=state, steady_cycles=steady)


def _incident(cause: Cause, opened_at: datetime, seen: Evidences) -> Incident:
    suffering = [q for q in seen.qualities if q.is_met is not True and touches(cause.entity, q)]
    return Incident(
        id=f"{cause.kind}:{cause.subject}:{opened_at:%Y%m%dT%H%M%SZ}",
        kind=cause.kind,
        subject=cause.subject,
        state=IncidentState.OPEN,
        severity=(
            Severity.CRITICAL if suffering or _was_loaded(cause, seen.fleet) else Severity.WARNING
        ),
        opened_at=opened_at,
        message=cause.message,
        anomalies=cause.anomalies,
        affected=_affected(cause, seen),
        suspects=cause.suspects,
    )


def _was_loaded(cause: Cause, fleet: Fleet) -> bool:
    """Tell whether components stood on a cluster that is lost."""
    is_lost = cause.kind is SubjectKind.CLUSTER
    return is_lost and any(p.cluster == cause.subject for p in fleet.placements)


def _affected(cause: Cause, seen: Evidences) -> tuple[ApplicationName, ...]:
    names = {q.application for q in seen.qualities if touches(cause.entity, q)}
    if cause.kind is SubjectKind.CLUSTER:
        names |= {p.application for p in seen.fleet.placements if p.cluster == cause.subject}
    return tuple(sorted(names))
