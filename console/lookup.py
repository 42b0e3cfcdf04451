"""Find a decision by what a person calls it."""

import re
from datetime import UTC, datetime, timedelta

from shared.bus.port import Bus
from shared.messages.decision import Decision, Verdict
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.names import ApplicationName, application_token

APPLICATION = re.compile(r"[a-z0-9-]+[/_][a-z0-9-]+|_capacity")


async def find_decision(bus: Bus, called: str) -> tuple[Decision, Outcome | None]:
    """Return a decision by its id, or an application's newest one, and its newest outcome.

    LookupError, with a sentence: there is none.
    """
    decision = await _find(bus, called)
    if decision is None:
        raise LookupError(
            f"no decision is called {called!r}: `crossloop decisions` lists those of the last day"
        )
    outcomes = await bus.replay(of=Outcome, since=decision.at - timedelta(minutes=1))
    of_it = [o for o in outcomes if o.decision == decision.id and not o.is_part]
    return decision, of_it[-1] if of_it else None


async def find_waiting(bus: Bus, called: str, *, by: str) -> Decision:
    """Return the decision that waits for this person's answer, by its id or its application.

    LookupError, with a sentence: none does, or this is nobody the fleet's policy lets answer.
    """
    if APPLICATION.fullmatch(called):
        newest = await bus.newest(of=Outcome, tail=application_token(ApplicationName(called)))
        called = newest.decision if newest else called
    decision, outcome = await find_decision(bus, called)
    if decision.verdict is Verdict.HOLD:
        raise LookupError(f"{decision.id} changes nothing: there is nothing to answer")
    if outcome is not None and outcome.status is not Status.WAITING:
        raise LookupError(f"{decision.id} is {outcome.status} already: there is nothing to answer")
    insight = await bus.newest(of=Insight)
    approvers = insight.policy.approvers if insight else ()
    if approvers and by not in approvers:
        raise LookupError(f"{by} may not answer: the approvers are {', '.join(approvers)}")
    return decision


async def _find(bus: Bus, called: str) -> Decision | None:
    cycle, underscore, _ = called.partition("_")
    made_at = _instant(cycle) if underscore else None
    if made_at is None:
        if not APPLICATION.fullmatch(called):
            return None
        return await bus.newest(of=Decision, tail=application_token(ApplicationName(called)))
    decisions = await bus.replay(of=Decision, since=made_at - timedelta(minutes=1))
    return next((d for d in decisions if d.id == called), None)


def _instant(cycle: str) -> datetime | None:
    """Read the instant a cycle is named after, or None: it is no cycle."""
    try:
        return datetime.strptime(cycle, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
