"""What an Application says about itself in `kubectl get`: quality, placement, what comes next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.act.core.ledger import Ledger
from services.act.core.objects import Object, condition, dig
from services.act.core.telling.last_decision import last_decision
from shared.messages.decision import Decision, Verdict
from shared.messages.insight import Insight, Quality
from shared.messages.inventory import Problem
from shared.messages.outcome import Outcome, Status
from shared.model.names import ApplicationName
from shared.model.plan import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that is known of one application. None: nothing yet."""

    application: ApplicationName
    insight: Insight | None
    decision: Decision | None
    ledger: Ledger | None
    outcome: Outcome | None = None


def status_of(standing: Standing, live: Object, *, now: datetime) -> dict[str, Any]:
    """Return the status that Act applies, without the plan, which has a writer of its own.

    A condition keeps its `lastTransitionTime` while its status is unchanged.
    """
    told = (_quality_met(standing), _settled(standing), _degraded(standing))
    qualities, placement = _qualities(standing), _placement(standing)
    return {
        "conditions": [_dated(c, live, now) for c in told],
        "placement": placement,
        "quality": [_quality(q) for q in qualities],
        "summary": {
            "quality": ", ".join(_brief(q) for q in qualities),
            "placement": ", ".join(f"{p['component']}@{p['cluster']}" for p in placement),
            "next": _next(standing),
        },
        **last_decision(standing.decision, standing.outcome, live),
    }


def meaning_of(status: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a reader would act upon: the status without its jittering numbers."""
    status = status or {}
    last = status.get("lastDecision") or {}
    held = last.get("verdict") == Verdict.HOLD
    return {
        "conditions": [
            {key: c.get(key) for key in ("type", "status", "reason")}
            for c in status.get("conditions") or ()
        ],
        "degraded": condition(status, "Degraded", "conditions").get("message"),
        "placement": status.get("placement") or [],
        "groups": [(q.get("group"), q.get("met")) for q in status.get("quality") or ()],
        "next": dig(status, "summary", "next") or "",
        "decision": (last.get("verdict"), last.get("reason"), None if held else last.get("id")),
        "outcome": (last.get("outcome"), last.get("message")),
    }


def differs(status: Mapping[str, Any], live: Object) -> bool:
    """Tell whether the object says anything else than this status, numbers included."""
    said = dig(live, "status") or {}
    return any(said.get(key) != value for key, value in status.items())


Condition = tuple[str, str, str, str]
"""Type, status, reason, message."""


def _quality_met(standing: Standing) -> Condition:
    qualities = _qualities(standing)
    missed = [q for q in qualities if q.is_met is False]
    untold = [q for q in qualities if q.is_met is None]
    if missed:
        groups = ", ".join(q.group for q in missed)
        return "QualityMet", "False", "OverBudget", f"over budget: {groups}"
    if untold or not qualities:
        why = untold[0].reason if untold else "nothing was measured yet"
        return "QualityMet", "Unknown", "CannotTell", why
    return "QualityMet", "True", "WithinBudget", "all user groups are within their budgets"


def _settled(standing: Standing) -> Condition:
    ledger = standing.ledger
    if ledger is None or not ledger.is_under_way:
        return "Settled", "True", "NothingUnderWay", "no plan is under way"
    if ledger.status is Status.WAITING:
        return "Settled", "False", "WaitingForApproval", _steps(ledger)
    return "Settled", "False", "PlanUnderWay", _steps(ledger)


def _degraded(standing: Standing) -> Condition:
    name, insight, ledger = standing.application, standing.insight, standing.ledger
    problems = [_told(p) for p in (insight.problems if insight else ()) if p.name == name]
    if problems:
        return "Degraded", "True", "Invalid", "; ".join(problems)
    if ledger and ledger.status is Status.FAILED:
        return "Degraded", "True", "PlanFailed", ledger.message
    incidents = [
        i.message
        for i in (insight.incidents if insight else ())
        if name in i.affected and i.is_open
    ]
    if incidents:
        return "Degraded", "True", "Incident", "; ".join(incidents)
    untold = [q.reason for q in _qualities(standing) if q.is_met is None]
    if untold:
        return "Degraded", "Unknown", "CannotTell", untold[0]
    return "Degraded", "False", "AllWell", "nothing is wrong with it"


def _told(problem: Problem) -> str:
    return f"{problem.field}: {problem.message}" if problem.field else problem.message


def _dated(told: Condition, live: Object, now: datetime) -> dict[str, str]:
    kind, status, reason, message = told
    earlier = condition(live, kind, "status", "conditions")
    unchanged = earlier.get("status") == status
    since = earlier.get("lastTransitionTime") if unchanged else None
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _qualities(standing: Standing) -> tuple[Quality, ...]:
    insight = standing.insight
    everywhere = insight.qualities if insight else ()
    return tuple(q for q in everywhere if q.application == standing.application)


def _quality(quality: Quality) -> dict[str, Any]:
    latency = {} if quality.latency_ms is None else {"latencyMs": round(quality.latency_ms, 1)}
    met = {} if quality.is_met is None else {"met": quality.is_met}
    return {"group": quality.group, **latency, "budgetMs": quality.budget_ms, **met}


def _brief(quality: Quality) -> str:
    latency = "?" if quality.latency_ms is None else f"{quality.latency_ms:.1f}"
    return f"{quality.group} {latency}/{quality.budget_ms:g} ms"


def _placement(standing: Standing) -> list[dict[str, Any]]:
    placements = standing.insight.fleet.placements if standing.insight else ()
    return [
        {
            "component": p.component,
            "cluster": p.cluster,
            "replicas": p.replicas,
            "ready": p.ready_replicas,
        }
        for p in placements
        if p.application == standing.application
    ]


def _next(standing: Standing) -> str:
    ledger, decision = standing.ledger, standing.decision
    if ledger and ledger.is_under_way:
        waiting = "approval needed: " if ledger.status is Status.WAITING else ""
        return f"{waiting}{_steps(ledger)}"
    if decision and decision.verdict is Verdict.HOLD:
        return f"hold: {decision.reason}"
    return ""


def _steps(ledger: Ledger) -> str:
    open_ones: Iterable[str] = (describe(e.action) for e in ledger.entries if not e.status.is_final)
    return ", then ".join(open_ones)
