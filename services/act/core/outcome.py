"""From the ledger, or an admission, to the message that says where a decision stands."""

from datetime import datetime

from services.act.core.ledger import Entry, Ledger
from shared.messages.decision import Decision
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.names import FleetName


def outcome_of(ledger: Ledger, fleet: FleetName) -> Outcome:
    """Return the outcome a ledger stands for: the same one however often it is asked."""
    return Outcome(
        decision=ledger.decision,
        cycle=ledger.cycle,
        fleet=fleet,
        application=ledger.application,
        at=ledger.updated_at,
        status=ledger.status,
        actions=tuple(result_of(entry) for entry in ledger.entries),
        message=ledger.message,
        by=ledger.by,
    )


def result_of(entry: Entry) -> ActionResult:
    """Return what became of one action so far."""
    return ActionResult(
        action=entry.action,
        status=entry.status,
        started_at=entry.started_at,
        serving_at=entry.serving_at,
        finished_at=entry.finished_at,
        message=entry.message,
        warnings=entry.warnings,
        phases=entry.phases,
    )


def declined(decision: Decision, status: Status, reason: str, *, now: datetime) -> Outcome:
    """Return the outcome of a decision that does not enter the ledger."""
    return Outcome(
        decision=decision.id,
        cycle=decision.cycle,
        fleet=decision.fleet,
        application=decision.application,
        at=now,
        status=status,
        actions=tuple(ActionResult(action=a, status=status) for a in decision.plan.actions),
        message=reason,
    )
