"""The entry: an Insight becomes one Decision per application."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

from services.decide.core import budget, explain, guards, lease, verdict
from services.decide.core.capacity.deciding import decide_capacity
from services.decide.core.filters import ruled_out
from services.decide.core.framing import framed, problem_of, with_promises
from services.decide.core.ground import Ground, ground_of
from services.decide.core.memory import Memory, Seen, is_news, refreshed, with_decision, with_seen
from services.decide.core.objective import Judged, judge
from services.decide.core.placing.kernels.compiled import interpreted
from services.decide.core.plan import action_of
from services.decide.core.problem import Candidate, Objection, Problem
from services.decide.core.promises import Promises, promises
from services.decide.core.sacrifice import reject_sacrifice
from services.decide.core.search import Found, ObjectionTo, better, search, shortened
from services.decide.core.standing import Standing, start
from services.decide.core.turning.points import MOST_TURNED, with_limits
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.model.names import CAPACITY, ApplicationName

FOR_NOW = frozenset(
    (Reason.COOLING_DOWN, Reason.RECENTLY_REFUSED, Reason.PROMISED, Reason.NOT_FRESH)
)
"""Reasons that pass: where the best candidate waits for one of them, so does the decision."""
MONEY = "money"


def decide(
    insight: Insight,
    memory: Memory,
    *,
    control: Control | None = None,
    kernels: SimpleNamespace | None = None,
) -> tuple[tuple[Decision, ...], Memory]:
    """Say for every application what should change, and for the fleet, from the arguments alone.

    The worst off come first, so that they find the room; ties go by name. The decisions are in
    that order. An application that this cycle or a later one was decided for is left out.
    `kernels`: of the engine, translated or not, which gives the same; not, if left out.
    """
    kernels = kernels or interpreted()
    ground = framed(insight, ground_of(insight), memory.frames)
    memory = replace(refreshed(memory, insight), frames=ground.frames)
    decisions, promised = [], promises(memory, insight)
    for problem in _worst_first(insight, ground):
        if not _is_new(problem.name, insight, memory):
            continue
        with_others = with_promises(problem, promised)
        decision, memory = _decide_one(with_others, insight, memory, control, kernels)
        memory = with_decision(memory, decision)
        if decision.verdict is Verdict.ACT:
            promised = promises(memory, insight)
        decisions.append(decision)
    for decision in verdict.of_invalid(insight, guards.reject_late_inventory(insight)):
        if not _is_new(decision.application, insight, memory):
            continue
        memory = with_decision(memory, decision)
        decisions.append(decision)
    if _is_new(CAPACITY, insight, memory):
        about_fleet, memory = decide_capacity(insight, ground, memory, decisions, control=control)
        for decision in about_fleet:
            memory = with_decision(memory, decision)
            decisions.append(decision)
    return tuple(decisions), memory


def _is_new(application: ApplicationName, insight: Insight, memory: Memory) -> bool:
    told = memory.told_of(application)
    return told is None or told.cycle < insight.cycle


def _worst_first(insight: Insight, ground: Ground) -> list[Problem]:
    """Return the problems as they are without promises."""

    def need(problem: Problem) -> tuple[float, float, float, float, str]:
        judged = judge(problem, start(problem))
        score, (leaving, weight) = judged.score, lease.leaving(problem, judged.terms)
        broken = score.hard - leaving
        return -broken, -score.unplaced, -weight, -score.quality, problem.name

    applications = insight.fleet.applications
    return sorted((problem_of(insight, ground, a, Promises()) for a in applications), key=need)


def _decide_one(
    problem: Problem,
    insight: Insight,
    memory: Memory,
    control: Control | None,
    kernels: SimpleNamespace,
) -> tuple[Decision, Memory]:
    before = judge(problem, start(problem))
    unseen = (
        guards.reject_late_inventory(insight)
        or guards.reject_unreadable_policy(insight)
        or guards.reject_not_fresh(problem, before.standing)
    )
    busy = guards.reject_paused(control) or guards.reject_in_flight(problem.name, insight, memory)
    objection = busy or unseen
    if objection is not None:
        seen = memory if unseen else _with_wants(memory, problem, before, insight)
        return verdict.hold(problem, insight, objection, before), seen
    objection_to = partial(_objection_to, problem, insight, memory)
    found = _found(insight, memory, kernels, problem)
    objection = _why_nothing(problem, found, objection_to) or _objection_to_plan(
        problem, found, insight, memory
    )
    rejections = explain.rejections_of(problem, found, objection_to, held=objection)
    next_memory = _with_wants(memory, problem, before, insight, found)
    if objection is not None:
        decision = verdict.hold(problem, insight, objection, before, rejections)
    else:
        decision = verdict.act(problem, insight, found, rejections)
    told = sum(told.cycle == insight.cycle for told in memory.told)
    is_turned = told < MOST_TURNED and is_news(decision, memory)
    again = partial(_found, insight, memory, None) if is_turned else None
    return with_limits(decision, problem, found, objection_to, again), next_memory


def _found(
    insight: Insight, memory: Memory, kernels: SimpleNamespace | None, problem: Problem
) -> Found:
    """Search for a plan of as many moves as are left, rescues aside."""
    found = search(problem, partial(_objection_to, problem, insight, memory), kernels)
    if not found.steps:
        return found
    most = max(0, budget.moves_left(problem.application, insight, memory))
    return shortened(problem, found, most + budget.rescues(problem, found.steps))


def _objection_to(
    problem: Problem,
    insight: Insight,
    memory: Memory,
    standing: Standing,
    candidate: Candidate,
) -> Objection | None:
    cooldown = problem.application.limits.cooldown
    return (
        ruled_out(problem, standing, candidate)
        or guards.reject_unsettled(candidate.cluster, insight, memory, cooldown=cooldown)
        or guards.reject_turned_down(
            action_of(problem, candidate), insight, memory, cooldown=cooldown
        )
        or guards.reject_cooling_down(problem, candidate, insight)
    )


def _objection_to_plan(
    problem: Problem, found: Found, insight: Insight, memory: Memory
) -> Objection | None:
    return (
        guards.reject_not_persistent(problem, explain.improved_terms(found), memory)
        or reject_sacrifice(problem, found.before, found.after)
        or guards.reject_outside_window(problem.application, insight.at)
        or budget.reject_over_move_budget(
            problem.application,
            insight,
            memory,
            needed=len(found.steps) - budget.rescues(problem, found.steps),
        )
    )


def _why_nothing(problem: Problem, found: Found, objection_to: ObjectionTo) -> Objection | None:
    """Say why the search found nothing to do, or None where it did."""
    if found.steps:
        return None
    before = found.before
    wrong = explain.what_is_wrong(problem, before)
    if not wrong:
        detail = explain.latencies(problem, before) or "no user group is declared"
        return Objection(reason=Reason.ALL_WELL, detail=detail)
    for weighed in better(problem, found):
        objection = objection_to(before.standing, weighed.candidate)
        if objection is not None and objection.reason in FOR_NOW:
            return Objection(reason=objection.reason, detail=f"{wrong}; {objection.detail}")
    return Objection(reason=Reason.NO_BETTER, detail=f"{wrong}; no allowed change is better")


def _with_wants(
    memory: Memory,
    problem: Problem,
    before: Judged,
    insight: Insight,
    found: Found | None = None,
) -> Memory:
    """Remember what is wrong, or what could be saved, in this cycle."""
    wants = tuple(sorted(name for name in before.terms if not name.startswith("money:")))
    if found and found.steps and explain.improved_terms(found) == (MONEY,):
        wants = (*wants, MONEY)
    seen = Seen(application=problem.name, cycle=insight.cycle, at=insight.at, wants=wants)
    return with_seen(memory, seen)
