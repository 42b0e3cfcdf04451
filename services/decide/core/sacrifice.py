"""A guard for plans and their steps: nobody is left worse off than is allowed."""

from services.decide.core.objective import Judged
from services.decide.core.problem import Objection, Problem
from shared.messages.decision import Reason


def reject_sacrifice(problem: Problem, before: Judged, after: Judged) -> Objection | None:
    """Leave no group with more than its budget and more than it has now: Act would go back.

    Unless broken rules or lost replicas leave no choice.
    """
    now, then = before.score, after.score
    if (then.hard, then.unplaced) != (now.hard, now.unplaced):
        return None
    latencies = before.standing.latencies_ms, after.standing.latencies_ms
    for group, now_ms, then_ms in zip(problem.groups, *latencies, strict=True):
        if now_ms is None or then_ms is None:
            continue
        if then_ms > max(group.group.budget_ms, now_ms):
            detail = (
                f"{group.group.name} would get {then_ms:.1f} of {group.group.budget_ms:g} ms, "
                f"now {now_ms:.1f}"
            )
            return Objection(reason=Reason.OVER_BUDGET, detail=detail)
    return None
