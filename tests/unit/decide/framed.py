"""Problems and placements of the core, from a fleet, in one line."""

from services.decide.core.framing import problem_of
from services.decide.core.ground import ground_of
from services.decide.core.memory import Memory
from services.decide.core.objective import Judged, judge, judge_change
from services.decide.core.problem import Candidate, Problem
from services.decide.core.promises import promises
from services.decide.core.standing import start
from shared.messages.insight import Insight
from shared.model.fleet import Fleet
from shared.model.names import ClusterName
from tests.support.builders import an_insight


def a_problem(fleet: Fleet | Insight, memory: Memory | None = None) -> Problem:
    """Return the problem of the fleet's first application."""
    insight = an_insight(fleet) if isinstance(fleet, Fleet) else fleet
    promised = promises(memory or Memory(), insight)
    return problem_of(insight, ground_of(insight), insight.fleet.applications[0], promised)


def judged(problem: Problem) -> Judged:
    """Return the placement there is, scored."""
    return judge(problem, start(problem))


def a_move(problem: Problem, component: str, cluster: str) -> Candidate:
    """Return the candidate that moves all replicas of a component."""
    names = [part.component.name for part in problem.components]
    index = next(i for i, name in enumerate(names) if name == component)
    replicas = problem.components[index].component.replicas
    return Candidate(component=index, cluster=ClusterName(cluster), replicas=replicas)


def moved(problem: Problem, component: str, cluster: str) -> Judged:
    """Return the placement after one move from the start, scored."""
    return judge_change(problem, judged(problem), a_move(problem, component, cluster))
