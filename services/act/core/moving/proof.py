"""Whether the quality after a move is what was promised, judged by insights newer than it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.act.core.steps import Context
from shared.messages.decision import Expectation
from shared.messages.insight import Insight
from shared.model.names import ApplicationName, GroupName
from shared.model.plan import Move

GUARD_RATIO = 0.05
"""By how much a promise may be missed and is still kept."""


class Finding(StrEnum):
    """What an insight says about a move."""

    GOOD = "good"
    WORSE = "worse"
    EARLY = "early"
    """It is too soon to tell."""
    UNKNOWN = "unknown"
    """Data are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A finding, and its reason in a sentence."""

    finding: Finding
    reason: str = ""


def judge(move: Move, serving_at: datetime, context: Context) -> Judgement:
    """Judge a move by the newest insight, once it is `soak_cycles` cycles younger than the move.

    It counts only where it shows the component on the target alone: an earlier one mixes both
    placements. A group is worse when its latency exceeds its budget, what it was before, and what
    the decision promised: that may knowingly be more than both. One that was not served
    before, and is not yet since other components of its path wait for their turn, has nothing to
    lose: waiting for its quality would only prolong its outage.
    """
    insight = context.insight
    cycles = insight.policy.soak_cycles
    if cycles == 0:
        return Judgement(finding=Finding.GOOD)
    if (insight.at - serving_at).total_seconds() < cycles * insight.interval_seconds:
        return Judgement(finding=Finding.EARLY, reason=f"proving it over {cycles} cycles")
    if not _shows(insight, move):
        return Judgement(
            finding=Finding.UNKNOWN, reason=f"no insight shows {move.component} there alone"
        )
    findings = [_judge_group(insight, move.application, e) for e in context.expectations]
    for finding in (Finding.WORSE, Finding.UNKNOWN):
        for judgement in findings:
            if judgement.finding is finding:
                return judgement
    return Judgement(finding=Finding.GOOD)


def _shows(insight: Insight, move: Move) -> bool:
    """Tell whether all replicas are seen on the target. Those on a lost cluster do not count."""
    standing = [
        p
        for p in insight.fleet.placements_of(move.application, move.component)
        if p.cluster == move.target or p.ready_replicas
    ]
    return [p.cluster for p in standing] == [move.target]


def _judge_group(
    insight: Insight, application: ApplicationName, expectation: Expectation
) -> Judgement:
    group = expectation.group
    quality = next(
        (q for q in insight.qualities if (q.application, q.group) == (application, group)), None
    )
    if quality is None or quality.latency_ms is None:
        if expectation.before_ms is None and not _is_served(insight, application, group):
            return Judgement(finding=Finding.GOOD)
        why = quality.reason if quality and quality.reason else "it is not measured"
        return Judgement(finding=Finding.UNKNOWN, reason=f"the quality of {group}: {why}")
    limit = _limit_ms(expectation)
    if quality.latency_ms > limit:
        told = f"{group} has {quality.latency_ms:.1f} ms, more than {limit:.1f} ms"
        return Judgement(finding=Finding.WORSE, reason=told)
    return Judgement(finding=Finding.GOOD)


def _limit_ms(expectation: Expectation) -> float:
    """Return the latency from which on a group has it worse than it may."""
    promised = (expectation.after_ms or 0.0) * (1.0 + GUARD_RATIO)
    return max(expectation.budget_ms, expectation.before_ms or 0.0, promised)


def _is_served(insight: Insight, application: ApplicationName, group: GroupName) -> bool:
    """Tell whether every component of a group's path has a ready replica."""
    ready = {
        p.component
        for p in insight.fleet.placements
        if p.application == application and p.ready_replicas
    }
    declared = insight.fleet.application(application)
    paths = [g.round_trip for g in declared.users if g.name == group] if declared else []
    return all(name in ready for path in paths for name in path)
