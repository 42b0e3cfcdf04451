"""The life of incidents: opened, kept under one id, closed, all with patience.

A cause must be seen in two cycles before it is an incident, and be gone for three before the
incident ends, so that one odd sample neither opens nor closes anything. A lost cluster is told at
once: Liqo's check has its own persistence. A cycle that could not see a cause counts for neither.
How bad an incident was it stays: what a move heals for the users is still broken, and an alert
whose severity sank would be another alert.
"""

from dataclasses import replace
from datetime import datetime

from services.orient.core.causes import Cause, find_causes, touches
from services.orient.core.memory import Watched
from services.orient.core.unseen import NOTHING, Unseen
from shared.messages.insight import (
    Anomaly,
    Incident,
    IncidentState,
    Quality,
    Severity,
    SubjectKind,
)
from shared.model.fleet import Fleet
from shared.model.names import ApplicationName

OPEN_AFTER_CYCLES = 2
CLOSE_AFTER_CYCLES = 3


def follow_incidents(
    fleet: Fleet,
    anomalies: tuple[Anomaly, ...],
    qualities: tuple[Quality, ...],
    watched: tuple[Watched, ...],
    unseen: Unseen = NOTHING,
) -> tuple[tuple[Incident, ...], tuple[Watched, ...]]:
    """Return the incidents to tell, open and just closed, and what to watch from here on."""
    causes = {(c.kind, c.subject): c for c in find_causes(fleet, anomalies, qualities)}
    known = {(w.incident.kind, w.incident.subject): w for w in watched}
    told: list[Incident] = []
    kept: list[Watched] = []
    for key in sorted(causes.keys() | known.keys()):
        before, cause = known.get(key), causes.get(key)
        if before and not cause and unseen.hides(before.incident, qualities):
            state = before
        else:
            state = _next(before, cause, fleet, qualities)
        if state.good_cycles == 0 or (state.is_open and state.good_cycles < CLOSE_AFTER_CYCLES):
            kept.append(state)
        elif state.is_open:
            told.append(replace(state.incident, state=IncidentState.CLOSED))
        if state.is_open and state.good_cycles < CLOSE_AFTER_CYCLES:
            told.append(state.incident)
    return tuple(told), tuple(kept)


def _next(
    before: Watched | None, cause: Cause | None, fleet: Fleet, qualities: tuple[Quality, ...]
) -> Watched:
    if cause is None:
        assert before is not None
        return replace(before, good_cycles=before.good_cycles + 1, bad_cycles=0)
    bad_cycles = (before.bad_cycles if before else 0) + 1
    was_open = before is not None and before.is_open
    incident = _incident(cause, before.incident.opened_at if before else fleet.at, fleet, qualities)
    if before is not None and before.incident.severity is Severity.CRITICAL:
        incident = replace(incident, severity=Severity.CRITICAL)
    return Watched(
        incident=incident,
        bad_cycles=bad_cycles,
        is_open=was_open or cause.at_once or bad_cycles >= OPEN_AFTER_CYCLES,
    )


def _incident(
    cause: Cause, opened_at: datetime, fleet: Fleet, qualities: tuple[Quality, ...]
) -> Incident:
    suffering = [q for q in qualities if q.is_met is not True and touches(cause, q)]
    is_lost_with_load = cause.at_once and any(p.cluster == cause.subject for p in fleet.placements)
    return Incident(
        id=f"{cause.kind}:{cause.subject}:{opened_at:%Y%m%dT%H%M%SZ}",
        kind=cause.kind,
        subject=cause.subject,
        state=IncidentState.OPEN,
        severity=Severity.CRITICAL if suffering or is_lost_with_load else Severity.WARNING,
        opened_at=opened_at,
        message=cause.message,
        anomalies=cause.anomalies,
        affected=_affected(cause, fleet, qualities),
    )


def _affected(
    cause: Cause, fleet: Fleet, qualities: tuple[Quality, ...]
) -> tuple[ApplicationName, ...]:
    names = {q.application for q in qualities if touches(cause, q)}
    if cause.kind is SubjectKind.CLUSTER:
        names |= {p.application for p in fleet.placements if p.cluster == cause.subject}
    return tuple(sorted(names))
