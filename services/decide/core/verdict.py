"""From what was found to a Decision that explains itself."""

from dataclasses import replace

from services.decide.core import explain
from services.decide.core.expectations import expectations_of
from services.decide.core.objective import Judged
from services.decide.core.plan import plan_of
from services.decide.core.problem import Objection, Problem
from services.decide.core.search import Found
from shared.messages.decision import Decision, Reason, Rejection, Verdict
from shared.messages.insight import Insight
from shared.model.application import Application, Autonomy
from shared.model.names import ApplicationName, decision_id
from shared.model.plan import Plan


def act(
    problem: Problem, insight: Insight, found: Found, rejections: tuple[Rejection, ...]
) -> Decision:
    """Return the decision to carry out the steps found."""
    plan = plan_of(problem, found, insight)
    return replace(
        blank(problem.application, insight),
        verdict=Verdict.ACT,
        reason=_why(problem, found),
        detail=explain.what_is_done(problem, found, plan),
        plan=plan,
        score_before=found.before.score,
        score_after=found.after.score,
        effects=explain.effects_of(found, plan),
        expectations=expectations_of(problem, found),
        rejections=rejections,
    )


def _why(problem: Problem, found: Found) -> Reason:
    before, after = found.before.score, found.after.score
    if after.hard < before.hard:
        left = any(name.startswith("hard:lease:") for name in explain.improved_terms(found))
        return Reason.LEASE_ENDS if left else Reason.RULE_KEPT
    if after.unplaced < before.unplaced:
        lost = any(part.alive != part.standing for part in problem.components)
        if not lost and any(part.demands_more for part in problem.components):
            return Reason.DEMAND
        return Reason.CLUSTER_LOST if lost else Reason.REPLICAS_PLACED
    return Reason.QUALITY_RESTORED if after.quality < before.quality else Reason.MONEY_SAVED


def hold(
    problem: Problem,
    insight: Insight,
    objection: Objection,
    before: Judged,
    rejections: tuple[Rejection, ...] = (),
) -> Decision:
    """Return the decision to leave things as they are, for that reason."""
    return replace(
        blank(problem.application, insight),
        reason=objection.reason,
        detail=objection.detail,
        score_before=before.score,
        score_after=before.score,
        rejections=rejections,
    )


def blank(application: Application, insight: Insight) -> Decision:
    """Return a decision to hold, its reason still to be given."""
    policy = insight.policy
    waits = application.autonomy is Autonomy.APPROVE
    return Decision(
        id=decision_id(insight.cycle, application.name),
        cycle=insight.cycle,
        fleet=insight.fleet_name,
        application=application.name,
        at=insight.at,
        deadline_at=insight.at + (policy.approval_lifetime if waits else policy.decision_lifetime),
        verdict=Verdict.HOLD,
        reason=Reason.ALL_WELL,
        detail="",
        autonomy=application.autonomy,
        plan=Plan(),
    )


def of_invalid(insight: Insight, unseen: Objection | None) -> list[Decision]:
    """Hold for each Application that could not be read: its status tells what to mend.

    `unseen`: why the inventory cannot be believed; then nothing is said against the Application.
    """
    known = {application.name for application in insight.fleet.applications}
    decisions = []
    for problem in insight.problems:
        name = ApplicationName(problem.name)
        if problem.kind == "Application" and name not in known:
            known.add(name)
            empty = blank(Application(name=name, components=()), insight)
            invalid = Objection(reason=Reason.INVALID, detail=f"{problem.field}: {problem.message}")
            why = unseen or invalid
            decisions.append(replace(empty, reason=why.reason, detail=why.detail))
    return decisions
