"""Act's entry functions: what a plan does next, and where it stands after that."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from services.act.core.ledger import Entry, Ledger, closed
from services.act.core.live import Live
from services.act.core.moving.move import next_of_move
from services.act.core.moving.offload import next_of_offload
from services.act.core.moving.scale import next_of_scale
from services.act.core.steps import Context, Next, Progress, Step, Wait, ended
from shared.messages.insight import Insight
from shared.messages.outcome import Status
from shared.model.plan import (
    ApplicationAction,
    CreateCluster,
    FleetAction,
    Move,
    OffloadNamespace,
    Peer,
    Scale,
)
from shared.model.policy import FleetPolicy

BLIND = timedelta(minutes=10)
"""How long an action that was begun goes on without being allowed to look at its objects."""


LIQO_COMES = timedelta(minutes=15)
"""What a new cluster gets until Liqo runs there, by an add-on of its template, so that it can be
joined."""


def context_of(ledger: Ledger, insight: Insight, *, now: datetime, paused_by: str = "") -> Context:
    """Return what the actions of a plan are judged by, beside their objects."""
    return Context(
        now=now,
        decision=ledger.decision,
        deadline_at=ledger.deadline_at,
        insight=insight,
        expectations=ledger.expectations,
        paused_by=paused_by,
    )


def next_of_application(
    action: ApplicationAction, entry: Entry, live: Live, context: Context
) -> Next:
    """Return what comes next for an action on an application, from its objects as they stand."""
    match action:
        case Move():
            return next_of_move(action, entry, live, context)
        case _ if context.paused_by:
            return Wait(reason=f"the loop is paused by {context.paused_by}")
        case OffloadNamespace():
            return next_of_offload(action, entry, live, context)
        case Scale():
            return next_of_scale(action, entry, live, context)
        case _:
            assert_never(action)


def current_entry(ledger: Ledger) -> Entry:
    """Return the first action that is not finished."""
    return next(entry for entry in ledger.entries if not entry.status.is_final)


def after_progress(
    ledger: Ledger, progress: Progress, *, now: datetime, policy: FleetPolicy
) -> Ledger:
    """Return the ledger with the progress of its current action.

    An action that did not succeed ends the plan: the ones after it are not begun, and what was done
    before it stays.
    """
    current, entry = current_entry(ledger), progress.entry
    entries = tuple(entry if e is current else e for e in ledger.entries)
    changes: dict[str, Any] = {"entries": entries, "updated_at": now, "message": entry.message}
    if not entry.status.is_final:
        return replace(ledger, status=Status.RUNNING, **changes)
    if entry.status is not Status.SUCCEEDED:
        status = _stopped_as(ledger, entry)
        return closed(replace(ledger, status=status, **changes), status)
    if any(not e.status.is_final for e in entries):
        upcoming = next(e.action for e in entries if not e.status.is_final)
        is_new = isinstance(upcoming, Peer) and isinstance(entry.action, CreateCluster)
        begun_by = now + (LIQO_COMES if is_new else policy.decision_lifetime)
        return replace(ledger, status=Status.RUNNING, deadline_at=begun_by, **changes)
    changes["message"] = "; ".join(e.message for e in entries if e.message)
    return replace(ledger, status=Status.SUCCEEDED, **changes)


def after_denial(ledger: Ledger, reason: str, *, now: datetime) -> Progress:
    """Return the progress of an action for which the API server denied a call for good.

    An action not begun, or whose own write was denied, did nothing: a refusal. On the way back it
    is left halfway.
    """
    entry = current_entry(ledger)
    status = Status.REFUSED if entry.back_at is None else Status.FAILED
    return ended(entry, status, now, reason)


def after_denied_look(ledger: Ledger, reason: str, *, now: datetime) -> Progress | None:
    """Return the progress of an action whose objects the API server did not show; None: look again.

    On a cluster nothing is done before the ledger says so: a refusal. Where an application stands
    only its objects tell, and what was denied once may be given again: it is left halfway only
    after a while.
    """
    entry = current_entry(ledger)
    if entry.status is Status.PENDING and isinstance(entry.action, FleetAction):
        return after_denial(ledger, reason, now=now)
    if now <= ledger.updated_at + BLIND:
        return None
    minutes = BLIND.total_seconds() / 60
    told = f"not to be seen for {minutes:.0f} minutes: {reason}; it is left where it stands"
    return ended(entry, Status.FAILED, now, told)


def after_denied_step(ledger: Ledger, step: Step, reason: str, *, now: datetime) -> Progress:
    """Return the progress of an action one of whose steps was denied for good.

    A step says itself where the action goes on without it; the reason becomes a warning.
    """
    if step.otherwise is None:
        return after_denial(ledger, reason, now=now)
    entry, told = step.otherwise.entry, f"could not {step.write.purpose}"
    if any(warning.startswith(told) for warning in entry.warnings):
        return Progress(entry=entry)
    return Progress(entry=replace(entry, warnings=(*entry.warnings, reason)))


def _stopped_as(ledger: Ledger, entry: Entry) -> Status:
    """Return the status of a plan that one action ended; refused halfway is a failure."""
    changed = any(
        e.status is Status.SUCCEEDED and not isinstance(e.action, OffloadNamespace)
        for e in ledger.entries
    )
    return Status.FAILED if entry.status is Status.REFUSED and changed else entry.status
