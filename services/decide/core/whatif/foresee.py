"""Say what would be decided on an insight alone, were nothing but the insight in the way."""

from dataclasses import dataclass, replace
from datetime import timedelta

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.decision import Decision, Verdict
from shared.messages.insight import Insight
from shared.model.application import Application
from shared.model.names import CycleId


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would be decided for an application, and the holds that stand before it now."""

    decision: Decision
    held_by: tuple[Decision, ...] = ()
    """What Decide would say instead: seen for the first time, and seen often enough."""


def foresee(insight: Insight) -> tuple[Foreseen, ...]:
    """Decide for every application as if nothing but the fleet itself were in the way.

    As if seen in enough cycles, with nothing under way, no recent move and no maintenance window:
    these change by themselves, and would hide the answer. All by the production `decide`.
    """
    free = _unhindered(insight)
    first, _ = decide(insight, Memory())
    settled, _ = decide(insight, _as_if_seen(insight))
    wanted, _ = decide(free, _as_if_seen(free))
    return tuple(
        Foreseen(decision=decision, held_by=_held_by(decision, (*first, *settled)))
        for decision in sorted(wanted, key=lambda d: d.application)
    )


def _held_by(decision: Decision, others: tuple[Decision, ...]) -> tuple[Decision, ...]:
    if decision.verdict is Verdict.HOLD:
        return ()
    holds = {
        other.reason: other
        for other in others
        if other.application == decision.application and other.verdict is Verdict.HOLD
    }
    return tuple(holds.values())


def _as_if_seen(insight: Insight) -> Memory:
    """Return the memory of a Decide that saw the same in all the cycles it asks for.

    What it would have decided in them is left out: only that it was seen counts.
    """
    memory = Memory()
    for back in range(insight.policy.persistence_needed - 1, 0, -1):
        at = insight.at - timedelta(seconds=back * insight.interval_seconds)
        cycle = CycleId(f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z")
        _, after = decide(replace(insight, cycle=cycle, at=at), memory)
        memory = Memory(seen=after.seen)
    return memory


def _unhindered(insight: Insight) -> Insight:
    fleet = insight.fleet
    free = tuple(_at_any_time(application) for application in fleet.applications)
    return replace(insight, fleet=replace(fleet, applications=free), outcomes=(), under_way=())


def _at_any_time(application: Application) -> Application:
    return replace(application, limits=replace(application.limits, windows=()))
