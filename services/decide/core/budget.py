"""How many moves may begin: per hour, for an application and for the fleet."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from services.decide.core.memory import Memory, pending
from services.decide.core.problem import Objection, Problem
from services.decide.core.search import Weighed
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.messages.outcome import ActionResult, Outcome
from shared.model.application import Application
from shared.model.names import ApplicationName
from shared.model.plan import Action, Move

HOUR = timedelta(hours=1)


def reject_over_move_budget(
    application: Application, insight: Insight, memory: Memory, *, needed: int
) -> Objection | None:
    """Keep to the moves per hour of the application and of the fleet.

    `needed`: without rescues.
    """
    if needed == 0:
        return None
    own, limit = moves_of(application.name, insight, memory), application.limits.moves_per_hour
    if own + needed > limit:
        detail = f"{needed} more moves beside {own} within an hour, {limit} are allowed"
        return Objection(reason=Reason.MOVE_BUDGET, detail=detail)
    all_of_them, limit = moves_of(None, insight, memory), insight.policy.fleet_moves_per_hour
    if all_of_them + needed > limit:
        detail = f"{needed} more moves beside {all_of_them} of the fleet, {limit} are allowed"
        return Objection(reason=Reason.FLEET_BUDGET, detail=detail)
    return None


def rescues(problem: Problem, steps: Iterable[Weighed]) -> int:
    """Count the steps that give a home to what stands nowhere: no budget holds them back."""
    return sum(not problem.components[step.candidate.component].alive for step in steps)


def moves_left(application: Application, insight: Insight, memory: Memory) -> int:
    """Return how many moves an application may begin now."""
    own = application.limits.moves_per_hour - moves_of(application.name, insight, memory)
    fleet = insight.policy.fleet_moves_per_hour - moves_of(None, insight, memory)
    return min(own, fleet)


def moves_of(application: ApplicationName | None, insight: Insight, memory: Memory) -> int:
    """Count the moves begun within an hour, and those that pending decisions will begin.

    `application` None: of the whole fleet.
    """
    begun = sum(
        isinstance(result.action, Move)
        and result.started_at is not None
        and insight.at - result.started_at < HOUR
        for _, result in results_of(application, insight)
    )
    own = [d for d in memory.decisions if application in (None, d.application)]
    to_come = sum(
        isinstance(action, Move) and action not in _begun(outcome)
        for decision, outcome in pending(own, insight)
        for action in decision.plan.actions
    )
    return begun + to_come


def _begun(outcome: Outcome | None) -> tuple[Action, ...]:
    return tuple(r.action for r in outcome.actions if r.started_at) if outcome else ()


def results_of(
    application: ApplicationName | None, insight: Insight
) -> Iterator[tuple[Outcome, ActionResult]]:
    """Yield what became of the actions of an application, or of all where it is None."""
    for outcome in insight.outcomes:
        if application in (None, outcome.application):
            yield from ((outcome, result) for result in outcome.actions)
