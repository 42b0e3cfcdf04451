"""What becomes of a decision, and of a person's answer to it."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.act.core.ledger import Entry, Ledger, closed
from shared.errors import PermanentError, TransientError
from shared.messages.approval import Approval
from shared.messages.decision import Decision, Verdict
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ApplicationName, ClusterName, DecisionId
from shared.model.plan import Action, ApplicationAction, FleetAction, describe, site_of
from shared.model.policy import FleetPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A plan to be carried out, or to wait for a person: write this ledger."""

    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The decision is in the ledger already: it was delivered again."""

    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """Told, and not done."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Declined, since the world has moved on."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Nothing should change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """Older than the plan in the ledger: delivered again late, or overtaken."""


Admission = Admitted | Known | Advised | Refusal | Held | Outdated


def admit(
    decision: Decision,
    ledger: Ledger | None,
    *,
    now: datetime,
    paused: bool,
    policy: FleetPolicy,
) -> Admission:
    """Tell what becomes of a decision. There is at most one plan under way per application."""
    if decision.verdict is Verdict.HOLD:
        return Held()
    if ledger and ledger.decision == decision.id:
        return Known(ledger=ledger)
    if ledger and ledger.cycle >= decision.cycle:
        return Outdated()
    if decision.autonomy in (Autonomy.SHADOW, Autonomy.ADVISE):
        return Advised(reason=f"the application is in {decision.autonomy}")
    if reason := _why_not(decision, ledger, now=now, paused=paused):
        return Refusal(reason=reason)
    waits = decision.autonomy is Autonomy.APPROVE
    return Admitted(
        ledger=Ledger(
            decision=decision.id,
            cycle=decision.cycle,
            application=decision.application,
            status=Status.WAITING if waits else Status.PENDING,
            started_at=now,
            deadline_at=decision.at + policy.approval_lifetime if waits else decision.deadline_at,
            updated_at=now,
            message="it waits for a person" if waits else "",
            entries=tuple(Entry(action=action) for action in own_actions(decision)),
            expectations=decision.expectations,
            site=site_of_decision(decision),
        )
    )


def stricter(decided: Autonomy, wished: str | None) -> Autonomy:
    """Return the stricter of what the decision goes by and what the Application asks for now."""
    order = [str(level) for level in (Autonomy.SHADOW, Autonomy.ADVISE, Autonomy.APPROVE)]
    levels = [*order, str(Autonomy.AUTO)]
    if wished not in levels:
        return decided
    return Autonomy(min(str(decided), wished, key=levels.index))


def own_actions(decision: Decision) -> tuple[Action, ...]:
    """Return the actions of a plan that touch what it is for, and nothing else.

    A decision for the fleet itself is for its clusters, any other one for its application.
    """
    if decision.application == CAPACITY:
        return tuple(a for a in decision.plan.actions if isinstance(a, FleetAction))
    return tuple(
        action
        for action in decision.plan.actions
        if isinstance(action, ApplicationAction) and action.application == decision.application
    )


def site_of_decision(decision: Decision) -> ClusterName | None:
    """Return the Site that keeps the ledger of a decision for the fleet; None for any other."""
    own = own_actions(decision)
    first = own[0] if own else None
    return site_of(first) if isinstance(first, FleetAction) else None


def application_of_decision(decision: DecisionId) -> ApplicationName:
    """Return the application a decision's id names; the names of Kubernetes hold no underscore."""
    _, _, token = decision.partition("_")
    return CAPACITY if token == CAPACITY else ApplicationName(token.replace("_", "/", 1))


def _why_not(decision: Decision, ledger: Ledger | None, *, now: datetime, paused: bool) -> str:
    own = own_actions(decision)
    foreign = [describe(action) for action in decision.plan.actions if action not in own]
    if foreign:
        return f"the plan touches more than its application: {foreign[0]}"
    if now > decision.deadline_at:
        return "its deadline has passed"
    if ledger and ledger.is_under_way:
        return f"the plan of {ledger.decision} is under way"
    if paused:
        return "the loop is paused"
    return ""


def answer(
    approval: Approval, ledger: Ledger | None, *, now: datetime, policy: FleetPolicy
) -> Ledger:
    """Return the ledger after a person's answer; the same one if it holds that answer already.

    PermanentError: nothing waits for this answer, or this person may not give it. TransientError:
    it overtook its decision.
    """
    if ledger is None or ledger.decision < approval.decision:
        raise TransientError(f"decision {approval.decision} has not come in yet")
    if ledger.decision != approval.decision:
        raise PermanentError(f"decision {approval.decision} does not wait for an approval")
    if ledger.by == approval.by and ledger.status is not Status.WAITING:
        return ledger
    if ledger.status is not Status.WAITING:
        raise PermanentError(f"decision {approval.decision} does not wait: it is {ledger.status}")
    if policy.approvers and approval.by not in policy.approvers:
        raise PermanentError(f"{approval.by} is not among the approvers of the fleet's policy")
    if now > ledger.deadline_at:
        raise PermanentError(f"the answer to {approval.decision} came after {ledger.deadline_at}")
    if approval.approved:
        begun_by = now + policy.decision_lifetime
        answered = replace(ledger, status=Status.PENDING, deadline_at=begun_by)
    else:
        answered = closed(ledger, Status.REJECTED)
    return replace(answered, by=approval.by, message=approval.reason, updated_at=now)


def expired(ledger: Ledger, now: datetime) -> Ledger:
    """Return the ledger of a plan that nobody answered in time."""
    ended = closed(ledger, Status.EXPIRED)
    return replace(ended, updated_at=now, message="nobody approved it in time")
