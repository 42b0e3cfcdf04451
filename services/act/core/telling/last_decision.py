"""The newest decision about an Application or a Site, and what became of it, as they tell it."""

from typing import Any

from services.act.core.ledger_json import written
from services.act.core.objects import Object, dig
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome


def site_status_of(outcome: Outcome) -> dict[str, Any]:
    """Return the status of a Site that Act applies: what became of the newest decision about it."""
    decision = {"id": outcome.decision, "at": written(outcome.at)}
    return {"lastDecision": {**decision, **_outcome(outcome)}}


def last_decision(
    decision: Decision | None, outcome: Outcome | None, live: Object
) -> dict[str, Any]:
    """Return the newest decision; the one told before while Act has not heard a newer."""
    if decision is None:
        told = dig(live, "status", "lastDecision")
        return {"lastDecision": told} if told else {}
    return {
        "lastDecision": {
            "id": decision.id,
            "verdict": str(decision.verdict),
            "reason": str(decision.reason),
            "detail": decision.detail,
            "at": written(decision.at),
            **_became(decision, outcome, live),
        }
    }


def _became(decision: Decision, outcome: Outcome | None, live: Object) -> dict[str, str]:
    """Return what became of a decision; what was told before while Act has not heard it again."""
    if outcome is not None and outcome.decision == decision.id:
        return _outcome(outcome)
    told = dig(live, "status", "lastDecision") or {}
    if told.get("id") != decision.id:
        return {}
    return {key: told[key] for key in ("outcome", "message") if key in told}


def _outcome(outcome: Outcome) -> dict[str, str]:
    return {"outcome": str(outcome.status), "message": outcome.message}
