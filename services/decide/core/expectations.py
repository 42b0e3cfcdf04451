"""What a plan promises each user group: its latency now and then, split by hop."""

from functools import partial

from services.decide.core.explain import known
from services.decide.core.objective import Judged
from services.decide.core.problem import Problem, ProblemGroup
from services.decide.core.search import Found
from services.decide.core.standing import link_ms, way_of
from shared.messages.decision import Expectation
from shared.messages.hops import hops_along
from shared.messages.insight import Hop


def expectations_of(problem: Problem, found: Found) -> tuple[Expectation, ...]:
    """Return what each user group has, and should have after the plan."""
    return tuple(
        Expectation(
            group=group.group.name,
            budget_ms=group.group.budget_ms,
            before_ms=known(found.before.standing.latencies_ms[index]),
            after_ms=known(found.after.standing.latencies_ms[index]),
            hops_before=_hops(problem, group, found.before),
            hops_after=_hops(problem, group, found.after),
        )
        for index, group in enumerate(problem.groups)
    )


def _hops(problem: Problem, group: ProblemGroup, judged: Judged) -> tuple[Hop, ...]:
    """Return the hops of the slowest way; none where a component stands nowhere or is unknown."""
    spreads = judged.standing.spreads
    if not all(spreads[index] for index in group.path):
        return ()
    way = way_of(problem, group, spreads)
    if way is None:
        return ()
    return hops_along(
        way,
        group.group,
        processing_ms={c.name: c.processing_ms for c in problem.application.components},
        access=group.access_ms.get,
        link=partial(link_ms, problem),
    )
