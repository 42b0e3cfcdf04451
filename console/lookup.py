"""Find a decision by what a person calls it."""

import re
from datetime import UTC, datetime, timedelta

from shared.bus.port import Bus
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome
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
    of_it = [outcome for outcome in outcomes if outcome.decision == decision.id]
    return decision, of_it[-1] if of_it else None


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
