"""A plan of several moves that only together mend what is wrong, found by the engine.

Single changes get stuck where every first step makes something worse, as when a path has to go
from one cluster to another as a whole. The engine looks at all components at once; what it finds is
put in an order in which each step can be, with both copies of what moves, and makes no group worse
than it is or may be. The objective judges the result: the engine proposes, no more.
"""

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np

from services.decide.core.leap_arrays import arrays_of
from services.decide.core.objective import Judged, judge_change
from services.decide.core.placing.arrays import Flags, Ints
from services.decide.core.placing.engine import start
from services.decide.core.problem import Candidate, Objection, Problem
from services.decide.core.sacrifice import reject_sacrifice
from services.decide.core.standing import Standing
from shared.messages.decision import Reason
from shared.model.names import ClusterName

ITERATIONS = 120
"""Per component."""
MOST_CLUSTERS = 24
"""A larger fleet is looked at where its users are near."""
LATER = frozenset((Reason.NO_LINK, Reason.NOT_FRESH))
"""Objections that may end when a partner has moved too: they are asked again step by step."""

ObjectionTo = Callable[[Standing, Candidate], Objection | None]


def leap(
    problem: Problem, before: Judged, objection_to: ObjectionTo, kernels: SimpleNamespace
) -> tuple[tuple[Candidate, Judged], ...]:
    """Return the steps to the placement the engine proposes, each with where it leads; or none."""
    names = _looked_at(problem)
    allowed = _allowed(problem, before.standing, names, objection_to)
    if not allowed.any():
        return ()
    search = start(arrays_of(problem, before.standing, names, allowed), kernels)
    search.run(ITERATIONS * len(problem.components))
    return _in_order(problem, before, _changes(problem, names, search.nodes), objection_to)


def _looked_at(problem: Problem) -> list[ClusterName]:
    """Return the clusters nearest to the users, the cheaper first, and those that are stood on."""

    def far(name: ClusterName) -> tuple[float, float, str]:
        ways = [group.access_ms.get(name) for group in problem.groups]
        worst = max((math.inf if ms is None else ms for ms in ways), default=0.0)
        return worst, problem.clusters[name].rates.core, name

    nearest = sorted(problem.clusters, key=far)[:MOST_CLUSTERS]
    homes = {name for part in problem.components for name, _ in part.alive}
    return [*nearest, *sorted(homes - set(nearest))]


def _allowed(
    problem: Problem,
    standing: Standing,
    names: Sequence[ClusterName],
    objection_to: ObjectionTo,
) -> Flags:
    """Return (C, K) where each component may go by itself."""
    allowed = np.zeros((len(problem.components), len(names)), bool)
    for row, part in enumerate(problem.components):
        replicas = part.component.replicas
        targets = set(problem.targets(row)) if replicas > 0 else set()
        for column, cluster in enumerate(names):
            if cluster in targets:
                candidate = Candidate(component=row, cluster=cluster, replicas=replicas)
                objection = objection_to(standing, candidate)
                allowed[row, column] = objection is None or objection.reason in LATER
    return allowed


def _changes(problem: Problem, names: Sequence[ClusterName], nodes: Ints) -> list[Candidate]:
    """Return the moves to a placement (R,), without those that change nothing."""
    changes = []
    for index, (part, node) in enumerate(zip(problem.components, nodes.tolist(), strict=True)):
        if node >= 0 and [cluster for cluster, _ in part.alive] != [names[node // 2]]:
            replicas = part.component.replicas
            changes.append(Candidate(component=index, cluster=names[node // 2], replicas=replicas))
    return changes


def _in_order(
    problem: Problem, before: Judged, changes: list[Candidate], objection_to: ObjectionTo
) -> tuple[tuple[Candidate, Judged], ...]:
    """Put all changes in an order, the best one that can be first; none where there is no order."""
    steps: list[tuple[Candidate, Judged]] = []
    here, left = before, changes
    while left:
        ways = [
            (judge_change(problem, here, change), change)
            for change in left
            if objection_to(here.standing, change) is None
        ]
        good = [way for way in ways if reject_sacrifice(problem, before, way[0]) is None]
        if not good:
            return ()
        here, change = min(good, key=lambda way: (way[0].score, way[1].component))
        steps.append((change, here))
        left = [other for other in left if other is not change]
    return tuple(steps)
