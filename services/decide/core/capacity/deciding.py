"""The entry: what the fleet itself should become, as one Decision per cycle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from services.decide.core import guards
from services.decide.core.capacity import telling
from services.decide.core.capacity.choosing import (
    Choice,
    Proposal,
    choose,
    ladders_of,
    longest_of,
)
from services.decide.core.capacity.ladders import can_change
from services.decide.core.capacity.resting import reject_closed, reject_refused, reject_restless
from services.decide.core.capacity.shrinking import spare
from services.decide.core.capacity.weighing import Question
from services.decide.core.demand import Range, replica_ranges
from services.decide.core.ground import Ground
from services.decide.core.memory import Memory, Seen, with_seen
from services.decide.core.problem import Objection
from services.decide.core.promises import promises
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.model.application import Application
from shared.model.names import CAPACITY, ApplicationName

MOST_APPLICATIONS = 30
"""More than that are not weighed in one cycle, the lightest last."""
MONEY = "money"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cycle:
    """What one cycle is decided on."""

    insight: Insight
    ground: Ground
    memory: Memory
    decisions: Sequence[Decision]
    """For the applications, of this cycle."""


def decide_capacity(
    insight: Insight,
    ground: Ground,
    memory: Memory,
    decisions: Sequence[Decision],
    *,
    control: Control | None,
) -> tuple[tuple[Decision, ...], Memory]:
    """Say whether to grow, shrink, create or peer clusters, or to wait.

    One decision; none where no Site allows any of that.

    `decisions`: what was decided for the applications in this cycle, `memory` with them.
    """
    if not can_change(insight):
        return (), memory
    unseen = guards.reject_late_inventory(insight) or guards.reject_unreadable_policy(insight)
    if unseen is not None:
        return (telling.hold(insight, unseen),), memory
    cycle = _Cycle(insight=insight, ground=ground, memory=memory, decisions=decisions)
    choice = _choice(cycle)
    wants = _wants(choice)
    seen = Seen(application=CAPACITY, cycle=insight.cycle, at=insight.at, wants=wants)
    busy = guards.reject_paused(control) or guards.reject_in_flight(CAPACITY, insight, memory)
    decision = telling.hold(insight, busy, choice) if busy else _decided(cycle, choice)
    return (decision,), with_seen(memory, seen)


def _choice(cycle: _Cycle) -> Choice:
    ladders = ladders_of(cycle.insight)
    question = _question(cycle, longest_of(ladders))
    choice = choose(question, ladders)
    return replace(choice, due=spare(question)) if choice.wrong is None else choice


def _question(cycle: _Cycle, ahead: timedelta) -> Question:
    """Ask for those that are stuck, and those whose demand will pass what they have.

    What is on its way for them is not counted as promised: they ask for it again.
    """
    insight, stuck = cycle.insight, telling.stuck(cycle.decisions)
    ranges = replica_ranges(insight, ahead)
    asking = [a for a in insight.fleet.applications if a.name in stuck or _will_ask(a, ranges)]
    asking.sort(key=lambda a: (-max((g.weight for g in a.users), default=1.0), a.name))
    names = {application.name for application in asking}
    others = tuple(d for d in cycle.memory.decisions if d.application not in names)
    return Question(
        insight=insight,
        applications=tuple(asking[:MOST_APPLICATIONS]),
        promised=promises(replace(cycle.memory, decisions=others), insight),
    )


def _will_ask(application: Application, ranges: Mapping[str, Range]) -> bool:
    names = ((c, f"{application.name}/{c.name}") for c in application.components)
    return any(name in ranges and ranges[name][0] > c.replicas for c, name in names)


def _wants(choice: Choice) -> tuple[str, ...]:
    if choice.wrong is not None:
        return tuple(sorted(n for n in choice.wrong.terms if not n.startswith("money:")))
    return (MONEY,) if choice.due else ()


def _decided(cycle: _Cycle, choice: Choice) -> Decision:
    """Return the decision for the best plan that is due and to which nobody objects."""
    objections = [_objection_to(cycle, proposal) for proposal in choice.due]
    if None not in objections:
        why = next(filter(None, objections), None) or telling.why_nothing(choice)
        return telling.hold(cycle.insight, why, choice)
    best, policy = choice.due[objections.index(None)], cycle.insight.policy
    wants = telling.improved(best) or (MONEY,)
    fleeting = guards.not_persistent(CAPACITY, policy, wants, cycle.memory)
    if fleeting is not None:
        return telling.hold(cycle.insight, fleeting, choice)
    return telling.act(cycle.insight, choice, best, _in_need(cycle))


def _in_need(cycle: _Cycle) -> frozenset[ApplicationName]:
    """Return those that are stuck now, whatever the demand will be."""
    applications, ranges = cycle.insight.fleet.applications, cycle.ground.ranges
    ahead = {a.name for a in applications if _will_ask(a, ranges)}
    return telling.stuck(cycle.decisions) - ahead


def _objection_to(cycle: _Cycle, proposal: Proposal) -> Objection | None:
    rung = proposal.then.rung
    return (
        reject_closed(cycle.ground, rung)
        or reject_refused(cycle.insight, rung)
        or reject_restless(cycle.insight, cycle.memory, rung)
    )
