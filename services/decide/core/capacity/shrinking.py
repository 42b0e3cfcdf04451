"""Which cluster has a node too many, for longer than money is counted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from services.decide.core.capacity.choosing import Proposal
from services.decide.core.capacity.ladders import shrinking
from services.decide.core.capacity.sums import cluster_sums, limit_of
from services.decide.core.capacity.weighing import Question, weigh
from services.decide.core.capacity.whatif import emptiest
from services.decide.core.demand import highest
from services.decide.core.headroom import Headroom, put
from shared.messages.insight import Insight
from shared.messages.readings import Signal
from shared.model.fleet import Cluster
from shared.model.names import ClusterName
from shared.model.plan import ShrinkCluster

FULL = 0.7
"""Part of what is left that the use must not pass, by the upper bound of the forecast."""
ALL = timedelta(days=1)
"""Longer than anything is forecast."""


def spare(question: Question) -> tuple[Proposal, ...]:
    """Return the nodes that may go and save money, the dearest first.

    What stands on the node fits on another one, the use of the cluster leaves a margin for all the
    time that is forecast, and the applications there are served as well as before.
    """
    roomy = _roomy(question.insight)
    found = [p for cluster, action in roomy if (p := _weighed(question, cluster, action))]
    return tuple(sorted(found, key=lambda p: (p.then.score.money - p.wait.score.money, p.name)))


def _roomy(insight: Insight) -> Iterator[tuple[Cluster, ShrinkCluster]]:
    sums = cluster_sums(insight)
    watched = {cluster.name for cluster, f in sums if f.signal == Signal.NODE_USED_CORES}
    loose = watched - _tight(insight)
    for cluster in insight.fleet.clusters:
        action = shrinking(cluster)
        if action is not None and cluster.name in loose and _fits(cluster):
            yield cluster, action


def _tight(insight: Insight) -> set[ClusterName]:
    """Return the clusters whose forecast is too short, or leaves no margin without a node."""
    return {
        cluster.name
        for cluster, forecast in cluster_sums(insight)
        if not shrinking(cluster)
        or forecast.outlooks[-1].horizon_seconds < insight.policy.horizon.total_seconds()
        or highest(forecast) > FULL * limit_of(_without(cluster), forecast.signal)
    }


def _without(cluster: Cluster) -> Cluster:
    gone = emptiest(cluster)
    return replace(cluster, nodes=tuple(node for node in cluster.nodes if node is not gone))


def _fits(cluster: Cluster) -> bool:
    """Tell whether what is on the emptiest node fits on one other, all together."""
    others = Headroom(nodes=tuple(node.headroom for node in _without(cluster).nodes))
    return put(others, emptiest(cluster).requested, 1)[1] == 0


def _weighed(question: Question, cluster: Cluster, action: ShrinkCluster) -> Proposal | None:
    fleet = question.insight.fleet
    there = {p.application for p in fleet.placements if p.cluster == cluster.name}
    asked = replace(question, applications=tuple(a for a in fleet.applications if a.name in there))
    found = Proposal(wait=weigh(asked, (), ALL), then=weigh(asked, (action,), ALL))
    saves = found.then.score.money < found.wait.score.money
    return found if saves and found.then.levels <= found.wait.levels else None
