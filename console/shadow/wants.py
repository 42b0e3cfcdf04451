"""What the loop would have done, from what it decided.

Nothing was done, so the trouble went on, and more was decided about it. Had it been done, nothing
more would have been: so one trouble is one want, however often the loop came back to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.messages.decision import Decision, Expectation, Reason, Verdict
from shared.model.application import Autonomy
from shared.model.names import ApplicationName, DecisionId
from shared.model.plan import Action, Move, OffloadNamespace, Plan, Scale, describe

WATCHED = frozenset((Autonomy.SHADOW, Autonomy.ADVISE))
MIGRATION = "money:migration:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A plan that would have been carried out, and stays until something else is wanted."""

    application: ApplicationName
    decision: DecisionId
    """The first one that asked for it."""
    at: datetime
    begins_at: datetime
    """The deadline of that decision: by then it would have been under way."""
    ends_at: datetime | None = None
    """When another want took its place, or the application was no longer only watched."""
    reason: Reason
    plan: Plan
    decisions: int = 1
    """How often it was asked for, or something else in its place that it made needless."""
    changes: int
    """Things that change from what was wanted before to this."""
    expectations: tuple[Expectation, ...]
    saved_usd: float
    """Over the policy's horizon, without migration."""
    migration_usd: float

    def holds_at(self, at: datetime) -> bool:
        """Tell whether the plan would be in effect at an instant."""
        return self.begins_at <= at and (self.ends_at is None or at < self.ends_at)


def with_decision(
    wants: tuple[Want, ...], decision: Decision, *, well: frozenset[ApplicationName]
) -> tuple[Want, ...]:
    """Return the wants, oldest first, after one more decision.

    `well`: applications all of whose user groups would now be within budget with what is wanted.
    """
    last = next((w for w in reversed(wants) if w.application == decision.application), None)
    if last is not None and last.ends_at is not None:
        last = None
    if decision.autonomy not in WATCHED:
        return _ended(wants, last, decision.at) if last else wants
    if decision.verdict is Verdict.HOLD:
        return wants
    if last is None:
        return (*wants, _want(decision, _differences({}, _ends_of(decision.plan))))
    changes = _differences(_ends_of(last.plan), _ends_of(decision.plan))
    if changes == 0 or _is_needless(decision, last, well):
        again = replace(last, decisions=last.decisions + 1)
        return tuple(again if want is last else want for want in wants)
    return (*_ended(wants, last, decision.deadline_at), _want(decision, changes))


def _is_needless(decision: Decision, last: Want, well: frozenset[ApplicationName]) -> bool:
    """Tell whether it would not have been decided had the last want been done.

    Until its deadline that would have been in flight. After it, nothing is wrong with users who are
    within budget; but money is another matter if it was not what the want was about.
    """
    if decision.at < last.begins_at:
        return True
    reasons = {Reason.QUALITY_RESTORED}
    if last.reason is Reason.MONEY_SAVED:
        reasons.add(Reason.MONEY_SAVED)
    return decision.application in well and decision.reason in reasons


def _ended(wants: tuple[Want, ...], last: Want, at: datetime) -> tuple[Want, ...]:
    return tuple(replace(want, ends_at=at) if want is last else want for want in wants)


def _want(decision: Decision, changes: int) -> Want:
    money = [t for e in decision.effects for t in e.terms if t.name.startswith("money:")]
    moving = [term for term in money if term.name.startswith(MIGRATION)]
    return Want(
        application=decision.application,
        decision=decision.id,
        at=decision.at,
        begins_at=decision.deadline_at,
        reason=decision.reason,
        plan=decision.plan,
        changes=changes,
        expectations=decision.expectations,
        saved_usd=sum(t.before - t.after for t in money if t not in moving),
        migration_usd=sum(term.after - term.before for term in moving),
    )


def _ends_of(plan: Plan) -> Mapping[str, str]:
    """Return what a plan leaves behind, by what it touches: where from does not matter."""
    return dict(_end_of(a) for a in plan.actions if not isinstance(a, OffloadNamespace))


def _end_of(action: Action) -> tuple[str, str]:
    match action:
        case Move():
            return f"place of {action.component}", action.target
        case Scale():
            return f"replicas of {action.component}", str(action.replicas)
        case _:
            return describe(action), "done"


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    return sum(before.get(what) != after.get(what) for what in {*before, *after})
