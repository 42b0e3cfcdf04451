"""How long clusters took to grow or to come up: what Act measured goes before what is declared."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from shared.messages.insight import Insight
from shared.messages.outcome import ActionResult, Status
from shared.model.names import CAPACITY, ClusterName
from shared.model.plan import CapacityAction, CreateCluster, GrowCluster, Peer, ShrinkCluster

NEWEST = 3
"""Times looked back at; the longest of them counts: too early costs money, too late quality."""


def as_measured(action: CapacityAction, insight: Insight) -> CapacityAction:
    """Return the action with the minutes that it took lately, where that is known."""
    match action:
        case GrowCluster():
            taken = _taken(insight, GrowCluster, action.cluster)
        case CreateCluster():
            taken = _taken(insight, CreateCluster, action.site)
        case ShrinkCluster() | Peer():
            return action
        case _:
            assert_never(action)
    if not taken:
        return action
    return replace(action, expected_minutes=max(taken[-NEWEST:]).total_seconds() / 60.0)


def _taken(
    insight: Insight, kind: type[GrowCluster | CreateCluster], cluster: ClusterName
) -> list[timedelta]:
    """Return how long the same took on a cluster, the oldest first."""
    outcomes = sorted(
        (o for o in insight.outcomes if o.application == CAPACITY), key=lambda o: (o.at, o.decision)
    )
    return [
        result.serving_at - result.started_at
        for outcome in outcomes
        for result in outcome.actions
        if isinstance(result.action, kind)
        and _cluster_of(result) == cluster
        and result.status is Status.SUCCEEDED
        and result.serving_at is not None
        and result.started_at is not None
    ]


def _cluster_of(result: ActionResult) -> ClusterName | None:
    match result.action:
        case GrowCluster():
            return result.action.cluster
        case CreateCluster():
            return result.action.site
        case _:
            return None
