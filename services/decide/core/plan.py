"""From the steps of a search to ordered actions."""

from services.decide.core.problem import Candidate, Problem
from services.decide.core.search import Found
from shared.messages.insight import Insight
from shared.model.names import ClusterName
from shared.model.plan import Action, Move, OffloadNamespace, Plan, Scale


def plan_of(problem: Problem, found: Found, insight: Insight) -> Plan:
    """Return the actions of the steps, in order; the namespace is stretched first if need be."""
    actions = tuple(action_of(problem, step.candidate) for step in found.steps)
    return Plan(actions=(*_stretch(problem, actions, insight), *actions))


def action_of(problem: Problem, candidate: Candidate) -> Move | Scale:
    """Return a candidate in the fleet's words."""
    component = problem.components[candidate.component].component
    if candidate.is_scale:
        return Scale(
            application=problem.name,
            component=component.name,
            workload=component.workload,
            replicas_before=component.replicas,
            replicas=candidate.replicas,
        )
    return Move(
        application=problem.name,
        component=component.name,
        workload=component.workload,
        source=_source(problem, candidate),
        target=candidate.cluster,
        replicas=candidate.replicas,
    )


def _source(problem: Problem, candidate: Candidate) -> ClusterName:
    """Return where most replicas stand.

    Those that stand nowhere are said to come from a lost cluster, or from home, where their
    workload is.
    """
    standing = problem.components[candidate.component].standing
    others = [(-replicas, c) for c, replicas in standing if c != candidate.cluster]
    if others:
        return min(others)[1]
    names = (name for name in problem.clusters if name != candidate.cluster)
    return min(
        names, key=lambda name: (not problem.clusters[name].is_lost, not _home(problem, name), name)
    )


def _home(problem: Problem, name: ClusterName) -> bool:
    return problem.clusters[name].site.home


def _stretch(
    problem: Problem, actions: tuple[Action, ...], insight: Insight
) -> tuple[OffloadNamespace, ...]:
    reached = {
        cluster
        for offloading in insight.stretched
        if offloading.namespace == problem.application.namespace
        for cluster in offloading.ready_clusters
    }
    targets = {action.target for action in actions if isinstance(action, Move)}
    missing = sorted(t for t in targets - reached if not _home(problem, t))
    if not missing:
        return ()
    return (OffloadNamespace(application=problem.name, clusters=tuple(missing)),)
