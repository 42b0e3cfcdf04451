"""What fires now: incidents, and whatever of Act's own work a person should hear of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.act.core.admission import site_of_decision
from services.act.core.permitting.needs import Need
from services.act.core.telling.alerts import INFO, Alert, Labels, labels_of
from services.act.core.telling.double_runs import DoubleRun, alerts_of_double_runs
from services.act.core.telling.incident_alerts import NAMES as INCIDENTS
from services.act.core.telling.incident_alerts import open_incidents
from shared.messages.control import Control
from shared.messages.decision import Decision, Verdict
from shared.messages.incident import Severity
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ApplicationName, ClusterName, FleetName
from shared.model.plan import Move, describe

UNDER_WAY = (Status.PENDING, Status.RUNNING)
TOLD = {
    Status.WAITING: ("ApprovalNeeded", Severity.WARNING),
    Status.REFUSED: ("PlanRefused", Severity.WARNING),
    Status.EXPIRED: ("PlanExpired", Severity.WARNING),
    Status.REVERTED: ("PlanReverted", Severity.WARNING),
    Status.FAILED: ("PlanFailed", Severity.CRITICAL),
}
LASTING = (Status.WAITING, Status.FAILED)
"""Told until something else becomes of the application; the others only for a while."""
MOVING, MOVE_ADVISED, CAPACITY_ADVISED = "MoveUnderWay", "MoveAdvised", "CapacityAdvised"
PAUSED, LACKING, DOUBLE_RUN = "LoopPaused", "PermissionMissing", "DoubleRun"
NAMES = frozenset(
    (
        *INCIDENTS.values(),
        *(name for name, _ in TOLD.values()),
        *(MOVING, MOVE_ADVISED, CAPACITY_ADVISED, PAUSED, LACKING, DOUBLE_RUN),
    )
)
"""All that Act's alerts are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known that can be worth an alert, in one fleet."""

    fleet: FleetName
    insight: Insight | None = None
    control: Control | None = None
    outcomes: tuple[Outcome, ...] = ()
    """The newest of each application; those of the fleet itself of each Site."""
    decisions: tuple[Decision, ...] = ()
    """The newest of each application."""
    double_runs: tuple[DoubleRun, ...] = ()
    lacking: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    """What Act was not granted, by what it is needed for."""


def due_alerts(known: Known, *, now: datetime, lifetime: timedelta) -> tuple[Alert, ...]:
    """Return all alerts that fire now, sorted by labels. Each ends by itself after `lifetime`."""
    ends_at, insight = now + lifetime, known.insight
    found = [
        *(_of_advice(d, ends_at) for d in known.decisions if _is_advice(d, now)),
        *alerts_of_double_runs(known.double_runs, known.fleet, ends_at=ends_at),
        *(_of_lacks(p, lacks, known.fleet, now, ends_at) for p, lacks in known.lacking.items()),
        *(_of_move(outcome, ends_at) for outcome in known.outcomes if _is_moving(outcome)),
    ]
    if known.control is not None and known.control.paused:
        found.append(_of_pause(known.control, ends_at))
    if insight is not None:
        found += open_incidents(insight, ends_at=ends_at)
        found += _of_outcomes(known.outcomes, insight.policy.approval_lifetime, now, ends_at)
    return tuple(sorted(found, key=lambda alert: alert.labels))


def is_by_act(alert: Alert) -> bool:
    """Tell whether an alert is one of Act's: others carry a fleet's label too."""
    return dict(alert.labels).get("alertname") in NAMES


def _of_outcomes(
    outcomes: Iterable[Outcome], keep: timedelta, now: datetime, ends_at: datetime
) -> Iterable[Alert]:
    """Yield an alert for each outcome that a person should know of."""
    for outcome in outcomes:
        if outcome.status not in TOLD or outcome.dry_run:
            continue
        if outcome.status in LASTING or now < outcome.at + keep:
            yield _of_outcome(outcome, ends_at)


def _of_outcome(outcome: Outcome, ends_at: datetime) -> Alert:
    name, severity = TOLD[outcome.status]
    plan = ", then ".join(describe(result.action) for result in outcome.actions)
    return Alert(
        labels=_labels(name, severity, outcome.fleet, outcome.application, outcome.site),
        summary=f"{plan}: {outcome.message}" if outcome.message else plan,
        description=f"Decision {outcome.decision}",
        starts_at=outcome.at,
        ends_at=ends_at,
    )


def _is_moving(outcome: Outcome) -> bool:
    moves = any(isinstance(result.action, Move) for result in outcome.actions)
    return moves and outcome.status in UNDER_WAY and not outcome.dry_run


def _of_move(outcome: Outcome, ends_at: datetime) -> Alert:
    """Return the alert of a plan under way: nobody has to do anything, but it explains much."""
    starts = [result.started_at for result in outcome.actions if result.started_at]
    return Alert(
        labels=_labels(MOVING, INFO, outcome.fleet, outcome.application, outcome.site),
        summary=", then ".join(describe(result.action) for result in outcome.actions),
        description=f"Decision {outcome.decision}",
        starts_at=min(starts, default=outcome.at),
        ends_at=ends_at,
    )


def _is_advice(decision: Decision, now: datetime) -> bool:
    acts = decision.verdict is Verdict.ACT and decision.autonomy is Autonomy.ADVISE
    return acts and now <= decision.deadline_at


def _of_advice(decision: Decision, ends_at: datetime) -> Alert:
    plan = ", then ".join(describe(action) for action in decision.plan.actions)
    application, site = decision.application, site_of_decision(decision)
    name = CAPACITY_ADVISED if application == CAPACITY else MOVE_ADVISED
    return Alert(
        labels=_labels(name, Severity.WARNING, decision.fleet, application, site),
        summary=f"{plan}: {decision.detail}",
        description=f"Decision {decision.id}",
        starts_at=decision.at,
        ends_at=ends_at,
    )


def _of_pause(control: Control, ends_at: datetime) -> Alert:
    by = control.by or "somebody"
    return Alert(
        labels=labels_of(alertname=PAUSED, incident="pause", severity=INFO, fleet=control.fleet),
        summary=f"The loop is paused by {by}: {control.reason}".removesuffix(": "),
        description="Nothing is begun until somebody runs `crossloop resume`.",
        starts_at=control.at,
        ends_at=ends_at,
    )


def _of_lacks(
    purpose: str, lacks: tuple[Need, ...], fleet: FleetName, now: datetime, ends_at: datetime
) -> Alert:
    return Alert(
        labels=labels_of(
            alertname=LACKING,
            purpose=purpose,
            incident=f"permission:{purpose}",
            severity=Severity.WARNING,
            fleet=fleet,
        ),
        summary=f"Act cannot {purpose.replace('_', ' ')}: permissions lack",
        description="; ".join(map(str, lacks)),
        starts_at=now,
        ends_at=ends_at,
    )


def _labels(
    name: str,
    severity: str,
    fleet: FleetName,
    application: ApplicationName,
    site: ClusterName | None,
) -> Labels:
    """Return the labels of what is told of a plan. A plan for clusters is told by its Site."""
    about = {"application": application} if site is None else {"cluster": site}
    incident = f"plan:{site or application}"
    return labels_of(alertname=name, incident=incident, severity=severity, fleet=fleet, **about)
