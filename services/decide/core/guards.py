"""What should not be now: each guard its own function, a reason and a sentence, or None."""

from datetime import datetime, timedelta

from services.decide.core.budget import results_of
from services.decide.core.filters import doubts
from services.decide.core.memory import Memory, is_pending
from services.decide.core.problem import Candidate, Objection, Problem
from services.decide.core.standing import Standing
from shared.messages.control import Control
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.messages.inventory import ALWAYS_THERE, Freshness
from shared.messages.outcome import Outcome, Status
from shared.model.application import Application, MaintenanceWindow
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import Action, Move, Scale, describe
from shared.model.policy import FleetPolicy

LOST_CYCLES = 2
"""A lost cluster or broken rule counts when seen in this many cycles in a row."""
NEEDED_KINDS = ALWAYS_THERE | {"ForeignCluster", "NamespaceOffloading"}
"""Kinds of object without which nothing can be said."""
TOUCHED = frozenset((Status.SUCCEEDED, Status.REVERTED, Status.FAILED))
"""States of an action after which its component rests."""
TURNED_DOWN = frozenset(
    (
        Status.ADVISED,
        Status.REVERTED,
        Status.FAILED,
        Status.REFUSED,
        Status.REJECTED,
        Status.EXPIRED,
    )
)
"""States of a decision after which the same action is not proposed again for a cooldown."""


# ------------------------------------------------------- before anything is looked for


def reject_paused(control: Control | None) -> Objection | None:
    """Do nothing while the fleet is paused."""
    if control is None or not control.paused:
        return None
    why = f": {control.reason}" if control.reason else ""
    return Objection(reason=Reason.PAUSED, detail=f"paused by {control.by}{why}")


def reject_in_flight(
    application: ApplicationName, insight: Insight, memory: Memory
) -> Objection | None:
    """Have one plan in flight per application."""
    for outcome in insight.outcomes:
        if outcome.application == application and not outcome.status.is_final:
            detail = f"decision {outcome.decision} is {outcome.status}"
            return Objection(reason=Reason.IN_FLIGHT, detail=detail)
    for decision in memory.decisions:
        if decision.application == application and is_pending(decision, insight):
            detail = f"decision {decision.id} has no outcome yet"
            return Objection(reason=Reason.IN_FLIGHT, detail=detail)
    if application in insight.under_way:
        return Objection(reason=Reason.IN_FLIGHT, detail="a plan is under way")
    return None


def reject_late_inventory(insight: Insight) -> Objection | None:
    """Hold everything while a kind of object is late, or one that is needed was never listed."""
    for kind in insight.kinds:
        late = kind.state is Freshness.LATE
        if late or (kind.state is Freshness.ABSENT and kind.kind in NEEDED_KINDS):
            why = f": {kind.reason}" if kind.reason else ""
            detail = f"the list of {kind.kind} objects is {kind.state}{why}"
            return Objection(reason=Reason.NOT_FRESH, detail=detail)
    return None


def reject_unreadable_policy(insight: Insight) -> Objection | None:
    """Hold everything while the fleet's policy cannot be read: the defaults are not its limits."""
    for problem in insight.problems:
        if problem.kind == "FleetPolicy":
            detail = f"FleetPolicy {problem.name}: {problem.field}: {problem.message}"
            return Objection(reason=Reason.INVALID, detail=detail)
    return None


def reject_not_fresh(problem: Problem, standing: Standing) -> Objection | None:
    """Judge nothing that cannot be seen: data of what the application stands on must be fresh."""
    return next(doubts(problem, standing), None)


# ------------------------------------------------------------------- for one candidate


def reject_cooling_down(
    problem: Problem, candidate: Candidate, insight: Insight
) -> Objection | None:
    """Keep a component that was changed recently as it is, unless what it stands on is lost."""
    part = problem.components[candidate.component]
    if part.standing and not part.alive:
        return None
    cooldown = problem.application.limits.cooldown
    for outcome, result in results_of(problem.name, insight):
        if _component(result.action) != part.component.name or result.status not in TOUCHED:
            continue
        until = (result.finished_at or result.serving_at or outcome.at) + cooldown
        if insight.at < until:
            detail = (
                f"{describe(result.action)} was {result.status}; at rest until {until:%H:%M:%S}"
            )
            return Objection(reason=Reason.COOLING_DOWN, detail=detail)
    return None


