"""Incidents, and decisions that need a person, as alerts with labels that never vary."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from shared.messages.decision import Decision, Verdict
from shared.messages.incident import Incident, Severity, SubjectKind
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy
from shared.model.names import FleetName
from shared.model.plan import describe

LAST_WORDS = 3
"""How often the end of an alert is posted: an Alertmanager may miss one."""

Labels = tuple[tuple[str, str], ...]
"""Sorted pairs. They are the identity of an alert: no value that varies stands in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, in Alertmanager's words."""

    labels: Labels
    summary: str
    description: str = ""
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An alert that is over, to be posted so a few times more."""

    alert: Alert
    posts_left: int = LAST_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was posted last: what Act remembers of its alerts."""

    firing: tuple[Alert, ...] = ()
    endings: tuple[Ending, ...] = ()


def due_alerts(
    insight: Insight | None,
    outcomes: Iterable[Outcome],
    decisions: Iterable[Decision],
    *,
    now: datetime,
    lifetime: timedelta,
) -> tuple[Alert, ...]:
    """Return all alerts that fire now, sorted by labels. Each ends by itself after `lifetime`.

    `outcomes` and `decisions`: the newest of each application.
    """
    fires_until = now + lifetime
    found = []
    if insight is not None:
        fleet = insight.fleet_name
        found += [
            _of_incident(i, fleet, ends_at=fires_until) for i in insight.incidents if i.is_open
        ]
        keep = insight.policy.approval_lifetime
        found += [
            _of_outcome(o, ends_at=fires_until) for o in outcomes if _is_telling(o, now, keep)
        ]
    found += [_of_advice(d, ends_at=fires_until) for d in decisions if _is_advice(d, now)]
    return tuple(sorted(found, key=lambda alert: alert.labels))


def next_post(
    due: tuple[Alert, ...], closed: tuple[Alert, ...], posted: Posted, *, now: datetime
) -> tuple[tuple[Alert, ...], Posted]:
    """Return what to post, and what to remember: all that fire, and the ends of those that did.

    `closed`: alerts known to be over whether or not they were posted before, as after a restart.
    """
    firing = {alert.labels for alert in due}
    known = {ending.alert.labels: ending for ending in posted.endings}
    for alert in (*posted.firing, *closed):
        known.setdefault(alert.labels, Ending(alert=replace(alert, ends_at=now)))
    over = [
        ending
        for labels, ending in sorted(known.items())
        if labels not in firing and ending.posts_left > 0
    ]
    left = tuple(replace(ending, posts_left=ending.posts_left - 1) for ending in over)
    return (*due, *(e.alert for e in over)), Posted(firing=due, endings=left)


def closed_alerts(insight: Insight | None, *, now: datetime) -> tuple[Alert, ...]:
    """Return the alerts of incidents that the newest insight tells to be over."""
    if insight is None:
        return ()
    return tuple(
        _of_incident(incident, insight.fleet_name, ends_at=now)
        for incident in insight.incidents
        if not incident.is_open
    )


def _of_incident(incident: Incident, fleet: FleetName, *, ends_at: datetime) -> Alert:
    labels = {
        "alertname": _name_of(incident.kind),
        "incident": incident.id,
        "severity": str(incident.severity),
        "fleet": fleet,
        **_subject(incident),
    }
    affected = ", ".join(incident.affected)
    return Alert(
        labels=tuple(sorted(labels.items())),
        summary=incident.message,
        description=f"Affected: {affected}" if affected else "",
        starts_at=incident.opened_at,
        ends_at=ends_at,
    )


def _name_of(kind: SubjectKind) -> str:
    match kind:
        case SubjectKind.LINK:
            return "LinkDegraded"
        case SubjectKind.NODE:
            return "NodeDegraded"
        case SubjectKind.GATEWAY:
            return "GatewayDegraded"
        case SubjectKind.CLUSTER:
            return "ClusterUnreachable"
        case SubjectKind.COMPONENT:
            return "ComponentDegraded"
        case SubjectKind.GROUP:
            return "QualityMissed"
        case _:
            assert_never(kind)


def _subject(incident: Incident) -> dict[str, str]:
    """Return the labels that say what an incident is about, for routes and inhibitions."""
    match incident.kind:
        case SubjectKind.LINK:
            source, _, target = incident.subject.partition(">")
            return {"cluster": source, "peer": target}
        case SubjectKind.NODE:
            cluster, _, node = incident.subject.partition("/")
            return {"cluster": cluster, "node": node}
        case SubjectKind.GATEWAY | SubjectKind.CLUSTER:
            return {"cluster": incident.subject}
        case SubjectKind.COMPONENT:
            application, _, component = incident.subject.rpartition("/")
            return {"application": application, "component": component}
        case SubjectKind.GROUP:
            application, _, group = incident.subject.rpartition("/")
            return {"application": application, "group": group}
        case _:
            assert_never(incident.kind)


_TOLD = {
    Status.WAITING: ("ApprovalNeeded", Severity.WARNING),
    Status.REFUSED: ("PlanRefused", Severity.WARNING),
    Status.EXPIRED: ("PlanExpired", Severity.WARNING),
    Status.REVERTED: ("PlanReverted", Severity.WARNING),
    Status.FAILED: ("PlanFailed", Severity.CRITICAL),
}
_LASTING = (Status.WAITING, Status.FAILED)
"""Told until something else becomes of the application; the others only for a while."""


def _is_telling(outcome: Outcome, now: datetime, keep: timedelta) -> bool:
    if outcome.status not in _TOLD or outcome.dry_run:
        return False
    return outcome.status in _LASTING or now < outcome.at + keep


def _of_outcome(outcome: Outcome, *, ends_at: datetime) -> Alert:
    name, severity = _TOLD[outcome.status]
    plan = ", then ".join(describe(result.action) for result in outcome.actions)
    return Alert(
        labels=_decision_labels(name, outcome.application, severity, outcome.fleet),
        summary=f"{plan}: {outcome.message}" if outcome.message else plan,
        description=f"Decision {outcome.decision}",
        starts_at=outcome.at,
        ends_at=ends_at,
    )


def _is_advice(decision: Decision, now: datetime) -> bool:
    acts = decision.verdict is Verdict.ACT and decision.autonomy is Autonomy.ADVISE
    return acts and now <= decision.deadline_at


def _of_advice(decision: Decision, *, ends_at: datetime) -> Alert:
    plan = ", then ".join(describe(action) for action in decision.plan.actions)
    name, severity = "MoveAdvised", Severity.WARNING
    return Alert(
        labels=_decision_labels(name, decision.application, severity, decision.fleet),
        summary=f"{plan}: {decision.detail}",
        description=f"Decision {decision.id}",
        starts_at=decision.at,
        ends_at=ends_at,
    )


def _decision_labels(name: str, application: str, severity: Severity, fleet: FleetName) -> Labels:
    labels = {
        "alertname": name,
        "application": application,
        "incident": f"decision:{application}",
        "severity": str(severity),
        "fleet": fleet,
    }
    return tuple(sorted(labels.items()))
