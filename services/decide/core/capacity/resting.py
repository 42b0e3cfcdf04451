"""What should not be done with clusters now: each guard its own function."""

from collections.abc import Iterator
from datetime import datetime

from services.decide.core.capacity.ladders import Rung, clusters_of, ready_after
from services.decide.core.ground import Ground
from services.decide.core.guards import TOUCHED, TURNED_DOWN
from services.decide.core.memory import Memory
from services.decide.core.problem import Objection
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.model.names import CAPACITY
from shared.model.plan import Action, CapacityAction, GrowCluster, ShrinkCluster, describe


def reject_closed(ground: Ground, rung: Rung) -> Objection | None:
    """Change no cluster that nothing may come to: not ready, at the end of its lease, not seen."""
    first, *others = clusters_of(rung)
    is_there = isinstance(rung[0], GrowCluster | ShrinkCluster)
    names = [first] if is_there else others
    return next(filter(None, (ground.clusters[name].closed for name in names)), None)


def reject_refused(insight: Insight, rung: Rung) -> Objection | None:
    """Propose nothing again within a cooldown that a person or the world turned down."""
    cooldown = insight.policy.default_limits.cooldown
    for outcome in insight.outcomes:
        if outcome.application != CAPACITY or outcome.status not in TURNED_DOWN:
            continue
        alike = any(_is_alike(result.action, rung[0]) for result in outcome.actions)
        if alike and insight.at - outcome.at < cooldown:
            detail = f"it was {outcome.status} at {outcome.at:%H:%M:%S}: {outcome.message}"
            return Objection(reason=Reason.RECENTLY_REFUSED, detail=detail)
    return None


def _is_alike(action: Action, other: CapacityAction) -> bool:
    """Tell whether two actions do the same to the same cluster, to whatever number of nodes."""
    if isinstance(action, GrowCluster | ShrinkCluster):
        return isinstance(other, type(action)) and action.cluster == other.cluster
    return action == other


def reject_restless(insight: Insight, memory: Memory, rung: Rung) -> Objection | None:
    """Keep a cluster as it is for a time after a change, and for the horizon before the reverse."""
    first = rung[0]
    if not isinstance(first, GrowCluster | ShrinkCluster):
        return None
    for action, at in _past(insight, memory):
        if not isinstance(action, GrowCluster | ShrinkCluster) or action.cluster != first.cluster:
            continue
        reverse = type(action) is not type(first)
        policy = insight.policy
        until = at + (
            max(policy.horizon, ready_after(rung)) if reverse else policy.default_limits.cooldown
        )
        if insight.at < until:
            detail = f"{describe(action)} was at {at:%H:%M:%S}; at rest until {until:%H:%M:%S}"
            return Objection(reason=Reason.COOLING_DOWN, detail=detail)
    return None


def _past(insight: Insight, memory: Memory) -> Iterator[tuple[Action, datetime]]:
    """Yield what was decided and what was done, with the time: advice may have been followed."""
    for decision in memory.decisions:
        if decision.application == CAPACITY:
            yield from ((action, decision.at) for action in decision.plan.actions)
    for outcome in insight.outcomes:
        if outcome.application == CAPACITY:
            yield from (
                (result.action, result.finished_at or outcome.at)
                for result in outcome.actions
                if result.status in TOUCHED
            )