def reject_unsettled(
    cluster: ClusterName, insight: Insight, memory: Memory, *, cooldown: timedelta
) -> Objection | None:
    """Put nothing on a cluster that was out of reach within a cooldown: it may flap."""
    lost_at = memory.lost_at(cluster)
    if lost_at is None or insight.at - lost_at >= cooldown:
        return None
    until = f"{lost_at + cooldown:%H:%M:%S}"
    detail = f"{cluster} was out of reach at {lost_at:%H:%M:%S}; nothing goes there until {until}"
    return Objection(reason=Reason.COOLING_DOWN, detail=detail)


def reject_turned_down(
    action: Move | Scale, insight: Insight, memory: Memory, *, cooldown: timedelta
) -> Objection | None:
    """Propose nothing again within a cooldown that a person or the world turned down.

    Where something was advised, nothing at all: the second best is no better advice.
    """
    for outcome in insight.outcomes:
        if insight.at - outcome.at >= cooldown or outcome.status not in TURNED_DOWN:
            continue
        is_advice = outcome.status is Status.ADVISED and outcome.application == action.application
        if is_advice or action in _undone(outcome, memory):
            why = f": {outcome.message}" if outcome.message else ""
            by = f" by {outcome.by}" if outcome.by else ""
            detail = f"it was {outcome.status}{by} at {outcome.at:%H:%M:%S}{why}"
            return Objection(reason=Reason.RECENTLY_REFUSED, detail=detail)
    return None


def _undone(outcome: Outcome, memory: Memory) -> tuple[Action, ...]:
    if outcome.actions:
        return tuple(r.action for r in outcome.actions if r.status is not Status.SUCCEEDED)
    plans = [d.plan.actions for d in memory.decisions if d.id == outcome.decision]
    return tuple(action for actions in plans for action in actions)


# ------------------------------------------------------------------------ for one plan


def reject_not_persistent(
    problem: Problem, wants: tuple[str, ...], memory: Memory
) -> Objection | None:
    """Act on what was seen in enough of the last cycles, this one included.

    `wants`: names of the terms that the plan improves.
    """
    return not_persistent(problem.name, problem.policy, wants, memory)


def not_persistent(
    application: ApplicationName, policy: FleetPolicy, wants: tuple[str, ...], memory: Memory
) -> Objection | None:
    """Act on what was seen often enough; `application` may be the fleet itself."""
    past = [seen.wants for seen in memory.seen_of(application)]
    cycles = [*past, wants][-policy.persistence_of :]
    in_a_row = cycles[-min(LOST_CYCLES, policy.persistence_needed) :]
    for want in wants:
        lasting = want.startswith(("hard:", "unplaced:")) and len(in_a_row) >= LOST_CYCLES
        if lasting and all(want in seen for seen in in_a_row):
            return None
        if sum(want in seen for seen in cycles) >= policy.persistence_needed:
            return None
    most = max(sum(want in seen for seen in cycles) for want in wants)
    detail = (
        f"seen in {most} of the last {policy.persistence_of} cycles, "
        f"{policy.persistence_needed} are needed"
    )
    return Objection(reason=Reason.NOT_PERSISTENT, detail=detail)


def reject_outside_window(application: Application, at: datetime) -> Objection | None:
    """Act only inside the maintenance windows, where there are any."""
    windows = application.limits.windows
    if not windows or any(is_inside(window, at) for window in windows):
        return None
    return Objection(
        reason=Reason.OUTSIDE_WINDOW, detail=f"{at:%a %H:%M} UTC is in no maintenance window"
    )


def is_inside(window: MaintenanceWindow, at: datetime) -> bool:
    """Tell whether an instant lies in a window. One that ends before it starts passes midnight."""
    minute, day = at.hour * 60 + at.minute, at.weekday()
    if window.start_minute < window.end_minute:
        return day in window.days and window.start_minute <= minute < window.end_minute
    yesterday = (day - 1) % 7
    return (day in window.days and minute >= window.start_minute) or (
        yesterday in window.days and minute < window.end_minute
    )


def _component(action: Action) -> str | None:
    return action.component if isinstance(action, Move | Scale) else None
