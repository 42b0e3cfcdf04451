"""Why this, and why not that: effects, expectations and rejections with numbers."""

import math
from itertools import pairwise

from services.decide.core.lease import leaving_term
from services.decide.core.objective import Judged
from services.decide.core.plan import action_of
from services.decide.core.problem import Objection, Problem, ProblemComponent
from services.decide.core.search import Found, ObjectionTo, Weighed, is_repair, is_saving, spent
from shared.messages.decision import Effect, Reason, Rejection, Term
from shared.model.plan import OffloadNamespace, Plan, describe

MOST_REJECTIONS = 3


def effects_of(found: Found, plan: Plan) -> tuple[Effect, ...]:
    """Return what each action changes, one after the other.

    The differences add up, level by level, to that of the scores before and after.
    """
    stretches = tuple(a for a in plan.actions if isinstance(a, OffloadNamespace))
    changes = [a for a in plan.actions if not isinstance(a, OffloadNamespace)]
    way = [found.before, *(step.after for step in found.steps)]
    return tuple(Effect(action=action) for action in stretches) + tuple(
        Effect(action=action, terms=changed_terms(before, after))
        for action, (before, after) in zip(changes, pairwise(way), strict=True)
    )


def changed_terms(before: Judged, after: Judged) -> tuple[Term, ...]:
    """Return the terms in which two placements differ, by name."""
    return tuple(
        Term(name=name, before=before.terms.get(name, 0.0), after=after.terms.get(name, 0.0))
        for name in sorted({*before.terms, *after.terms})
        if before.terms.get(name, 0.0) != after.terms.get(name, 0.0)
    )


def improved_terms(found: Found) -> tuple[str, ...]:
    """Return the rules, replicas and qualities a plan improves; `money` where it is only that."""
    better = tuple(
        term.name
        for term in changed_terms(found.before, found.after)
        if term.after < term.before and not term.name.startswith("money:")
    )
    return better or ("money",)


def known(latency_ms: float | None) -> float | None:
    """Return a latency as messages carry it, or None where it cannot be told."""
    if latency_ms is None or math.isinf(latency_ms):
        return None
    return round(latency_ms, 6)


def rejections_of(
    problem: Problem, found: Found, objection_to: ObjectionTo, *, held: Objection | None
) -> tuple[Rejection, ...]:
    """Return the best candidates that were turned down, best first, each with its reason.

    `held`: why the steps found are not taken, or None where they are.
    """
    taken = {step.candidate.component: step.candidate.cluster for step in found.steps}
    rejections = []
    if held and found.steps:
        rejections.append(_rejection(problem, found.steps[0], held))
    for weighed in found.weighed:
        if len(rejections) == MOST_REJECTIONS:
            break
        if taken.get(weighed.candidate.component) != weighed.candidate.cluster:
            objection = objection_to(found.before.standing, weighed.candidate)
            why = objection or why_not(problem, found, weighed)
            rejections.append(_rejection(problem, weighed, why))
    return tuple(rejections)


def _rejection(problem: Problem, weighed: Weighed, why: Objection) -> Rejection:
    return Rejection(
        candidate=action_of(problem, weighed.candidate),
        reason=why.reason,
        detail=why.detail,
        score=weighed.after.score,
    )


def why_not(problem: Problem, found: Found, weighed: Weighed) -> Objection:
    """Say in numbers why a candidate that could be was not chosen."""
    before, after = found.before, weighed.after
    broken = _broken_group(problem, before, after) or _broken_flow(before, after)
    if broken is not None:
        return broken
    if is_repair(problem, before, after.score) or is_saving(problem, before, after.score):
        detail = f"{latencies(problem, after)}: good, but not as good as what was chosen"
        return Objection(reason=Reason.WORSE, detail=detail)
    saved = before.score.money - after.score.money
    if saved > 0:
        detail = (
            f"saves {saved:.4f} USD of {spent(before):.4f}, less than "
            f"{problem.policy.improvement_ratio:.0%}"
        )
        return Objection(reason=Reason.TOO_SMALL, detail=detail)
    more = f"costs {-saved:.4f} USD more and improves" if saved < 0 else "changes"
    return Objection(reason=Reason.WORSE, detail=f"{more} no quality")


