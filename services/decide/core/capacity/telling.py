"""What is decided for the fleet, in a message that explains itself."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from services.decide.core.capacity.choosing import Choice, Proposal
from services.decide.core.capacity.ladders import ready_after
from services.decide.core.capacity.weighing import Answer
from services.decide.core.problem import Objection
from services.decide.core.verdict import blank
from shared.messages.decision import Decision, Effect, Reason, Rejection, Term, Verdict
from shared.messages.insight import Insight
from shared.model.application import Application
from shared.model.names import CAPACITY, ApplicationName
from shared.model.plan import Plan

MOST_REJECTIONS = 3
MOST_TOLD = 3


def stuck(decisions: Sequence[Decision]) -> frozenset[ApplicationName]:
    """Return the applications with something wrong that no allowed move mends."""
    return frozenset(
        d.application
        for d in decisions
        if d.verdict is Verdict.HOLD and d.reason is Reason.NO_BETTER
    )


def hold(insight: Insight, why: Objection, choice: Choice | None = None) -> Decision:
    """Return the decision to leave the clusters as they are, for that reason."""
    wrong = choice.wrong if choice else None
    return replace(
        _blank(insight),
        reason=why.reason,
        detail=f"{what_is_wrong(wrong)}; {why.detail}" if wrong else why.detail,
        score_before=wrong.score if wrong else None,
        score_after=wrong.score if wrong else None,
        rejections=_rejections(choice, lambda _: why) if choice else (),
    )


def act(
    insight: Insight, choice: Choice, proposal: Proposal, in_need: frozenset[ApplicationName]
) -> Decision:
    """Return the decision for a plan. `in_need`: for whom it is not a forecast."""
    rung = proposal.then.rung
    minutes = ready_after(rung).total_seconds() / 60.0
    lead = what_is_wrong(proposal.wait) if proposal.is_needed else _what_is_saved(proposal)
    first, *others = rung
    return replace(
        _blank(insight),
        verdict=Verdict.ACT,
        reason=_why(proposal, in_need),
        detail=f"{lead}: {proposal.name}, which takes {minutes:g} min",
        plan=Plan(actions=rung),
        score_before=proposal.wait.score,
        score_after=proposal.then.score,
        effects=(
            Effect(action=first, terms=_changed(proposal)),
            *(Effect(action=action) for action in others),
        ),
        rejections=_rejections(choice, lambda other: _beside(other, proposal)),
    )


def _blank(insight: Insight) -> Decision:
    autonomy = insight.policy.capacity_autonomy
    return blank(Application(name=CAPACITY, components=(), autonomy=autonomy), insight)


def _changed(proposal: Proposal) -> tuple[Term, ...]:
    before, after = proposal.wait.terms, proposal.then.terms
    return tuple(
        Term(name=name, before=before.get(name, 0.0), after=after.get(name, 0.0))
        for name in sorted({*before, *after})
        if before.get(name, 0.0) != after.get(name, 0.0)
    )


def improved(proposal: Proposal) -> tuple[str, ...]:
    """Return the names of what a plan makes better, but money."""
    changed = _changed(proposal)
    return tuple(t.name for t in changed if t.after < t.before and not t.name.startswith("money:"))


def _why(proposal: Proposal, in_need: frozenset[ApplicationName]) -> Reason:
    if not proposal.is_needed:
        return Reason.MONEY_SAVED
    names = improved(proposal)
    if not any(f":{application}/" in name for application in in_need for name in names):
        return Reason.DEMAND
    before, after = proposal.wait.score, proposal.then.score
    if after.hard < before.hard:
        leaves = any(name.startswith("hard:lease:") for name in names)
        return Reason.LEASE_ENDS if leaves else Reason.RULE_KEPT
    return Reason.REPLICAS_PLACED if after.unplaced < before.unplaced else Reason.QUALITY_RESTORED


def why_nothing(choice: Choice) -> Objection:
    """Say why no plan is due."""
    if choice.wrong is None:
        return Objection(reason=Reason.ALL_WELL, detail="no cluster will be short of room")
    if not choice.early:
        return Objection(reason=Reason.NO_BETTER, detail="no change of clusters mends that")
    return _too_early(choice.early[0])


def _too_early(proposal: Proposal) -> Objection:
    minutes = ready_after(proposal.then.rung).total_seconds() / 60.0
    detail = f"{proposal.name} takes {minutes:g} min and would be ready before it is needed"
    return Objection(reason=Reason.TOO_EARLY, detail=detail)


def what_is_wrong(answer: Answer) -> str:
    """Return what will be wrong if nothing is done, as far as a sentence bears."""
    names = [name for name in sorted(answer.terms) if not name.startswith("money:")]
    told = [_told(name, answer.terms[name]) for name in names[:MOST_TOLD]]
    more = [f"{len(names) - MOST_TOLD} more"] if len(names) > MOST_TOLD else []
    minutes = answer.ahead.total_seconds() / 60.0
    return f"within {minutes:g} min " + ", ".join((*told, *more))


def _told(name: str, value: float) -> str:
    level, _, what = name.partition(":")
    if level == "unplaced":
        return f"{value:g} replicas of {what} find no room"
    kind, _, subject = what.partition(":")
    if kind == "lease":
        return f"{value:g} replicas of {subject} cannot leave before the lease ends"
    if kind == "cluster":
        return f"{subject.replace(':', ' ', 1)} passes what its nodes offer"
    return f"{kind} {subject} is out of its limits"


def _what_is_saved(proposal: Proposal) -> str:
    saved = proposal.wait.score.money - proposal.then.score.money
    return f"{saved:.2f} USD are saved"


def _rejections(
    choice: Choice, why_not: Callable[[Proposal], Objection | None]
) -> tuple[Rejection, ...]:
    """Return the plans that were turned down, best first."""
    due = ((proposal, why_not(proposal)) for proposal in choice.due)
    early = ((proposal, _too_early(proposal)) for proposal in choice.early)
    rejections = (
        Rejection(
            candidate=proposal.then.rung[0],
            reason=why.reason,
            detail=why.detail,
            score=proposal.then.score,
        )
        for proposal, why in (*due, *early)
        if why is not None
    )
    return tuple(islice(rejections, MOST_REJECTIONS))


def _beside(proposal: Proposal, taken: Proposal) -> Objection | None:
    """Say why a plan is not taken; None for the one that is."""
    if proposal is taken:
        return None
    more = proposal.then.score.money - taken.then.score.money
    what = f"costs {more:.2f} USD more" if more > 0 else "is no better"
    return Objection(reason=Reason.WORSE, detail=f"{proposal.name} {what}")
