"""What would have happened against what did, added up for each application that is only watched.

What "would have happened" assumes:

- A plan is in effect from the deadline of its decision on: by then it would have been begun. It
  succeeds and stays. A later decision counts only if with that plan something would still have
  been wrong; then its plan takes the place of the one before, on the placement that really was: the
  loop never saw the results of its plans.
- Latencies are those of each later cycle, worked out anew with the plan's placements over the
  links as they were measured then: no promise is taken for granted. What the moved load would have
  changed on links and nodes is not known.
- Money is the decision's own account, at the prices of its time, for as long as it was wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from console.shadow.account import Account, told
from console.shadow.seen import Seen
from console.shadow.wants import Want
from shared.messages.decision import Decision, Expectation, Reason
from shared.messages.insight import Insight
from shared.model.application import Autonomy
from shared.model.names import ApplicationName, DecisionId, GroupName
from shared.model.plan import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A user group while one thing was wanted; means over the cycles where both are known."""

    group: GroupName
    budget_ms: float
    before_ms: float | None
    promised_ms: float | None
    would_ms: float | None
    did_ms: float | None
    cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Foregone:
    """One thing that was wanted, and not done."""

    decision: DecisionId
    at: datetime
    ended_at: datetime
    reason: Reason
    actions: tuple[str, ...]
    decisions: int
    changes: int
    saved_usd: float
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A user group's share of cycles within budget, over the cycles where both are known."""

    group: GroupName
    cycles: int
    did_ratio: float | None
    would_ratio: float | None
    did_unknown: int
    """Cycles in which it cannot be told what the group got."""
    would_unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One application, from its first cycle in the report to its last."""

    application: ApplicationName
    autonomy: Autonomy | None
    """The newest. None: no cycle was recorded in which it was only watched."""
    began_at: datetime | None
    ended_at: datetime | None
    changes: int
    saved_usd: float
    groups: tuple[Share, ...]
    wants: tuple[Foregone, ...]


def shadow(decisions: Sequence[Decision], insights: Sequence[Insight]) -> tuple[Report, ...]:
    """Return a report for each watched application, from decisions and the insights of that time.

    The module says what it assumes.
    """
    return reports_of(told(told(Account(), decisions, insights), decisions, ()))


def reports_of(account: Account) -> tuple[Report, ...]:
    """Return a report for each application of an account, by name."""
    wants, seen, horizon = account.wants, account.seen, account.horizon
    names = sorted({*(want.application for want in wants), *(each.application for each in seen)})
    return tuple(
        _report(
            name,
            [want for want in wants if want.application == name],
            [each for each in seen if each.application == name],
            horizon,
        )
        for name in names
    )


def _report(
    name: ApplicationName, wants: list[Want], seen: list[Seen], horizon: timedelta
) -> Report:
    foregone = tuple(_foregone(want, seen, horizon) for want in wants)
    groups = sorted({each.group for each in seen})
    return Report(
        application=name,
        autonomy=seen[-1].autonomy if seen else None,
        began_at=seen[0].at if seen else None,
        ended_at=seen[-1].at if seen else None,
        changes=sum(want.changes for want in foregone),
        saved_usd=sum(want.saved_usd for want in foregone),
        groups=tuple(_share(group, [s for s in seen if s.group == group]) for group in groups),
        wants=foregone,
    )


def _share(group: GroupName, seen: list[Seen]) -> Share:
    both = _both_known(seen)
    return Share(
        group=group,
        cycles=len(seen),
        did_ratio=fmean(did <= s.budget_ms for s, did, _ in both) if both else None,
        would_ratio=fmean(would <= s.budget_ms for s, _, would in both) if both else None,
        did_unknown=sum(s.did_ms is None for s in seen),
        would_unknown=sum(s.would_ms is None for s in seen),
    )


def _foregone(want: Want, seen: list[Seen], horizon: timedelta) -> Foregone:
    during = [each for each in seen if each.want == want.decision]
    last_at = seen[-1].at if seen else want.at
    ended_at = max(want.begins_at, min(want.ends_at or last_at, last_at))
    return Foregone(
        decision=want.decision,
        at=want.at,
        ended_at=ended_at,
        reason=want.reason,
        actions=tuple(describe(action) for action in want.plan.actions),
        decisions=want.decisions,
        changes=want.changes,
        saved_usd=_saved_usd(want, ended_at, horizon) if last_at >= want.begins_at else 0.0,
        promises=tuple(
            _promise(expected, [s for s in during if s.group == expected.group])
            for expected in want.expectations
        ),
    )


def _saved_usd(want: Want, ended_at: datetime, horizon: timedelta) -> float:
    return want.saved_usd * ((ended_at - want.begins_at) / horizon) - want.migration_usd


def _promise(expected: Expectation, during: list[Seen]) -> Promise:
    both = _both_known(during)
    return Promise(
        group=expected.group,
        budget_ms=expected.budget_ms,
        before_ms=expected.before_ms,
        promised_ms=expected.after_ms,
        would_ms=fmean(would for _, _, would in both) if both else None,
        did_ms=fmean(did for _, did, _ in both) if both else None,
        cycles=len(both),
    )


def _both_known(seen: list[Seen]) -> list[tuple[Seen, float, float]]:
    return [
        (each, each.did_ms, each.would_ms)
        for each in seen
        if each.did_ms is not None and each.would_ms is not None
    ]