def _broken_group(problem: Problem, before: Judged, after: Judged) -> Objection | None:
    """Name the group that would be the worst off, if any is out of what it may take."""
    worst = max(
        (group for group in problem.groups if after.terms.get(group.term)),
        key=lambda group: (
            after.terms[group.term] - before.terms.get(group.term, 0.0),
            group.group.name,
        ),
        default=None,
    )
    if worst is None:
        return None
    index = problem.groups.index(worst)
    got, limit = after.standing.latencies_ms[index], after.standing.yardstick.limits_ms[index]
    what = "cannot be told" if got is None or math.isinf(got) else f"{got:.1f} ms"
    detail = f"{worst.group.name}: {what} with {limit:.1f} allowed"
    return Objection(reason=Reason.OVER_BUDGET, detail=detail)


def _broken_flow(before: Judged, after: Judged) -> Objection | None:
    """Name the flow, link or gateway that would get worse the most."""
    worse = [
        (after.terms[name] - before.terms.get(name, 0.0), name)
        for name in after.terms
        if name.startswith(("quality:flow:", "quality:link:", "quality:gateway:"))
    ]
    grown, name = max(worse, default=(0.0, ""))
    if grown <= 0:
        return None
    what = name.removeprefix("quality:").replace(":", " ", 1)
    detail = f"{what} would be {after.terms[name] - 1:.0%} beyond its limit"
    return Objection(reason=Reason.BREAKS_FLOW, detail=detail)


def latencies(problem: Problem, judged: Judged) -> str:
    """Return what each group gets, as `north 12.4 of 15 ms, south 12.4 of 15 ms`."""
    return ", ".join(
        f"{group.group.name} {_told(latency_ms)} of {group.group.budget_ms:g} ms"
        for group, latency_ms in zip(problem.groups, judged.standing.latencies_ms, strict=True)
    )


def what_is_wrong(problem: Problem, judged: Judged) -> str:
    """Return what keeps an application from being well, worst level first."""
    missing = [
        _missing(part, judged.terms[f"unplaced:{part.term}"])
        for part in problem.components
        if f"unplaced:{part.term}" in judged.terms
    ]
    leaving = [
        f"{judged.terms[leaving_term(part.term)]:.0f} replicas of {part.component.name} stand "
        "where the lease ends"
        for part in problem.components
        if leaving_term(part.term) in judged.terms
    ]
    late = [
        f"{group.group.name} gets {_told(latency_ms)} of {group.group.budget_ms:g} ms"
        for group, latency_ms in zip(problem.groups, judged.standing.latencies_ms, strict=True)
        if group.term in judged.terms
    ]
    others = [
        f"{name.partition(':')[2].replace(':', ' ', 1)} is out of its limits"
        for name in sorted(judged.terms)
        if name.startswith(("hard:", "quality:flow:", "quality:link:", "quality:gateway:"))
        and not name.startswith("hard:lease:")
    ]
    return "; ".join((*missing, *leaving, *late, *others))


def _missing(part: ProblemComponent, count: float) -> str:
    name, asked = part.component.name, part.component.replicas
    if part.demands_more:
        return f"{name} has {asked} replicas, and its forecast demand needs {part.wanted}"
    return f"{count:.0f} of {part.wanted} replicas of {name} stand on no reachable cluster"


def what_is_done(problem: Problem, found: Found, plan: Plan) -> str:
    """Return a plan and what it leads to, in a sentence."""
    actions = ", then ".join(describe(action) for action in plan.actions)
    wrong = what_is_wrong(problem, found.before)
    saved = found.before.score.money - found.after.score.money
    why = wrong or f"{saved:.2f} USD of {found.before.score.money:.2f} saved"
    lead = latencies(problem, found.after)
    return f"{why}: {actions}" + (f"; then {lead}" if lead else "")


def _told(latency_ms: float | None) -> str:
    told = known(latency_ms)
    return "an unknown part" if told is None else f"{told:.1f}"
