"""When a cluster has to be left, so that nothing stands there any more when its lease ends."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from services.decide.core.problem import Objection, Problem
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.model.application import Application, Autonomy
from shared.model.names import ApplicationName, ClusterName
from shared.model.policy import FleetPolicy

LEAST = timedelta(minutes=30)
"""A cluster is left no later than this before its lease ends."""
SLACK = 2.0
"""Every move may be tried twice."""
HOUR = timedelta(hours=1)


def leave_times(insight: Insight) -> Mapping[ClusterName, datetime]:
    """Return from when on each cluster with a lease is to be left.

    Early enough for all moves there, one after the other in each application, each as long as it
    may take with its soak, within the moves per hour of application and fleet, with the time a
    person has to approve. The fleet's moves are those of all leases that end by then.
    """
    ends = {c.name: c.site.lease_ends_at for c in insight.fleet.clusters if c.site.lease_ends_at}
    moves = {name: _moves(insight, name) for name in ends}
    times = {}
    for name, end in ends.items():
        sooner = sum(moves[other].total() for other, at in ends.items() if at <= end)
        times[name] = end - max(LEAST, SLACK * _time_needed(insight, moves[name], sooner))
    return times


def _moves(insight: Insight, cluster: ClusterName) -> Counter[ApplicationName]:
    there = {
        (p.application, p.component)
        for p in insight.fleet.placements
        if p.cluster == cluster and p.replicas > 0
    }
    return Counter(application for application, _ in there)


def _time_needed(insight: Insight, moves: Counter[ApplicationName], of_fleet: int) -> timedelta:
    policy = insight.policy
    cycle = timedelta(seconds=insight.interval_seconds)
    each = policy.move_timeout + policy.soak_cycles * cycle
    seen = policy.persistence_of * cycle
    waits = _hours_waited(of_fleet, policy.fleet_moves_per_hour) + each
    own = [
        each * count
        + _hours_waited(count, application.limits.moves_per_hour)
        + _patience(application, policy)
        for application in insight.fleet.applications
        if (count := moves[application.name])
    ]
    return seen + max((waits, *own))


def _hours_waited(moves: int, per_hour: int) -> timedelta:
    """Return for how long a budget keeps the last of so many moves from beginning.

    One that allows none is no budget to plan by: a person has to move things then.
    """
    return HOUR * (max(0, moves - 1) // max(1, per_hour)) if per_hour else timedelta()


def _patience(application: Application, policy: FleetPolicy) -> timedelta:
    waits = application.autonomy is Autonomy.APPROVE
    return policy.approval_lifetime if waits else timedelta()


def lease_objection(name: ClusterName, end: datetime) -> Objection:
    """Say until when a cluster may be used."""
    detail = f"the lease of {name} ends at {end:%Y-%m-%d %H:%M} UTC"
    return Objection(reason=Reason.LEASE_ENDS, detail=detail)


def leaving_term(component: str) -> str:
    """Return the name of the term that counts replicas of a component that have to leave."""
    return f"hard:lease:{component}"


def leaving(problem: Problem, terms: Mapping[str, float]) -> tuple[float, float]:
    """Return how many replicas have to leave, and the weight of the heaviest user group if any."""
    count = sum(terms.get(leaving_term(part.term), 0.0) for part in problem.components)
    weights = (group.group.weight for group in problem.groups)
    return count, max(weights, default=1.0) if count else 0.0
